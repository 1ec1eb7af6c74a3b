-- Ids of cart positions that are made here: from a thousand millions upwards, so that they never meet pretix's (import.md §3), and within
-- `integer`. Each value is the first of a block of a thousand, which one process gives out (src/cart-ids.ts).
create sequence cart_ids as integer start 1000000000 minvalue 1000000000 increment 1000;
