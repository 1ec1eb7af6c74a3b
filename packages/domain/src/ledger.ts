import { earlier, sortable, type Instant } from './instant';
import { countFrom, entries, find, ordered, put, without, type Ordered } from './ordered';

/** What is reserved: a product on a date of a series, or on none. */
export type Product = { readonly item: number; readonly variation: number | null; readonly date: number | null };

/** A cart position, as far as later decisions need it; the rest of it is a read model's. */
export type Cart = Product & {
  readonly id: number;
  readonly cart_id: string;
  readonly voucher: number | null;
  readonly seat: string | null;
  readonly expires: Instant;
  /** Until then the voucher blocks the place itself, and the cart does not count besides (contract §2.7); null: never. */
  readonly covered: Instant | null;
};

/** By instant and cart position, so that what counts at an instant is counted without a walk; the value is the position. */
export type Times = Ordered<string, number>;

/** Which carts count where, and until when: an account per product, voucher and seat. It follows from the carts alone. */
export type Ledger = Ordered<string, Times>;

/** One cart on one account, until an instant. */
export type Row = { readonly account: string; readonly due: string; readonly id: number };

/** Whether a cart adds to what is taken, or is one of the shop that was released here and takes off what the shop counts of it. */
export type Sign = '+' | '-';

/** A product by what quotas match it with: its variation, or else its item (contract §2.7). */
export const productKey = ({ item, variation, date }: Product): string =>
  `${date ?? ''}:${variation === null ? `item ${item}` : `variation ${variation}`}`;

/** What the names of the accounts of all products begin with. */
export const CARTS = '+cart ';
/** What was released without being held, until it would be purged. */
export const PURGES = 'purge';
export const voucherAccount = (voucher: number, sign: Sign): string => `${sign}voucher ${voucher}`;
export const seatAccount = (date: number | null, seat: string): string => `seat ${date ?? ''}:${seat}`;

/** Texts that sort by time, and within it are each position's own. */
const dueOf = (until: Instant, id: number): string => `${sortable(until)}/${id}`;

/** Where a cart counts. */
export function rowsOf(cart: Cart, sign: Sign): Row[] {
  const { id, covered, voucher, seat } = cart;
  const due = dueOf(cart.expires, id);
  const key = productKey(cart);
  const rows: Row[] = [{ account: `${sign}cart ${key}`, due, id }];
  if (covered !== null) rows.push({ account: `${sign}covered ${key}`, due: dueOf(covered, id), id });
  if (voucher !== null) rows.push({ account: voucherAccount(voucher, sign), due, id });
  // Which of the shop's carts holds a seat is a fact that names the cart: those that were released here are known by name.
  if (seat !== null && sign === '+') rows.push({ account: seatAccount(cart.date, seat), due, id });
  return rows;
}

/** Where a cart that was released without being held is remembered, and where it takes off what the shop counts of it. */
export const rowsOfReleased = (cart: Cart & { readonly imported: boolean }): Row[] => [
  { account: PURGES, due: dueOf(cart.expires, cart.id), id: cart.id },
  ...(cart.imported ? rowsOf(cart, '-') : []),
];

/** The ledger with a row. */
export const withRow = (ledger: Ledger, { account, due, id }: Row): Ledger =>
  put(ledger, account, put(timesOf(ledger, account), due, id));

/** The ledger without a row; an account that is empty leaves it. */
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

/** How many rows of an account count at an instant: a row counts while its own instant is not past. */
const live = (ledger: Ledger, account: string, now: Instant): number =>
  countFrom(timesOf(ledger, account), sortable(now));

/** How many carts of a product count at an instant: ours, less those of the shop that were released here. */
export function countCarts(ledger: Ledger, product: Product, now: Instant): number {
  const key = productKey(product);
  const counted = (sign: Sign) => live(ledger, `${sign}cart ${key}`, now) - live(ledger, `${sign}covered ${key}`, now);
  return counted('+') - counted('-');
}

/** As `countCarts`, of a voucher. */
export const countUses = (ledger: Ledger, voucher: number, now: Instant): number =>
  live(ledger, voucherAccount(voucher, '+'), now) - live(ledger, voucherAccount(voucher, '-'), now);

/** The rows whose instant lies before another, the earliest first, at most `limit`. */
export function rowsBefore(times: Times, before: Instant, limit: number): (readonly [string, number])[] {
  const found: (readonly [string, number])[] = [];
  for (const row of entries(times)) {
    if (row[0] >= sortable(before) || found.length === limit) break;
    found.push(row);
  }
  return found;
}

/** Until when a voucher blocks the place of a cart itself: while both are valid (contract §2.7). */
export function coveredUntil(
  expires: Instant,
  terms: { readonly blocks: boolean; readonly valid_until: Instant | null } | null,
): Instant | null {
  if (!terms?.blocks) return null;
  return terms.valid_until !== null && earlier(terms.valid_until, expires) ? terms.valid_until : expires;
}
