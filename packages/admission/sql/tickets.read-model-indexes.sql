-- How the APIs find tickets (tickets.read-model.sql). Handlers find them by their keys.

create index tickets_by_name on tickets (event, date, name_key, positionid, id) include (item, status) where not canceled;
create index tickets_by_parent_name on tickets (event, parent_name_key) where parent_name_key is not null;
create index tickets_by_secret on tickets (secret);
create index tickets_by_code on tickets (event, code_key);
create index tickets_by_secret_key on tickets (event, secret_key);
create index tickets_by_pseudonym on tickets (pseudonymization_id);
create index tickets_by_change on tickets (event, change);
create index tickets_by_search on tickets using gin (search gin_trgm_ops);
