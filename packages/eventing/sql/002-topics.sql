-- What this context knows of the bus when it is Kafka. Runs with search_path set to the context's schema.

-- Which incarnation of a topic a reader's checkpoint, or the relay's, counts in (design §8). `name` is as in `checkpoints`.
-- `ends`: how far each partition reached when it was looked at last; an incarnation never becomes shorter.
create table topic_generations (
  name text not null,
  topic text not null,
  cluster text not null,
  generation bigint not null,
  ends bigint[] not null,
  primary key (name, topic)
);

-- The event at which a consumer stands still, for `consumer status` and `consumer skip`, which are other processes.
create table stuck_events (
  name text not null,
  topic text not null,
  partition integer not null,
  position text not null,
  -- The checkpoint after it.
  next text not null,
  event json not null,
  error text not null,
  since timestamptz not null default now(),
  primary key (name, topic, partition)
);

-- Events that a person told a consumer to pass over, and why.
create table skipped_events (
  name text not null,
  topic text not null,
  partition integer not null,
  position text not null,
  event json not null,
  error text not null,
  reason text not null,
  at timestamptz not null default now()
);
