-- What events say apart from the facts of their recording. PostgreSQL parsed it three times as a part of `document`: to see that the
-- document is JSON, to find the events in it, and to see that each part is JSON. Runs with search_path set to the context's schema.

drop function append_events(bigint, json, json, json[]);

-- As in 008-inline.sql. `datas`: of each event of `document`, in their order, what it says. Null: `document` has it as `data`.
create function append_events(lock_key bigint, document json, datas json[], models json, changes json[])
returns table (append integer, actual integer, last bigint)
language plpgsql volatile
set enable_seqscan = off
set enable_hashjoin = on
set enable_nestloop = off
as $$
#variable_conflict use_column
declare
  head bigint;
  appends integer[];
  actuals integer[];
  lasts bigint[];
begin
  perform pg_advisory_xact_lock(lock_key);
  select coalesce((select position from events order by position desc limit 1), 0) into head;
  with asked as materialized (
    select e.*
    from rows from (
      json_to_recordset(document) as (
        append integer, expected integer, stream text, revision integer, id uuid, type text, version smallint, data json,
        time timestamptz, actor text, trace text
      ),
      unnest(datas)
    ) with ordinality as e(append, expected, stream, revision, id, type, version, said, time, actor, trace, data, n)
  ),
  heads as materialized (
    select append, stream, expected, coalesce((
      select h.revision + 1 from events h where h.stream = e.stream order by h.revision desc limit 1
    ), 0) as actual
    from asked e where revision = expected
  ),
  inserted as (
    insert into events (id, stream, revision, type, version, data, time, actor, trace)
    select e.id, e.stream, e.revision, e.type, e.version, coalesce(e.data, e.said, 'null'), e.time, e.actor, e.trace
    from asked e join heads h using (append) where h.actual = h.expected order by e.n
    returning stream, position
  )
  select array_agg(h.append order by h.append), array_agg(h.actual order by h.append), array_agg(i.last order by h.append)
  into appends, actuals, lasts
  from heads h left join (select stream, max(position) as last from inserted group by stream) i using (stream);
  perform fill_inline(head, appends, lasts, models, changes);
  perform tell(current_schema() || '.events');
  return query select * from unnest(appends, actuals, lasts);
end $$;

-- For processes of an earlier release, which know no inline projections: these are behind then.
create or replace function append_events(lock_key bigint, document json)
returns table (append integer, actual integer, last bigint)
language plpgsql volatile
as $$
begin
  return query select * from append_events(lock_key, document, null, null, null);
end $$;
