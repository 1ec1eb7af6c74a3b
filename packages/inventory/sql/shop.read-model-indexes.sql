-- How decisions find what the shop states (shop.read-model.sql). Handlers find it by its keys.

create index shop_positions_by_seat on shop_positions (event, date, seat) where seat is not null;
create index shop_vouchers_by_code on shop_vouchers (event, code_key);
create index shop_vouchers_by_seat on shop_vouchers (event, date, seat) where seat is not null;
create index shop_vouchers_by_change on shop_vouchers (event, terms_changed) where terms_changed > 0;
create index shop_carts_by_seat on shop_carts (event, coalesce(date, 0), seat) where seat is not null;
-- Lists of carts in the order in which they are asked for (carts/find.ts).
create index shop_carts_by_datetime on shop_carts (event, datetime, id) where right(cart_id, 4) = '@api';
create index shop_carts_by_cart_id on shop_carts (event, cart_id, id) where right(cart_id, 4) = '@api';
create index seats_by_guid on seats (event, date, guid);
create index seats_by_place on seats using gist (hall, place);
