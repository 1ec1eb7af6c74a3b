-- Where the events of a request are that may come again. Runs with search_path set to the context's schema.

-- The ids of such events derive from the request's (UUIDs of version 5, design §3): a request that runs again after a crash finds what it
-- wrote in a stream of a million events by one look. Events with random ids are not looked for, and cost nothing here.
create index events_by_derived_id on events (id) where get_byte(uuid_send(id), 6) >> 4 = 5;
