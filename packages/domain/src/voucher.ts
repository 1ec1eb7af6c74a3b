import { earlier, type Instant } from './instant';
import { usesOf, type Inventory } from './inventory';
import type { Product } from './ledger';

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
