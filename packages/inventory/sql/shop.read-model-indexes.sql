-- How decisions find what the shop states (shop.read-model.sql). Handlers find it by its keys.

create index shop_positions_by_seat on shop_positions (event, date, seat) where seat is not null;
create index shop_vouchers_by_code on shop_vouchers (event, code_key);
create index shop_vouchers_by_seat on shop_vouchers (event, date, seat) where seat is not null;
create index shop_vouchers_by_change on shop_vouchers (event, terms_changed) where terms_changed > 0;
create index shop_carts_by_seat on shop_carts (event, coalesce(date, 0), seat) where seat is not null;
create index seats_by_guid on seats (event, date, guid);
create index seats_by_place on seats using gist (hall, place);
