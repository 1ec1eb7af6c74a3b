-- For the readers of the read model `carts`.

create index carts_held on carts (event) where held;
create index carts_due on carts (expires) where held;
create index carts_by_time on carts (event, datetime, id) where listed;
create index carts_by_cart on carts (event, cart_id, id) where listed;
create index carts_by_request on carts (request) where request is not null;
