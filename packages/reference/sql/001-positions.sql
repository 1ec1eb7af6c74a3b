-- What the importer asks of all tickets that it has ever stated, without reading history again. Runs with search_path set to
-- the context's schema.

create table positions (
  id integer primary key,
  -- The order that named it last.
  stream text collate "C" not null,
  -- Of its event and its secret, which is not kept here.
  secret_key bigint not null,
  -- Whether it may enter: named, not canceled, and its order pending or paid.
  live boolean not null
);
create index positions_by_secret on positions (secret_key) where live;

-- Holds a row as soon as `positions` knows everything that was stated before there was such a table.
create table positions_complete (at timestamptz not null default now());
