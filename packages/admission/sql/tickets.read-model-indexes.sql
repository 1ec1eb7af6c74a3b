-- The indexes by which the APIs find tickets (tickets.read-model.sql). Handlers find them by their keys.
-- An entry of an index holds 2,704 bytes. A text that may be longer (a secret: 4,096) is found by its hash or by its first 200
-- characters, and queries compare the text itself, too.

create index tickets_by_name on tickets (event, date, name_key, positionid, id) include (item, status) where not canceled;
-- For lists of all dates of a series.
create index tickets_of_dates_by_name on tickets (event, name_key, positionid, id) include (item, status) where not canceled and date <> 0;
create index tickets_by_parent_name on tickets (event, parent_name_key) where parent_name_key is not null;
create index tickets_by_secret on tickets (hashtextextended(secret, 0));
create index tickets_by_pseudonym on tickets (hashtextextended(pseudonymization_id, 0));
create index tickets_by_code_start on tickets (event, left(code_key, 200));
create index tickets_by_secret_start on tickets (event, left(secret_key, 200));
create index tickets_by_change on tickets (event, change);
-- Every search also reads the entries that are not yet merged into this index, so they must stay few.
create index tickets_by_search on tickets using gin (search gin_trgm_ops) with (gin_pending_list_limit = 256);
