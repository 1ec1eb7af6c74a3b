-- As 002-fill-tickets.sql and 003-fill-nonces.sql, but changes come as columns (eventing/src/inline.ts), which costs half as much as JSON.
-- Runs with search_path set to the schema of the read model, under its lock.

-- A change is of one ticket: its `state` and `revision`, whether it is its `first` one, and the `list` that it has entered (`time`, `auto`,
-- `outside`) or whose check-in was taken back (no `time`), with what that adds to the numbers of check-ins and of those who have left.
-- Further lists of the same ticket are changes of their own without `state`. Left out are those of the appends in `refused`, and deleted
-- lists. Rows that are known to be new are inserted without looking for old ones: this fails if there are any.
create function fill_tickets_2(
  refused integer[], appends integer[], tickets integer[], revisions integer[], states json[], firsts boolean[], lists integer[],
  times timestamptz[], autos boolean[], outsides boolean[], entries integer[], exits integer[]
) returns void
language plpgsql volatile
-- Rows are found by keys: a plan that was made while the tables were tiny is kept while they grow.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
-- A few tallies out of many changes: to sort these would compare all columns of each, which are mostly equal.
set enable_sort = off
as $$
#variable_conflict use_column
begin
  if true = any(firsts) then
    insert into admissions (ticket, revision, state)
    select ticket, revision, state from unnest(appends, tickets, revisions, states, firsts) as c(append, ticket, revision, state, is_first)
    where is_first and append <> all(refused);
  end if;
  if false = any(firsts) then
    insert into admissions (ticket, revision, state)
    select ticket, revision, state from unnest(appends, tickets, revisions, states, firsts) as c(append, ticket, revision, state, is_first)
    where not is_first and append <> all(refused)
    on conflict (ticket) do update set revision = excluded.revision, state = excluded.state;
  end if;
  if 1 = any(entries) then
    insert into checkins (list, ticket, time, auto, outside)
    select list, ticket, time, auto, outside
    from unnest(appends, lists, tickets, times, autos, outsides, entries) as c(append, list, ticket, time, auto, outside, entries)
    where entries = 1 and append <> all(refused) and not exists (select from deleted_lists d where d.list = c.list);
  end if;
  if 0 = any(entries) then
    insert into checkins (list, ticket, time, auto, outside)
    select list, ticket, time, auto, outside
    from unnest(appends, lists, tickets, times, autos, outsides, entries) as c(append, list, ticket, time, auto, outside, entries)
    where entries = 0 and append <> all(refused) and not exists (select from deleted_lists d where d.list = c.list)
    on conflict (list, ticket) do update set time = excluded.time, auto = excluded.auto, outside = excluded.outside;
  end if;
  if -1 = any(entries) then
    delete from checkins c using unnest(appends, lists, tickets, entries) as l(append, list, ticket, entries)
    where entries = -1 and append <> all(refused) and c.list = l.list and c.ticket = l.ticket;
  end if;
  insert into checkin_tallies as t (list, event, date, item, variation, status, canceled, checkins, outside)
  select l.list, k.event, k.date, k.item, k.variation, k.status, k.canceled, sum(l.entries), sum(l.exits)
  from unnest(appends, lists, tickets, entries, exits) as l(append, list, ticket, entries, exits) join tickets k on k.id = l.ticket
  where (l.entries <> 0 or l.exits <> 0) and append <> all(refused)
    and not exists (select from deleted_lists d where d.list = l.list)
  group by l.list, k.event, k.date, k.item, k.variation, k.status, k.canceled
  on conflict (list, event, date, item, variation, status, canceled) do update
    set checkins = t.checkins + excluded.checkins, outside = t.outside + excluded.outside;
end $$;

-- Named scans: the `list` and the `ticket` that was scanned under `nonce`.
create function fill_nonces_2(refused integer[], appends integer[], lists integer[], nonces text[], tickets integer[]) returns void
language plpgsql volatile
as $$
#variable_conflict use_column
begin
  insert into nonces (list, hash, ticket)
  select list, hashtextextended(nonce, 0), ticket
  from unnest(appends, lists, nonces, tickets) as s(append, list, nonce, ticket)
  where append <> all(refused)
  on conflict do nothing;
end $$;
