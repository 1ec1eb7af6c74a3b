import { sortable, type Instant } from '@gatehouse/domain/instant';
import { productKey, type Product } from '@gatehouse/domain/ledger';
import type { Tx } from '@gatehouse/eventing/event-bus';

/*
 * What is counted of the shop. Counts are kept, not made when they are asked for: a quota costs the same with ten carts and with a
 * hundred thousand.
 */

/** What a product's places are counted under: what quotas match it with, in its event (contract §2.7). */
export const productAccount = (event: string, product: Product): string => `${event} ${productKey(product)}`;

/** What the vouchers that are bound to a quota itself are counted under. */
export const quotaAccount = (event: string, quota: { readonly id: number; readonly date: number | null }): string =>
  `${event} ${quota.date ?? ''}:quota ${quota.id}`;

/** What the carts with a voucher are counted under. */
export const voucherAccount = (voucher: number): string => `voucher ${voucher}`;

/** Places of a product that count until the shop says otherwise. */
export type Taken = { readonly paid: number; readonly pending: number; readonly waiting: number };
/** Places that count up to an instant and not afterwards. */
export type Until = { readonly carts: number; readonly vouchers: number };

/**
 * How much of `sortable(instant)` names the span that an instant lies in, and the one around that: months, days in a month … and
 * instants in a second.
 */
export const SCALES = [
  { length: 7, within: 0 },
  { length: 10, within: 7 },
  { length: 13, within: 10 },
  { length: 16, within: 13 },
  { length: 19, within: 16 },
  { length: 27, within: 19 },
] as const;

/** The span, among months, of what never ends. It comes after all of them. */
const NEVER = '~';

const spansOf = (until: Instant | null): { scale: number; span: string }[] =>
  until === null
    ? [{ scale: SCALES[0].length, span: NEVER }]
    : SCALES.map(({ length: scale }) => ({ scale, span: sortable(until).slice(0, scale) }));

/** Changes of counts, collected to be written at once. */
export type Tallies = {
  take(product: string, of: keyof Taken, by: number): void;
  /** `until` null: it never ends. */
  count(account: string, until: Instant | null, of: keyof Until, by: number): void;
  write(tx: Tx): Promise<void>;
};

export function openTallies(): Tallies {
  const taken = new Map<string, { -readonly [K in keyof Taken]: Taken[K] } & { product: string }>();
  const until = new Map<
    string,
    { -readonly [K in keyof Until]: Until[K] } & { account: string; scale: number; span: string }
  >();
  return {
    take(product, of, by) {
      const row = taken.get(product) ?? { product, paid: 0, pending: 0, waiting: 0 };
      row[of] += by;
      taken.set(product, row);
    },
    count(account, end, of, by) {
      for (const { scale, span } of spansOf(end)) {
        const key = `${scale} ${span} ${account}`;
        const row = until.get(key) ?? { account, scale, span, carts: 0, vouchers: 0 };
        row[of] += by;
        until.set(key, row);
      }
    },
    async write(tx) {
      await moveTaken(
        tx,
        [...taken.values()].filter(({ paid, pending, waiting }) => paid || pending || waiting),
      );
      await moveUntil(
        tx,
        [...until.values()].filter(({ carts, vouchers }) => carts || vouchers),
      );
    },
  };
}

/** A count that came to nothing is none: history that is read in another order would not have made it. */
async function moveTaken(tx: Tx, moved: readonly (Taken & { product: string })[]): Promise<void> {
  if (moved.length === 0) return;
  await tx.query({
    name: 'shop_move_taken',
    text: `insert into shop_taken as t (product, paid, pending, waiting)
           select product, paid, pending, waiting from json_populate_recordset(null::shop_taken, $1)
           on conflict (product) do update set paid = t.paid + excluded.paid, pending = t.pending + excluded.pending,
             waiting = t.waiting + excluded.waiting`,
    values: [JSON.stringify(moved)],
  });
  const less = moved.filter(({ paid, pending, waiting }) => paid < 0 || pending < 0 || waiting < 0);
  if (less.length === 0) return;
  await tx.query({
    name: 'shop_drop_taken',
    text: `delete from shop_taken t using json_populate_recordset(null::shop_taken, $1) m
           where t.product = m.product and t.paid = 0 and t.pending = 0 and t.waiting = 0`,
    values: [JSON.stringify(less)],
  });
}

/** As above; a count may be less than nothing for a while that others add to, so what came to nothing is seen afterwards. */
async function moveUntil(
  tx: Tx,
  moved: readonly (Until & { account: string; scale: number; span: string })[],
): Promise<void> {
  if (moved.length === 0) return;
  const { rows: empty } = await tx.query<object>({
    name: 'shop_move_until',
    text: `with moved as (
             insert into shop_until as t (account, scale, span, carts, vouchers)
             select account, scale, span, carts, vouchers from json_populate_recordset(null::shop_until, $1)
             on conflict (account, scale, span) do update
               set carts = t.carts + excluded.carts, vouchers = t.vouchers + excluded.vouchers
             returning account, scale, span, carts, vouchers
           )
           select account, scale, span from moved where carts = 0 and vouchers = 0`,
    values: [JSON.stringify(moved)],
  });
  if (empty.length === 0) return;
  await tx.query({
    name: 'shop_drop_until',
    text: `delete from shop_until t using json_populate_recordset(null::shop_until, $1) e
           where (t.account, t.scale, t.span) = (e.account, e.scale, e.span)`,
    values: [JSON.stringify(empty)],
  });
}
