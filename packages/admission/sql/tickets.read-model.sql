-- Read model `tickets`: what the shop states of each ticket, what the gates know of it, and the counts of both.
-- In `date` and `variation` 0 means none, so that one plain index serves tickets with and without them.

create table tickets (
  id integer primary key,
  event text collate "C" not null,
  date integer not null,
  item integer not null,
  variation integer not null,
  status text collate "C" not null,
  canceled boolean not null,
  testmode boolean not null,
  order_code text collate "C" not null,
  order_time timestamptz not null,
  positionid integer not null,
  addon_to integer,
  voucher integer,
  secret text collate "C" not null,
  pseudonymization_id text collate "C" not null,
  -- Folded forms: found and ordered whatever their case (contract, decisions). Null when there is nothing, but for
  -- `name_key`, which is then greater than every name: missing names come last, and pages can go on from a key.
  name_key text collate "C" not null,
  parent_name_key text collate "C",
  shown_name_key text collate "C",
  email_key text collate "C" not null,
  secret_key text collate "C" not null,
  code_key text collate "C" not null,
  -- Names and e-mails that a search looks into, and the names alone (the droid's search), folded, one a line.
  search text collate "C" not null,
  search_names text collate "C" not null,
  -- What the replies show (TicketFacts in tickets.ts).
  facts json not null,
  -- The order that named the ticket last, with the import and revision of that fact.
  order_stream text collate "C" not null,
  order_import integer not null,
  order_revision integer not null
);
create index tickets_by_name on tickets (event, date, name_key, positionid, id) include (item, status) where not canceled;
create index tickets_by_secret on tickets (secret);
create index tickets_by_code on tickets (event, code_key);
create index tickets_by_secret_key on tickets (event, secret_key);
create index tickets_by_pseudonym on tickets (pseudonymization_id);
create index tickets_by_search on tickets using gin (search gin_trgm_ops);

-- The folded admission history of a ticket beside the number of events that it follows from: a hint for the next decision.
create table admissions (
  ticket integer primary key,
  revision integer not null,
  state json not null
) with (fillfactor = 80);

-- One row per ticket and list that it has entered: what the APIs show (import.md §3).
create table checkins (
  list integer not null,
  ticket integer not null,
  time timestamptz not null,
  auto boolean not null,
  primary key (list, ticket)
);
create index checkins_by_ticket on checkins (ticket);

-- How many tickets that are not canceled, and how many check-ins, so that a count costs the same for a million tickets.
create table ticket_tallies (
  event text collate "C" not null,
  date integer not null,
  item integer not null,
  variation integer not null,
  status text collate "C" not null,
  tickets integer not null,
  primary key (event, date, item, variation, status)
) with (fillfactor = 50);
create table checkin_tallies (
  list integer not null,
  event text collate "C" not null,
  date integer not null,
  item integer not null,
  variation integer not null,
  status text collate "C" not null,
  canceled boolean not null,
  checkins integer not null,
  primary key (list, event, date, item, variation, status, canceled)
) with (fillfactor = 50);
