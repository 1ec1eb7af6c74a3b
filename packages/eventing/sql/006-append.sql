-- An append with many events to one stream costs as much for each of them as one with few: commands that wait for a stream are appended
-- together, up to five hundred of them. As in 003-tell.sql, except that the length of a stream is looked up once for each append and not
-- for each of its events, and that events find their append by hashing: the sessions that append (`openKeyedPool`) have hash joins off
-- for their own look-ups, and without them every event was compared with every other. Runs with search_path set to the context's schema.

create or replace function append_events(lock_key bigint, document json)
returns table (append integer, actual integer, last bigint)
language plpgsql volatile
set enable_seqscan = off
set enable_hashjoin = on
set enable_nestloop = off
as $$
#variable_conflict use_column
begin
  perform pg_advisory_xact_lock(lock_key);
  return query
  with asked as materialized (
    select e.*
    from rows from (json_to_recordset(document) as (
      append integer, expected integer, stream text, revision integer, id uuid, type text, version smallint, data json,
      time timestamptz, actor text, trace text
    )) with ordinality as e(append, expected, stream, revision, id, type, version, data, time, actor, trace, n)
  ),
  -- By the first event of each append.
  heads as materialized (
    select append, stream, expected, coalesce((
      select h.revision + 1 from events h where h.stream = e.stream order by h.revision desc limit 1
    ), 0) as actual
    from asked e where revision = expected
  ),
  inserted as (
    insert into events (id, stream, revision, type, version, data, time, actor, trace)
    select e.id, e.stream, e.revision, e.type, e.version, coalesce(e.data, 'null'), e.time, e.actor, e.trace
    from asked e join heads h using (append) where h.actual = h.expected order by e.n
    returning stream, position
  )
  select h.append, h.actual, i.last
  from heads h left join (select stream, max(position) as last from inserted group by stream) i using (stream)
  order by h.append;
  perform tell(current_schema() || '.events');
end $$;
