-- Tells those who wait for something, and costs next to nothing while nobody does: at thousands of commits a second each NOTIFY
-- would wake every process that listens, although its followers read again by themselves. Runs with search_path set to the
-- context's schema.

-- Who waits for `payload` holds its lock in shared mode (`listen` in postgres.ts). Then this cannot have it, and says NOTIFY.
-- Otherwise this transaction keeps the lock to its end, so that whoever begins to wait has to wait for that, and then looks
-- for himself. To be called last in a transaction.
create function tell(payload text) returns void
language plpgsql volatile
as $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended(payload, 0)) then
    perform pg_notify('gatehouse', payload);
  end if;
end $$;

-- As in 001-events.sql, but for its last statement.
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
    returning stream, position
  )
  select append, min(actual), max(position)
  from asked left join inserted using (stream)
  group by append order by append;
  perform tell(current_schema() || '.events');
end $$;
