-- Read model `carts`: what was promised here. It follows from the context's own history alone. What the APIs show of a reservation, and the
-- folded state of each event's stream (`Inventory` in packages/domain), from which a process starts without loading the stream.

create table carts (
  id integer primary key,
  -- `organizer/slug`.
  event text collate "C" not null,
  cart_id text collate "C" not null,
  item integer not null,
  variation integer,
  date integer,
  price text not null,
  includes_tax boolean not null,
  voucher integer,
  seat text collate "C",
  datetime timestamptz not null,
  expires timestamptz not null,
  attendee_name_parts json not null,
  attendee_email text,
  answers json not null,
  -- The request that made it and the place in its list; null: it had no name.
  request text collate "C",
  -- Until then the voucher blocks the place itself (contract §2.7).
  covered timestamptz,
  -- Neither released nor recorded as expired: it is in the folded state.
  held boolean not null,
  -- Shown by the APIs until it is purged: of a cart `…@api`, and not released.
  listed boolean not null,
  -- The later of `datetime` and `expires`; purged 14 days afterwards.
  kept_from timestamptz not null
);
create index carts_by_voucher on carts (event, voucher) where held and voucher is not null;
create index carts_by_age on carts (kept_from) where not held;

-- What was released without being held: of the shop, or expired (`Released` in packages/domain/src/inventory.ts).
create table released_carts (
  event text collate "C" not null,
  id integer not null,
  expires timestamptz not null,
  primary key (event, id)
);

-- The batches of offline tickets that asked for places.
create table place_batches (
  event text collate "C" not null,
  id text collate "C" not null,
  item integer not null,
  variation integer,
  date integer,
  amount integer not null,
  -- taken, refused or returned: only those taken count.
  places text collate "C" not null,
  primary key (event, id)
);

-- The quotas that have closed, with the revision of the fact that they closed at.
create table closed_quotas (
  event text collate "C" not null,
  quota integer not null,
  revision integer not null,
  primary key (event, quota)
);

create table inventories (
  event text collate "C" primary key,
  -- Number of events of the stream that were applied.
  revision integer not null,
  learned integer not null,
  -- No event before was left out (by an operator, or because this release does not know it). Otherwise the rows are no state.
  whole boolean not null,
  -- When the newest of them was recorded: the purge goes by it and not by the clock, so that a replay purges nothing that is not due here.
  newest timestamptz not null,
  -- How many of the event's carts are listed, and how many of these were purged.
  listed integer not null,
  purged integer not null
) with (fillfactor = 50);
