-- An append with many events to one stream costs as much for each of them as one with few: commands that wait for a stream go down
-- together, five hundred of them when everybody wants the same. Runs with search_path set to the context's schema.

-- As in 003-tell.sql, but that each event finds its own row among those inserted. By stream alone they were n² rows for n events of one stream.
create or replace function append_events(lock_key bigint, document json)
returns table (append integer, actual integer, last bigint)
language plpgsql volatile
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
    select id, stream, revision, type, version, coalesce(data, 'null'), time, actor, trace
    from asked where actual = expected order by n
    returning stream, revision, position
  )
  select append, min(actual), max(position)
  from asked left join inserted using (stream, revision)
  group by append order by append;
  perform tell(current_schema() || '.events');
end $$;
