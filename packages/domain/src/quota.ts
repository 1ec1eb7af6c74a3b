import type { QuotaClosed } from '@gatehouse/events/inventory';
import { foldCase } from './fold';
import type { Instant } from './instant';
import { cartsOf, placesOf, type Inventory } from './inventory';
import type { Product } from './ledger';
import { find } from './ordered';

/** A quota, with the shop's own counts of what is taken. */
export type QuotaFacts = {
  readonly id: number;
  readonly name: string;
  /** null: unlimited. */
  readonly size: number | null;
  readonly items: readonly number[];
  readonly variations: readonly number[];
  readonly date: number | null;
  readonly close_when_sold_out: boolean;
  readonly closed: boolean;
  /** The fact's own revision; the counts below have none. */
  readonly revision: number;
  /** Positions of paid and of pending orders, including test mode. */
  readonly paid: number;
  readonly pending: number;
  /** The unused rest of valid vouchers that block it. */
  readonly vouchers: number;
  /**
   * The shop's carts that have neither expired nor been released here, without those whose voucher counts in `vouchers`. A
   * release may be missing in them for a while: then the cart still counts.
   */
  readonly carts: number;
  /** Entries of the waiting list without a voucher. */
  readonly waiting: number;
};

/** What is taken of a quota, in the order in which it is subtracted from its size (contract §2.7, as decided at its head). */
export type Taken = Readonly<Record<(typeof STEPS)[number]['of'], number>>;

/** 100, 20, 10 and 0 in the contract. */
export type Level = 'available' | 'reserved' | 'ordered' | 'sold out';

export type Availability = { readonly level: Level; /** null: unlimited. */ readonly left: number | null };

const STEPS = [
  { of: 'paid', level: 'sold out' },
  { of: 'pending', level: 'ordered' },
  { of: 'vouchers', level: 'ordered' },
  { of: 'carts', level: 'reserved' },
  { of: 'waiting', level: 'ordered' },
] as const satisfies readonly { of: string; level: Level }[];

/**
 * Whether a product counts on a quota: by its variation if it has one, else by its item; dates must be equal, null matches
 * only null.
 */
export const matches = (quota: Pick<QuotaFacts, 'date' | 'items' | 'variations'>, product: Product): boolean =>
  quota.date === product.date &&
  (product.variation === null ? quota.items.includes(product.item) : quota.variations.includes(product.variation));

/** Everything that counts on a quota at an instant: the shop's counts and our reservations. */
export function takenOf(quota: QuotaFacts, inventory: Inventory, now: Instant): Taken {
  const products: Product[] = [
    ...quota.items.map((item) => ({ item, variation: null, date: quota.date })),
    // A product with a variation matches by the variation only.
    ...quota.variations.map((variation) => ({ item: 0, variation, date: quota.date })),
  ];
  const sum = (of: (product: Product) => number) => products.reduce((total, product) => total + of(product), 0);
  return {
    paid: quota.paid + sum((product) => placesOf(inventory, product)),
    pending: quota.pending,
    vouchers: quota.vouchers,
    carts: quota.carts + sum((product) => cartsOf(inventory, product, now)),
    waiting: quota.waiting,
  };
}

/** Whether, and how many, places a quota has at an instant (contract §2.7). */
export function availabilityOf(quota: QuotaFacts, inventory: Inventory, now: Instant): Availability {
  if (isClosed(quota, inventory)) return { level: 'ordered', left: 0 };
  if (quota.size === null) return { level: 'available', left: null };
  const taken = takenOf(quota, inventory, now);
  let left = quota.size;
  for (const { of, level } of STEPS) {
    left -= taken[of];
    if (left <= 0) return { level, left: 0 };
  }
  return { level: 'available', left };
}

/** Whether a quota is closed: by the shop, or by itself since the shop's newest fact of it. */
export function isClosed(quota: Pick<QuotaFacts, 'id' | 'closed' | 'revision'>, inventory: Inventory): boolean {
  if (quota.closed) return true;
  const closedAt = find(inventory.closed, quota.id);
  return closedAt !== undefined && closedAt >= quota.revision;
}

/** The quotas of a product in the order in which they are checked: by name. */
export function quotasOf(quotas: readonly QuotaFacts[], product: Product): readonly QuotaFacts[] {
  const own = quotas.filter((quota) => matches(quota, product));
  return own.length < 2 ? own : own.sort(byName);
}

function byName(a: QuotaFacts, b: QuotaFacts): number {
  const [first, second] = [foldCase(a.name), foldCase(b.name)];
  if (first === second) return a.id - b.id;
  return first < second ? -1 : 1;
}

/** The amount of a product to take from its quotas, and when. */
export type QuotaAsk = {
  readonly organizer: string;
  readonly event: string;
  readonly now: Instant;
  readonly amount: number;
};

/** The result of a quota's check: its remaining places, or that it has too few. */
export type Asked = {
  readonly quota: QuotaFacts;
  readonly enough: boolean;
  /** After the amount is taken; null: unlimited. */
  readonly left: number | null;
  /** Set when the quota closes because it was found sold out (contract §2.7). */
  readonly closing: QuotaClosed | null;
};

/** Checks quotas one after another and stops at the first with too few places; only that one may close. */
export function askQuotas(quotas: readonly QuotaFacts[], inventory: Inventory, ask: QuotaAsk): readonly Asked[] {
  const asked: Asked[] = [];
  for (const quota of quotas) {
    const { level, left } = availabilityOf(quota, inventory, ask.now);
    const enough = left === null || left >= ask.amount;
    const soldOut = level === 'sold out' || level === 'ordered';
    const closes = soldOut && quota.close_when_sold_out && !isClosed(quota, inventory);
    asked.push({
      quota,
      enough,
      left: left === null ? null : left - ask.amount,
      closing: closes ? closed(quota, ask) : null,
    });
    if (!enough) break;
  }
  return asked;
}

const closed = (quota: QuotaFacts, { organizer, event, now }: QuotaAsk): QuotaClosed => ({
  type: 'QuotaClosed',
  data: { organizer, event, quota: quota.id, quota_revision: quota.revision, datetime: now },
});

/** The message when a product has no quota on the date (contract §8.4, check 1). */
export const noQuotaText = (product: string): string => `The product "${product}" is not assigned to a quota.`;

/** The message when a quota has too few places (contract §8.4, check 2). */
export const exhaustedText = (quota: string | undefined): string =>
  `There is not enough quota available on quota "${quota}" to perform the operation.`;
