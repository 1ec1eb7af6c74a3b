-- An append as columns instead of JSON, and read models filled by calls in the statement that appends: PostgreSQL parses half as much, and
-- plans each call once. Runs with search_path set to the context's schema.

-- Appends many batches, each to its own stream after exactly as many events as `expecteds` says, as sql/008-inline.sql describes: one lock,
-- one commit. The arrays from `streams` on have an element for each append, those from `appends` on one for each event, in their order, with
-- the number of its append (from 1). Answers the length that each stream had, the positions of the events that were stored, in their order,
-- and the numbers of the appends that were refused.
-- It also moves read models past these events, if they have applied everything before them: those in `models`, in these versions. `steps` says
-- what the events are to each: 0 something that only its projection can apply, 1 nothing, 2 something that the caller applies in the same
-- statement, if `filled` then has its name (`inlineAppend` in src/inline.ts). One that is not moved has to catch up, and
-- `<context>.behind` is told: its projection alone knows what to do, it was behind the head before this append, another transaction has its
-- checkpoint or its lock (one of `locks`), or it stands in another version. After the append lock nothing here waits for a lock, so whoever
-- waits for that lock may hold others.
create function append_events(
  lock_key bigint, streams text[], expecteds integer[], times timestamptz[],
  appends integer[], revisions integer[], ids uuid[], types text[], versions smallint[], datas json[], actors text[], traces text[],
  models text[], model_versions integer[], locks bigint[], steps integer[],
  out actuals integer[], out positions bigint[], out refused integer[], out filled text[]
)
language plpgsql volatile
-- A plan that was made while the table was tiny is kept while it grows: it must not read the whole table.
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  head bigint;
  reached bigint;
  moved integer;
begin
  -- As an expression, which costs less than a statement. The statements after it see what was committed before they began.
  if pg_advisory_xact_lock(lock_key) is null then
    raise exception 'no append lock';
  end if;
  select coalesce((select position from events order by position desc limit 1), 0),
    array(
      select coalesce((select h.revision + 1 from events h where h.stream = s.stream order by h.revision desc limit 1), 0)
      from unnest(streams) s(stream)
    )
  into head, actuals;
  with inserted as (
    insert into events (id, stream, revision, type, version, data, time, actor, trace)
    select id, streams[append], revision, type, version, data, times[append], actor, trace
    from unnest(appends, revisions, ids, types, versions, datas, actors, traces)
      as e(append, revision, id, type, version, data, actor, trace)
    where actuals[append] = expecteds[append]
    returning position
  )
  select array_agg(position order by position), max(position) into positions, reached from inserted;
  refused := '{}';
  if actuals <> expecteds then
    refused := array(
      select n from unnest(actuals, expecteds) with ordinality as o(actual, expected, n) where actual <> expected
    );
  end if;
  if reached is null then
    return;
  end if;
  with free as (
    select k.name, m.step
    from unnest(models, model_versions, locks, steps) as m(name, version, lock, step)
    join read_models r on r.name = m.name and r.version = m.version
    join checkpoints k on k.name = m.name and k.topic = current_schema() and k.partition = 0
    where m.step > 0
      -- It may stand behind the last event, which may have been purged. Another store has other positions.
      and case when k.position ~ '^[0-9]{1,18}$' then k.position::bigint >= head end
      and case when m.step = 2 then pg_try_advisory_xact_lock(hashtextextended(current_schema(), m.lock)) else true end
    for update of k skip locked
  ),
  passed as (
    update checkpoints k set position = reached::text
    from free where k.name = free.name and k.topic = current_schema() and k.partition = 0
    returning free.name, free.step
  )
  select count(*), array_agg(name) filter (where step = 2) into moved, filled from passed;
  if moved = 0 or moved < cardinality(models) then
    perform tell(current_schema() || '.behind');
  end if;
  -- As `tell` does it, without the call.
  if not pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.events', 0)) then
    perform pg_notify('gatehouse', current_schema() || '.events');
  end if;
end $$;
