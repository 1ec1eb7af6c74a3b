-- Writes named scans into the read model `nonces` (src/nonces.ts), in an append's transaction or in that of the projection, as
-- 002-fill-tickets.sql does for `tickets`: objects with `list`, `nonce`, `ticket` and the number of their append, if they have one.
create function fill_nonces_1(changes json, refused integer[]) returns void
language plpgsql volatile
as $$
#variable_conflict use_column
begin
  insert into nonces (list, hash, ticket)
  select list, hashtextextended(nonce, 0), ticket
  from json_to_recordset(changes) as s(append integer, list integer, nonce text, ticket integer)
  where append is null or append <> all(refused)
  on conflict do nothing;
end $$;
