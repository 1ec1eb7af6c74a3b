-- Writes what was reserved, released and so on into the read model `carts` (src/carts/changes.ts), in an append's transaction or in that of
-- the projection: the same as `inventory.evolve` (packages/domain) does to the folded state. Its number is raised whenever it or the tables
-- that it writes change, since processes of two releases may be at work. Runs with search_path set to the schema of the read model, under
-- its lock.

-- A change is what some events of one stream `inventory-<event>` change, in the order of the stream: those of revisions from `first` on and
-- before `revision`, of which none is missing if `whole`. `reserved` are its new carts, `listed` is how many more carts are in the list then;
-- `more` has all kinds that are rarer. Left out are those of the appends in `refused`.
create function fill_carts_1(
  refused integer[], appends integer[], shop_events text[], firsts integer[], revisions integer[], wholes boolean[], learneds integer[],
  newests timestamptz[], listeds integer[], reserveds json[], mores json[]
) returns void
language plpgsql volatile
-- Rows are found by keys: a plan that was made while the tables were tiny is kept while they grow.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_nestloop = on
as $$
#variable_conflict use_column
declare
  has_more boolean;
  purge_before timestamptz;
  purge_limit bigint;
  change record;
begin
  with changed as materialized (
    select c.*, c.whole and c.first = coalesce(i.revision, 0) as follows
    from unnest(appends, shop_events, firsts, revisions, wholes, learneds, newests, listeds, reserveds, mores)
      as c(append, event, first, revision, whole, learned, newest, listed, reserved, more)
    left join lateral (select revision from inventories where event = c.event offset 0) i on true
    where append <> all(refused)
  ),
  made as (
    -- An id never comes twice: then this fails, and the read model stands still rather than lose one of the two.
    insert into carts
    select r.id, c.event, r.cart_id, r.item, r.variation, r.date, r.price, r.includes_tax, r.voucher, r.seat, r.datetime, r.expires,
           r.attendee_name_parts, r.attendee_email, r.answers, r.request, r.covered_until, true,
           right(r.cart_id, 4) = '@api', greatest(r.datetime, r.expires)
    from changed c
    cross join lateral json_to_recordset(c.reserved) as r(
      id integer, cart_id text, item integer, variation integer, date integer, price text, includes_tax boolean, voucher integer,
      seat text, datetime timestamptz, expires timestamptz, attendee_name_parts json, attendee_email text, answers json,
      request text, covered_until timestamptz
    )
  ),
  moved as (
    insert into inventories as i (event, revision, learned, whole, newest, listed, purged)
    select event, revision, learned, follows, newest, listed, 0 from changed
    on conflict (event) do update set
      revision = excluded.revision,
      learned = greatest(i.learned, excluded.learned),
      whole = i.whole and excluded.whole,
      newest = greatest(i.newest, excluded.newest),
      listed = i.listed + excluded.listed
  )
  select bool_or(more is not null), max(newest) - interval '14 days', 500 + 2 * greatest(sum(listed), 0)
  into has_more, purge_before, purge_limit
  from changed;

  if has_more then
    for change in
      select c.event, m.*
      from unnest(appends, shop_events, mores) as c(append, event, more)
      cross join lateral json_to_record(c.more) as m(
        expired integer[], released json, unlisted integer, forget timestamptz, closed json, batches json, returned text[], terms json
      )
      where c.more is not null and append <> all(refused)
    loop
      perform fill_more_carts_1(
        change.event, change.expired, change.released, change.unlisted, change.forget, change.terms
      );
      insert into closed_quotas
      select change.event, quota, revision from json_to_recordset(change.closed) as q(quota integer, revision integer)
      on conflict (event, quota) do update set revision = excluded.revision;
      insert into place_batches
      select change.event, id, item, variation, date, amount, places
      from json_to_recordset(change.batches) as b(
        id text, item integer, variation integer, date integer, amount integer, places text
      );
      update place_batches set places = 'returned' where event = change.event and id = any(change.returned);
    end loop;
  end if;

  -- Nobody sees positions 14 days after the later of `datetime` and `expires` (contract §8.5), but what the state still holds stays until
  -- it is recorded as expired. Not all go at once, since appends wait: twice as many as come.
  if exists (select from carts where kept_from < purge_before and not held) then
    with purged as (
      delete from carts where id = any(array(
        select id from carts where kept_from < purge_before and not held order by kept_from limit purge_limit
      ))
      returning event, listed
    )
    update inventories i set purged = i.purged + p.carts
    from (select event, count(*) as carts from purged where listed group by event) p
    where i.event = p.event;
  end if;
end $$;

-- The part of `fill_carts_1` that changes carts which were there before: `expired`; `released`, of which `unlisted` were in the list, and after
-- which what has expired before `forget` is no longer remembered as released; `terms`, the new ones of vouchers, for carts but those in
-- `later`, which were reserved after that.
create function fill_more_carts_1(
  of text, expired integer[], released json, unlisted integer, forget timestamptz, terms json
) returns void
language plpgsql volatile
as $$
#variable_conflict use_column
begin
  if terms is not null then
    update carts c
    set covered = case when v.blocks then least(c.expires, v.valid_until) end
    from json_to_recordset(terms) as v(voucher integer, blocks boolean, valid_until timestamptz, later integer[])
    where c.event = of and c.voucher = v.voucher and c.held and c.id <> all(v.later);
  end if;
  if expired is not null then
    update carts set held = false, covered = null where id = any(expired);
  end if;
  if released is not null then
    delete from released_carts where event = of and expires < forget;
    with given as materialized (
      select * from json_to_recordset(released) as r(id integer, expires timestamptz, past boolean, lasting boolean)
    ),
    found as materialized (
      select c.* from given g cross join lateral (select id, held, listed from carts where id = g.id offset 0) c
    ),
    taken as (
      update carts c set held = false, listed = false, covered = null from found f where c.id = f.id
    ),
    counted as (
      -- One that was purged already is out of the list for another reason now.
      update inventories set purged = purged - (unlisted - (select count(*) from found where listed)) where event = of
    )
    -- What still counted as our own has left the state for good; the rest is remembered, so that a second release is recognised.
    insert into released_carts
    select of, g.id, g.expires from given g left join found f on f.id = g.id
    where g.lasting and (g.past or f.held is not true);
  end if;
end $$;
