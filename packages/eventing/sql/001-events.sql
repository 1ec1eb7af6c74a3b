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
-- Being volatile, each statement inside sees what was committed before it began: the lock comes first, then the look at the
-- streams. The lock is held to commit, so positions become visible in their own order and a reader that tails
-- `position > last` misses nothing. Answers each append's outcome: the length that its stream had, and its last position.
create function append_events(
  lock_key bigint,
  streams text[], expecteds integer[],
  owners integer[], revisions integer[], ids uuid[], types text[], versions smallint[], datas text[],
  times timestamptz[], actors text[], traces text[]
) returns table (append integer, actual integer, last bigint)
language plpgsql volatile as $$
#variable_conflict use_column
begin
  perform pg_advisory_xact_lock(lock_key);
  return query
  with asked as materialized (
    select a.n::integer as n, a.stream, a.expected,
      coalesce((select e.revision + 1 from events e where e.stream = a.stream order by e.revision desc limit 1), 0) as actual
    from unnest(streams, expecteds) with ordinality as a(stream, expected, n)
  ),
  inserted as (
    insert into events (id, stream, revision, type, version, data, time, actor, trace)
    select e.id, asked.stream, e.revision, e.type, e.version, e.data::json, e.time, e.actor, e.trace
    from unnest(owners, revisions, ids, types, versions, datas, times, actors, traces) with ordinality
      as e(owner, revision, id, type, version, data, time, actor, trace, n)
    join asked on asked.n = e.owner
    where asked.actual = asked.expected
    order by e.n
    returning stream, position
  )
  select asked.n, asked.actual, (select max(i.position) from inserted i where i.stream = asked.stream)
  from asked order by asked.n;
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
