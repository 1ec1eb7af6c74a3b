-- What was answered to requests with an X-Idempotency-Key (contract §1.10), for 24 hours. Bodies may hold names: the purge matters.
create table idempotency (
  scope text not null, -- SHA-1 of Authorization header, ":" and session cookie
  key text not null,
  owner integer not null, -- the process that runs it: it holds an advisory lock under this number as long as it lives
  created timestamptz not null default now(), -- first seen; kept when another process takes over
  status smallint, -- null: still running
  headers json,
  body bytea,
  primary key (scope, key)
);

create index idempotency_created on idempotency (created);
