-- For the readers of the read model `carts`.

create index carts_held on carts (event) where held;
create index carts_due on carts (expires) where held;
-- With all that a page asks of those that it skips.
create index carts_by_time on carts (event, datetime, id) include (kept_from) where listed;
create index carts_by_cart on carts (event, cart_id, id) include (kept_from) where listed;
create index carts_by_request on carts (request) where request is not null;
