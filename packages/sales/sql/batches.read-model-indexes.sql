-- For the readers of the read model `batches`.

create unique index batches_by_id on batches (event, id) where status = 'created';
