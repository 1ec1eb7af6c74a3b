-- Read model `batches`: the batches of offline tickets and their tickets. It follows from the context's own history alone.

create table batches (
  -- The UUID in the stream's name, by which clients follow the creation.
  job uuid primary key,
  -- `organizer/slug`.
  event text collate "C" not null,
  id integer not null,
  creation timestamptz not null,
  testmode boolean not null,
  sales_channel text not null,
  comment text not null,
  layout integer not null,
  date integer,
  item integer not null,
  variation integer,
  amount integer not null,
  price text not null,
  locale text not null,
  -- open, created or failed
  status text collate "C" not null,
  -- Why it failed.
  message text,
  -- Of the event that ended it: when it was recorded, and its position in the history.
  ended timestamptz,
  end_position text
);

-- Tickets, many in a row, as they were issued. They are valid once their batch is created.
create table batch_tickets (
  job uuid not null,
  -- How many tickets of the batch come before these.
  first integer not null,
  amount integer not null,
  -- The order position of the first; those of the others follow it without a gap.
  first_position integer not null,
  -- Codes of orders, apart from the rest for the lists of them.
  codes json not null,
  tickets json not null,
  primary key (job, first)
);
