-- PDFs of batches (contract §9.4): who asked for one, how far it is, and its bytes, until it expires. The jobs that draw them
-- are pg-boss's, in the schema sales_jobs; a job begins, ends and is deleted in the transaction that changes its file's row.
create table render_files (
  id uuid primary key,
  -- That of pg-boss, too.
  job uuid not null unique,
  organizer text collate "C" not null,
  event text collate "C" not null,
  -- What its pages need to know of the batch.
  batch json not null,
  batch_id bigint not null,
  status text collate "C" not null default 'waiting' check (status in ('waiting', 'running', 'failed', 'succeeded')),
  -- Each beginning of the job is an attempt of its own. Only the newest one can write.
  attempt integer not null default 0,
  -- When the process that draws it last said so.
  alive timestamptz,
  -- Tickets drawn so far, of all.
  drawn integer not null default 0,
  amount integer not null,
  -- Of the complete file, in bytes.
  size bigint,
  -- Why it failed, for people.
  message text collate "C",
  created timestamptz not null default now(),
  expires timestamptz not null default now() + interval '24 hours'
  -- Rows change as their files are drawn: with room on their page no index changes with them.
) with (fillfactor = 50);
create index render_files_by_expiry on render_files (expires);
create index render_files_running on render_files (id) where status = 'running';

-- The bytes of a file, all chunks but its last of one size (CHUNK_BYTES in rendering/files.ts). Only those of its newest attempt count.
create table render_chunks (
  file uuid not null references render_files on delete cascade,
  attempt integer not null,
  number integer not null,
  bytes bytea not null,
  primary key (file, attempt, number)
);
-- PDFs are compressed already, and a part of a value that is not compressed is read without the rest.
alter table render_chunks alter column bytes set storage external;
