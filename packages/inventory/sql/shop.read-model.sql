-- Read model `shop`: what the shop states of an event's places, and what is counted of that. One model, so that one statement sees
-- all of it as of one moment. 0 in `date` and `variation` means none where no comment says otherwise. Orders come in the tables of
-- packages/shop.

-- Positions of orders.
create table shop_positions (
  id integer primary key,
  event text collate "C" not null,
  date integer not null,
  item integer not null,
  variation integer not null,
  -- The order's: n, p, e or c.
  status text collate "C" not null,
  canceled boolean not null,
  -- A guid.
  seat text collate "C",
  -- The order that named the position last, and the import that said so.
  order_stream text collate "C" not null,
  order_import integer not null
);

-- Entries of the waiting list.
create table shop_waiting (
  id integer primary key,
  revision integer not null,
  -- What it waits for, as in shop_taken.
  product text collate "C" not null,
  -- It has no voucher yet.
  waits boolean not null
);

create table shop_vouchers (
  id integer primary key,
  revision integer not null,
  event text collate "C" not null,
  -- Folded: found whatever its case.
  code_key text collate "C" not null,
  max_usages integer not null,
  redeemed integer not null,
  blocks boolean not null,
  -- An instant with six decimals, which sorts as time does; null: always valid.
  valid_until text collate "C",
  -- What it is bound to; null: not to one.
  item integer,
  variation integer,
  quota integer,
  date integer not null,
  seat text collate "C",
  -- The event's revision (shop_revisions) at which `blocks` or `valid_until` changed last; 0: they are as they were stated first.
  terms_changed integer not null
);

-- The shop's carts, without those that were released here.
create table shop_carts (
  id integer primary key,
  revision integer not null,
  event text collate "C" not null,
  cart_id text collate "C" not null,
  item integer not null,
  -- Null: none.
  variation integer,
  date integer,
  price text not null,
  voucher integer,
  -- A guid.
  seat text collate "C",
  addon_to integer,
  datetime timestamptz not null,
  expires timestamptz not null,
  includes_tax boolean not null,
  attendee_name_parts json not null,
  attendee_email text,
  answers json not null
);
create index shop_carts_by_voucher on shop_carts (voucher) where voucher is not null;

-- The carts of the shop that were released here. They count nowhere, whatever the shop states of them and whenever that comes.
create table shop_released_carts (
  id integer primary key
);

create table seats (
  id integer primary key,
  revision integer not null,
  event text collate "C" not null,
  date integer not null,
  guid text collate "C" not null,
  -- As it is shown (contract §2.8).
  name text not null,
  "row" text collate "C",
  blocked boolean not null,
  x double precision,
  y double precision,
  -- Null when unknown: such a seat is near to none.
  place point generated always as (point(x, y)) stored,
  -- The seats of one date of one event have one hall. Others may have the same by chance. It is a range because PostgreSQL indexes those
  -- together with places without an extension.
  hall int8range not null generated always as (
    int8range(hashtextextended(event, date) >> 1, hashtextextended(event, date) >> 1, '[]')
  ) stored
);

-- Of each event how many facts of vouchers have been applied (ShopFacts).
create table shop_revisions (
  event text collate "C" primary key,
  revision integer not null
) with (fillfactor = 50);

-- Places of each product (tallies.ts): positions of paid and of pending orders, and entries of the waiting list without a voucher.
create table shop_taken (
  product text collate "C" primary key,
  paid integer not null,
  pending integer not null,
  waiting integer not null
) with (fillfactor = 50);

-- What counts until an instant, by month, day, hour, minute, second and instant: what is left of it now is added up from the rest of
-- this second, of this minute and so on, so that nobody reads every cart and every voucher (tallies.ts).
create table shop_until (
  account text collate "C" not null,
  scale smallint not null,
  span text collate "C" not null,
  carts integer not null,
  vouchers integer not null,
  primary key (account, scale, span)
) with (fillfactor = 50);
