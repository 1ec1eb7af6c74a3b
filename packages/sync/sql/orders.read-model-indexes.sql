create index shown_orders_by_change on shown_orders (event, modified, stream);
create index shown_orders_by_time on shown_orders (event, datetime, stream) include (testmode);
create index shown_orders_by_code on shown_orders (event, code);
