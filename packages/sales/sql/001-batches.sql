-- What is handed out to batches of offline tickets, and to none twice. Not derived from history: what was handed out for a batch that
-- failed, or to a process that was killed, is never used.

-- Numbers of batches in the API.
create sequence batch_ids as integer;

-- Codes of orders. Those of shops are shorter, and so they never meet (src/mint.ts).
create table order_codes (
  organizer text collate "C" not null,
  code text collate "C" not null,
  primary key (organizer, code)
);

-- The next free position of an order: one row. From a thousand millions upwards, where no shop has any (import.md §3).
create table free_positions (
  next integer not null
);
insert into free_positions values (1000000000);
