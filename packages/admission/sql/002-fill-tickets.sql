-- Writes changes of tickets' admission histories into the read model `tickets` (`changesOf` in src/tickets/changes.ts), in an append's
-- transaction or in that of the projection. Its number is raised whenever it or the tables that it writes change, since processes of two
-- releases may be at work. Runs with search_path set to the schema of the read model, under its lock.

-- An object of `changes` is of one ticket: its `state` and `revision`, and the `list` that it has entered (`time`, `auto`, `outside`) or
-- whose check-in was taken back (no `time`), with what that adds to the numbers of check-ins and of those who have left. Further lists of the
-- same ticket have objects of their own without `state`. Left out are the objects of the appends in `refused`, and deleted lists.
create function fill_tickets_1(changes json, refused integer[]) returns void
language plpgsql volatile
-- Rows are found by keys: a plan that was made while the tables were tiny is kept while they grow.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_nestloop = on
as $$
#variable_conflict use_column
begin
  with changed as materialized (
    select *
    from json_to_recordset(changes) as c(
      append integer, ticket integer, revision integer, state json, list integer, time timestamptz, auto boolean, outside boolean,
      checkins integer, exits integer
    )
    where append is null or append <> all(refused)
  ),
  listed as materialized (
    select * from changed c where list is not null and not exists (select from deleted_lists d where d.list = c.list)
  ),
  entered as (
    insert into checkins (list, ticket, time, auto, outside)
    select list, ticket, time, auto, outside from listed where time is not null
    on conflict (list, ticket) do update set time = excluded.time, auto = excluded.auto, outside = excluded.outside
  ),
  taken_back as (
    delete from checkins c using listed l where l.time is null and c.list = l.list and c.ticket = l.ticket
  ),
  tallied as (
    insert into checkin_tallies as t (list, event, date, item, variation, status, canceled, checkins, outside)
    select l.list, k.event, k.date, k.item, k.variation, k.status, k.canceled, sum(l.checkins), sum(l.exits)
    from listed l join tickets k on k.id = l.ticket
    where l.checkins <> 0 or l.exits <> 0
    group by l.list, k.event, k.date, k.item, k.variation, k.status, k.canceled
    on conflict (list, event, date, item, variation, status, canceled) do update
      set checkins = t.checkins + excluded.checkins, outside = t.outside + excluded.outside
  )
  insert into admissions (ticket, revision, state)
  select ticket, revision, state from changed where state is not null
  on conflict (ticket) do update set revision = excluded.revision, state = excluded.state;
end $$;
