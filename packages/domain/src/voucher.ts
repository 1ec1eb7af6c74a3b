import { earlier, type Instant } from './instant';
import { usesOf, type Inventory } from './inventory';
import type { Product } from './ledger';

/** The terms that decide whether carts with a voucher count in addition to it (contract §2.7). */
export type VoucherTerms = { readonly blocks: boolean; readonly valid_until: Instant | null };

export type VoucherFacts = VoucherTerms & {
  readonly id: number;
  readonly max_usages: number;
  readonly redeemed: number;
  readonly item: number | null;
  readonly variation: number | null;
  /** The items and variations of the quota to which it is bound. */
  readonly quota: { readonly items: readonly number[]; readonly variations: readonly number[] } | null;
  readonly date: number | null;
  readonly seat: string | null;
  /** The shop's carts with it that have neither expired nor been released here. */
  readonly carts: number;
};

/** Whether a voucher may be used for a product (contract §2.9). */
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

/** Whether a voucher has expired. At `valid_until` itself it is still valid. */
export const isExpired = (voucher: VoucherTerms, now: Instant): boolean =>
  voucher.valid_until !== null && earlier(voucher.valid_until, now);

/** How often a voucher can still be used: carts count as uses, like orders. */
export const usesLeft = (voucher: VoucherFacts, state: Inventory, now: Instant): number =>
  voucher.max_usages - voucher.redeemed - voucher.carts - usesOf(state, voucher.id, now);
