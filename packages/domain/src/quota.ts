import type { QuotaClosed } from '@gatehouse/events/inventory';
import { foldCase } from './fold';
import type { Instant } from './instant';
import { cartsOf, placesOf, type Inventory } from './inventory';
import type { Product } from './ledger';
import { find } from './ordered';

/** A quota and what the shop has taken of it, as far as the shop states it. */
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
  /** The revision of the fact itself; what follows has none. */
  readonly revision: number;
  /** Positions of paid and of pending orders, of test mode too. */
  readonly paid: number;
  readonly pending: number;
  /** What is left of vouchers that block it and are valid. */
  readonly vouchers: number;
  /** The shop's carts that have not expired, without those whose voucher counts among `vouchers`; those that were released here included. */
  readonly carts: number;
  /** Entries of the waiting list without a voucher. */
  readonly waiting: number;
};

/** What is taken of a quota, in the order in which it is taken off its size (contract §2.7, as decided at its head). */
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

/** Whether a product counts on a quota: by its variation if it has one, else by its item; dates match exactly, null only null. */
export const matches = (quota: Pick<QuotaFacts, 'date' | 'items' | 'variations'>, product: Product): boolean =>
  quota.date === product.date &&
  (product.variation === null ? quota.items.includes(product.item) : quota.variations.includes(product.variation));

/** All that counts on a quota at an instant: what the shop states and what was promised here. */
export function takenOf(quota: QuotaFacts, inventory: Inventory, now: Instant): Taken {
  const products: Product[] = [
    ...quota.items.map((item) => ({ item, variation: null, date: quota.date })),
    // Of a product with a variation the variation alone decides.
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

/** Whether a quota has places left at an instant, and how many (contract §2.7). */
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

/** Whether a quota is closed: by the shop, or by itself since the shop's newest statement of it. */
export function isClosed(quota: Pick<QuotaFacts, 'id' | 'closed' | 'revision'>, inventory: Inventory): boolean {
  if (quota.closed) return true;
  const closedAt = find(inventory.closed, quota.id);
  return closedAt !== undefined && closedAt >= quota.revision;
}

/** The quotas of a product in the order in which they are asked: by name. */
export function quotasOf(quotas: readonly QuotaFacts[], product: Product): readonly QuotaFacts[] {
  const own = quotas.filter((quota) => matches(quota, product));
  return own.length < 2 ? own : own.sort(byName);
}

function byName(a: QuotaFacts, b: QuotaFacts): number {
  const [first, second] = [foldCase(a.name), foldCase(b.name)];
  if (first === second) return a.id - b.id;
  return first < second ? -1 : 1;
}

/** What is asked of quotas, and when. */
export type QuotaAsk = {
  readonly organizer: string;
  readonly event: string;
  readonly now: Instant;
  readonly amount: number;
};

/** A quota that was asked: what it has left for others afterwards, or that it has not enough. */
export type Asked = {
  readonly quota: QuotaFacts;
  readonly enough: boolean;
  /** After the amount is taken; null: unlimited. */
  readonly left: number | null;
  /** The quota closes because it was found sold out (contract §2.7). */
  readonly closing: QuotaClosed | null;
};

/** Asks quotas in turn and stops at the first that has not enough, which alone may close. */
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

/** What is said when a product has no quota on the date (contract §8.4, check 1). */
export const noQuotaText = (product: string): string => `The product "${product}" is not assigned to a quota.`;

/** What is said when a quota has not enough left (contract §8.4, check 2). */
export const exhaustedText = (quota: string | undefined): string =>
  `There is not enough quota available on quota "${quota}" to perform the operation.`;
