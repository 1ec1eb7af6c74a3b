import { earlier, sortable, type Instant } from './instant';
import { countFrom, entries, find, ordered, put, without, type Ordered } from './ordered';

/** What is reserved: a product on a date of a series, or on none. */
export type Product = { readonly item: number; readonly variation: number | null; readonly date: number | null };

/** The fields of a cart position that later decisions need. */
export type Cart = Product & {
  readonly id: number;
  readonly cart_id: string;
  readonly voucher: number | null;
  readonly seat: string | null;
  readonly expires: Instant;
  /** Until then the voucher itself blocks the place, and the cart does not count in addition (contract §2.7); null: never. */
  readonly covered: Instant | null;
};

/**
 * Keys are instant and cart position, so that counting the entries at an instant needs no iteration; the value is the
 * position.
 */
export type Times = Ordered<string, number>;

/** Where carts count, and until when: an account per product, voucher and seat. Derived from the carts alone. */
export type Ledger = Ordered<string, Times>;

/** One cart on one account, until an instant. */
export type Row = { readonly account: string; readonly due: string; readonly id: number };

/** The key by which quotas match a product: its variation, or else its item (contract §2.7). */
export const productKey = ({ item, variation, date }: Product): string =>
  `${date ?? ''}:${variation === null ? `item ${item}` : `variation ${variation}`}`;

/** Prefix of the accounts of products. */
export const CARTS = 'cart ';
/** The account of carts that were released without being held, until they would be purged. */
export const PURGES = 'purge';
/** The carts of a product, by its key. */
export const cartAccount = (key: string): string => CARTS + key;
/** Those of them whose voucher blocks the place itself, until it does no longer. */
export const coveredAccount = (key: string): string => `covered ${key}`;
export const voucherAccount = (voucher: number): string => `voucher ${voucher}`;
export const seatAccount = (date: number | null, seat: string): string => `seat ${date ?? ''}:${seat}`;

/** Keys that sort by time and are unique per position. */
const dueOf = (until: Instant, id: number): string => `${sortable(until)}/${id}`;

/** The ledger rows of a cart. */
export function rowsOf(cart: Cart): Row[] {
  const { id, covered, voucher, seat } = cart;
  const due = dueOf(cart.expires, id);
  const key = productKey(cart);
  const rows: Row[] = [{ account: cartAccount(key), due, id }];
  if (covered !== null) rows.push({ account: coveredAccount(key), due: dueOf(covered, id), id });
  if (voucher !== null) rows.push({ account: voucherAccount(voucher), due, id });
  if (seat !== null) rows.push({ account: seatAccount(cart.date, seat), due, id });
  return rows;
}

/** The ledger row of a cart that was released without being held. */
export const purgeRow = ({ id, expires }: Pick<Cart, 'id' | 'expires'>): Row => ({
  account: PURGES,
  due: dueOf(expires, id),
  id,
});

/** The ledger with a further row. */
export const withRow = (ledger: Ledger, { account, due, id }: Row): Ledger =>
  put(ledger, account, put(timesOf(ledger, account), due, id));

/** The ledger without a row; an empty account is removed. */
export function withoutRow(ledger: Ledger, { account, due }: Row): Ledger {
  const times = without(timesOf(ledger, account), due);
  return times === null ? without(ledger, account) : put(ledger, account, times);
}

/** The ledger of many rows at once. */
export function ledgerOf(rows: readonly Row[]): Ledger {
  const byAccount = new Map<string, (readonly [string, number])[]>();
  for (const { account, due, id } of rows) {
    const times = byAccount.get(account);
    if (times) times.push([due, id]);
    else byAccount.set(account, [[due, id]]);
  }
  return ordered([...byAccount].sort(byKey).map(([account, times]) => [account, ordered(times.sort(byKey))] as const));
}

export const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

export const timesOf = (ledger: Ledger, account: string): Times => find(ledger, account) ?? null;

/** Number of rows of an account that count at an instant: those whose own instant is not past. */
export const live = (ledger: Ledger, account: string, now: Instant): number =>
  countFrom(timesOf(ledger, account), sortable(now));

/** At most `limit` rows whose instant is before another, the earliest first. */
export function rowsBefore(times: Times, before: Instant, limit: number): (readonly [string, number])[] {
  const found: (readonly [string, number])[] = [];
  for (const row of entries(times)) {
    if (row[0] >= sortable(before) || found.length === limit) break;
    found.push(row);
  }
  return found;
}

/** Until when a voucher itself blocks the place of a cart: while both are valid (contract §2.7). */
export function coveredUntil(
  expires: Instant,
  terms: { readonly blocks: boolean; readonly valid_until: Instant | null } | null,
): Instant | null {
  if (!terms?.blocks) return null;
  return terms.valid_until !== null && earlier(terms.valid_until, expires) ? terms.valid_until : expires;
}
