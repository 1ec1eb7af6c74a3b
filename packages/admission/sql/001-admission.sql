-- What admission keeps beside its history and its read models.

-- Ids of lists that are made here: from a thousand millions upwards, so that they never meet pretix's (import.md §3).
create sequence list_ids as integer start 1000000000;
