-- The history of one context. Runs with search_path set to the context's schema.

create table events (
  position bigint generated always as identity primary key,
  id uuid not null,
  stream text collate "C" not null,
  revision integer not null,
  type text not null,
  version smallint not null,
  data json not null,
  time timestamptz not null,
  actor text not null,
  trace text,
  unique (stream, revision)
);

-- Appends many batches, each to its own stream after exactly `expected` events; one lock, one commit (design §6).
-- `document` is an array of the events in their order, each with the number of its append and that append's stream and
-- `expected`: one document is cheaper to make and to read than an array per column.
-- Being volatile, each statement inside sees what was committed before it began: the lock comes first, then the look at the
-- streams. The lock is held to commit, so positions become visible in their own order and a reader that tails
-- `position > last` misses nothing. Answers each append's outcome: the length that its stream had, and its last position,
-- null when it was refused.
create function append_events(lock_key bigint, document json)
returns table (append integer, actual integer, last bigint)
language plpgsql volatile
-- A plan that was made while the table was tiny is kept while it grows: it must not read the whole table.
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  perform pg_advisory_xact_lock(lock_key);
  return query
  with asked as materialized (
    select e.*, coalesce((
      select h.revision + 1 from events h where h.stream = e.stream order by h.revision desc limit 1
    ), 0) as actual
    from rows from (json_to_recordset(document) as (
      append integer, expected integer, stream text, revision integer, id uuid, type text, version smallint, data json,
      time timestamptz, actor text, trace text
    )) with ordinality as e(append, expected, stream, revision, id, type, version, data, time, actor, trace, n)
  ),
  inserted as (
    insert into events (id, stream, revision, type, version, data, time, actor, trace)
    -- JSON's null arrives as SQL's.
    select id, stream, revision, type, version, coalesce(data, 'null'), time, actor, trace
    from asked where actual = expected order by n
    returning stream, position
  )
  select append, min(actual), max(position)
  from asked left join inserted using (stream)
  group by append order by append;
  perform pg_notify('gatehouse', current_schema() || '.events');
end $$;

-- How far each projection and each consumer has come. `topic` is the context whose events it reads.
create table checkpoints (
  name text not null,
  topic text not null,
  partition integer not null default 0,
  position text not null,
  primary key (name, topic, partition)
);

-- Which version of each read model stands in this schema.
create table read_models (
  name text primary key,
  version integer not null,
  -- Raised by each rebuild, so that what processes remember of the old tables is dropped.
  generation integer not null default 1
);
