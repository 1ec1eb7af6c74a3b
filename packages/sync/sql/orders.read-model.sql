-- What orders are found by. A narrow row of its own, because a check-in changes `modified`.
create table shown_orders (
  stream text collate "C" primary key,
  -- organizer/slug
  event text collate "C" not null,
  code text collate "C" not null,
  status text collate "C" not null,
  testmode boolean not null,
  email text collate "C",
  datetime timestamptz not null,
  -- When this table learned of the newest change: what a scanner has not seen is later than all that it has seen, whatever the
  -- clocks of shop and gates say (order_clock).
  modified timestamptz not null
);

-- The whole order as the shop sent it, or as it would send that of a ticket of a batch.
create table order_texts (
  stream text collate "C" primary key,
  data json not null
);

-- How many orders of a kind an event has, so that a page need not count them.
create table order_tallies (
  event text collate "C" not null,
  testmode boolean not null,
  status text collate "C" not null,
  orders integer not null,
  primary key (event, testmode, status)
);

-- Moved whenever the shop states orders of an event: until then each page of its orders begins where it began before.
create table order_editions (
  event text collate "C" primary key,
  edition bigint not null
);

-- The order that named a ticket last, until it no longer names it.
create table ticket_orders (
  ticket integer primary key,
  stream text collate "C" not null
);

-- What the gates did with a ticket (GateCheckins in check-ins.ts), and how much of its history is in it.
create table gate_checkins (
  ticket integer primary key,
  revision integer not null,
  state json not null
);

create table gone_lists (list integer primary key);

-- The instant of the newest change. A transaction moves it before it changes an order, and its row's lock lets one at a time do so:
-- whoever reads orders and knows the newest instant among them has seen all changes up to it.
create table order_clock (
  one boolean primary key check (one),
  now timestamptz not null
);
insert into order_clock values (true, '-infinity');
