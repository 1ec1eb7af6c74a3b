-- Appends that fill read models in their own transaction (inline projections, eventing/src/inline.ts). Runs with search_path set to the
-- context's schema.

-- As in 006-append.sql, but `datas` has what each event of `document` says, in their order: as a part of `document` PostgreSQL parsed it
-- three times. (Null: `document` has it, as `data`.) Then it fills the read models in `models`: [{"name", "version", "lock", "call",
-- "nth"}]. The `nth` of `changes` is what the function `call` applies, an array of objects that each carry the number of their append;
-- null: the appends change nothing in this read model. One that is not filled here has to catch up, and `<context>.behind` is told: its
-- `version` is null (its projection alone knows what to do with these events), it was behind the head before this append, another
-- transaction has its checkpoint or its lock, it stands in another version, or its function failed. After the append lock nothing here
-- waits for a lock, so whoever waits for that lock may hold others.
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

-- Fills read models that have applied everything up to `head` with what came after it.
create function fill_inline(head bigint, appends integer[], lasts bigint[], models json, changes json[])
returns void
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  reached bigint := (select max(last) from unnest(lasts) last);
  refused integer[] := array(select append from unnest(appends, lasts) as o(append, last) where last is null);
  model record;
  filled boolean;
  moved text[] := '{}';
  behind boolean := false;
begin
  if reached is null then
    return;
  end if;
  if models is null then
    perform tell(current_schema() || '.behind');
    return;
  end if;
  for model in
    select m.*, c.name is not null as current
    from json_to_recordset(models) as m(name text, version integer, lock bigint, call text, nth integer)
    left join lateral (
      select k.name
      from checkpoints k join read_models r on r.name = k.name
      where k.name = m.name and k.topic = current_schema() and k.partition = 0 and r.version = m.version
        -- It may stand behind the last event, which may have been purged. Another store has other positions.
        and case when k.position ~ '^[0-9]{1,18}$' then k.position::bigint >= head end
      for update of k skip locked
    ) c on true
  loop
    filled := model.current;
    if filled and model.nth is not null then
      filled := pg_try_advisory_xact_lock(hashtextextended(current_schema(), model.lock));
      if filled then
        begin
          execute format('select %I($1, $2)', model.call) using changes[model.nth], refused;
        exception when others then
          -- The event is history whatever becomes of the read model; its projection reports what is wrong. If only this function is,
          -- the server's log tells.
          raise log 'Gatehouse: % failed with SQLSTATE %', model.call, sqlstate;
          filled := false;
        end;
      end if;
    end if;
    if filled then
      moved := moved || model.name;
    else
      behind := true;
    end if;
  end loop;
  update checkpoints set position = reached::text where name = any(moved) and topic = current_schema() and partition = 0;
  if behind then
    perform tell(current_schema() || '.behind');
  end if;
end $$;

-- For processes of an earlier release, which know no inline projections: these are behind then.
create or replace function append_events(lock_key bigint, document json)
returns table (append integer, actual integer, last bigint)
language plpgsql volatile
as $$
begin
  return query select * from append_events(lock_key, document, null, null, null);
end $$;
