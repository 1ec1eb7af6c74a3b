import type { CartPositionFact } from '@gatehouse/events/reference';
import { parseInstant, type Instant } from '@gatehouse/domain/instant';
import { coveredUntil } from '@gatehouse/domain/ledger';
import type { VoucherTerms } from '@gatehouse/domain/voucher';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { productAccount, voucherAccount, type Tallies } from './tallies';

/** A row of `shop_carts`. */
export type CartRow = {
  readonly id: number;
  readonly revision: number;
  readonly event: string;
  readonly cart_id: string;
  readonly item: number;
  readonly variation: number | null;
  readonly date: number | null;
  readonly voucher: number | null;
  readonly seat: string | null;
  readonly expires: Instant;
  readonly price: string;
  readonly addon_to: number | null;
  readonly datetime: Instant;
  readonly includes_tax: boolean;
  readonly attendee_name_parts: Readonly<Record<string, unknown>>;
  readonly attendee_email: string | null;
  readonly answers: readonly unknown[];
};

/** The row of a cart position that the shop states. */
export function cartRow(fact: CartPositionFact, revision: number): CartRow {
  const { import: _import, hash: _hash, organizer, event, subevent: date, datetime, expires, ...rest } = fact;
  return {
    ...rest,
    revision,
    event: `${organizer}/${event}`,
    date,
    datetime: parseInstant(datetime)!,
    expires: parseInstant(expires)!,
  };
}

/** A cart counts until it expires, but not while its voucher blocks the place itself (contract §2.7); and it uses the voucher. */
export function tallyCart(
  tallies: Tallies,
  { cart, terms }: { readonly cart: CartRow; readonly terms: VoucherTerms | null },
  by: number,
): void {
  const { event, expires, voucher } = cart;
  const account = productAccount(event, cart);
  tallies.count(account, expires, 'carts', by);
  const covered = coveredUntil(expires, terms);
  if (covered !== null) tallies.count(account, covered, 'carts', -by);
  if (voucher !== null) tallies.count(voucherAccount(voucher), expires, 'carts', by);
}

/** The carts with these ids, and those with these vouchers. */
export async function readCarts(
  tx: Tx,
  { ids, vouchers }: { ids: Iterable<number>; vouchers: Iterable<number> },
): Promise<Map<number, CartRow>> {
  const { rows } = await tx.query<CartRow>({
    name: 'shop_carts_before',
    text: `select c.* from unnest($1::integer[]) as q(id)
           cross join lateral (select * from shop_carts where id = q.id offset 0) c
           union all
           select c.* from unnest($2::integer[]) as q(voucher)
           cross join lateral (select * from shop_carts where voucher = q.voucher offset 0) c`,
    values: [[...ids], [...vouchers]],
  });
  return new Map(rows.map((row) => [row.id, row]));
}

export async function writeCarts(tx: Tx, rows: readonly CartRow[]): Promise<void> {
  if (rows.length === 0) return;
  const columns = [
    'revision', 'event', 'cart_id', 'item', 'variation', 'date', 'price', 'voucher', 'seat', 'addon_to', 'datetime', 'expires',
    'includes_tax', 'attendee_name_parts', 'attendee_email', 'answers',
  ]; // prettier-ignore
  await tx.query({
    name: 'shop_write_carts',
    text: `insert into shop_carts (id, ${columns.join()})
           select id, ${columns.join()} from json_populate_recordset(null::shop_carts, $1)
           on conflict (id) do update set ${columns.map((column) => `${column} = excluded.${column}`).join()}`,
    values: [JSON.stringify(rows)],
  });
}

/** Those of these carts that were released here. */
export async function readReleased(tx: Tx, ids: readonly number[]): Promise<Set<number>> {
  const { rows } = await tx.query<{ id: number }>({
    name: 'shop_released_before',
    text: `select r.id from unnest($1::integer[]) as q(id)
           cross join lateral (select * from shop_released_carts where id = q.id offset 0) r`,
    values: [ids],
  });
  return new Set(rows.map(({ id }) => id));
}

/** Takes out carts that were released here, for good. */
export async function writeReleased(tx: Tx, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.query({
    name: 'shop_write_released',
    text: 'insert into shop_released_carts select * from unnest($1::integer[]) on conflict do nothing',
    values: [ids],
  });
  await tx.query({
    name: 'shop_drop_carts',
    text: `delete from shop_carts c using unnest($1::integer[]) as q(id) where c.id = q.id`,
    values: [ids],
  });
}
