import type { VoucherTermsChanged } from '@gatehouse/events/inventory';
import { earlier, type Instant } from './instant';
import { inventory, usesOf, type Inventory } from './inventory';
import { coveredUntil, timesOf, voucherAccount, type Cart, type Product } from './ledger';
import { entries, find } from './ordered';

/** What decides whether carts with a voucher count besides it (contract §2.7). */
export type VoucherTerms = { readonly blocks: boolean; readonly valid_until: Instant | null };

export type VoucherFacts = VoucherTerms & {
  readonly id: number;
  readonly max_usages: number;
  readonly redeemed: number;
  readonly item: number | null;
  readonly variation: number | null;
  /** What the quota holds that it is bound to. */
  readonly quota: { readonly items: readonly number[]; readonly variations: readonly number[] } | null;
  readonly date: number | null;
  readonly seat: string | null;
  /** The shop's carts with it that have not expired; those that were released here included. */
  readonly carts: number;
};

/** Whether a voucher is for a product (contract §2.9). */
export function applies(voucher: Pick<VoucherFacts, 'item' | 'variation' | 'quota'>, product: Product): boolean {
  const { item, variation, quota } = voucher;
  if (quota) {
    return product.variation === null
      ? quota.items.includes(product.item)
      : quota.variations.includes(product.variation);
  }
  if (item === null) return true;
  return item === product.item && (variation === null || variation === product.variation);
}

/** Whether a voucher is past its time. It is valid at `valid_until` itself. */
export const isExpired = (voucher: VoucherTerms, now: Instant): boolean =>
  voucher.valid_until !== null && earlier(voucher.valid_until, now);

/** How often a voucher can still be used: carts use it up before orders do. */
export const usesLeft = (voucher: VoucherFacts, state: Inventory, now: Instant): number =>
  voucher.max_usages - voucher.redeemed - voucher.carts - usesOf(state, voucher.id, now);

/**
 * What the shop has changed of the terms of vouchers. Carts are counted by the terms that were known when they were reserved, so that
 * nothing is counted anew for each decision; a change of terms is therefore part of the decision that first knows of it.
 */
export type VoucherNews = {
  /** Grows with each change of an event's vouchers' terms. */
  readonly revision: number;
  /** Of which `vouchersRevision` on `changed` is complete. */
  readonly since: number;
  /** The vouchers whose terms have changed since; new vouchers, which no cart can have yet, need not be among them. */
  readonly changed: readonly (VoucherTerms & { readonly id: number })[];
};

/** Whether facts are older than what was decided meanwhile, so that they must be read again. */
export const isStale = (news: VoucherNews, { vouchersRevision }: Inventory): boolean =>
  news.revision < vouchersRevision || news.since > vouchersRevision;

/** What the changes make of a state, and the event that says so; the same state when they concern no cart that it counts. */
export function learn(
  facts: { readonly organizer: string; readonly event: string; readonly vouchers: VoucherNews },
  state: Inventory,
): { readonly known: Inventory; readonly learned: readonly VoucherTermsChanged[] } {
  const { organizer, event, vouchers: news } = facts;
  const vouchers = news.changed
    .filter((voucher) => cartsWith(voucher.id, state).some((cart) => isCountedOtherwise(cart, voucher)))
    .map(({ id, blocks, valid_until }) => ({ voucher: id, blocks, valid_until }));
  if (vouchers.length === 0) return { known: state, learned: [] };
  const changed: VoucherTermsChanged = {
    type: 'VoucherTermsChanged',
    data: { organizer, event, vouchers, vouchers_revision: news.revision },
  };
  return { known: inventory.evolve(state, changed), learned: [changed] };
}

function cartsWith(voucher: number, { ledger, held, released }: Inventory): Cart[] {
  const ids = (sign: '+' | '-') => [...entries(timesOf(ledger, voucherAccount(voucher, sign)))].map(([, id]) => id);
  return [...ids('+').map((id) => find(held, id)!), ...ids('-').map((id) => find(released, id)!)];
}

const isCountedOtherwise = (cart: Cart, terms: VoucherTerms): boolean =>
  cart.covered !== coveredUntil(cart.expires, terms);
