-- Where a consumer stands still, of whichever bus or history. Runs with search_path set to the context's schema.

-- The consumer's checkpoint while it stands there. Positions of stores cannot be compared in SQL: the row holds as long as the
-- checkpoint is still this one, and whoever moves the checkpoint in any way makes it void.
alter table stuck_events add column checkpoint text not null default '';

-- Replays and consumers ask which events of a consumer were skipped.
create index skipped_events_by_name on skipped_events (name);
