import type { VoucherTermsChanged } from '@gatehouse/events/inventory';
import { heldWith, inventory, type Inventory } from './inventory';
import { coveredUntil, type Cart } from './ledger';
import type { VoucherTerms } from './voucher';

/**
 * The revision of the shop's facts on which a decision is based. Our carts are counted by the vouchers' terms that the state
 * has learned. Facts older than these could count a cart twice or not at all, so such facts are stale; newer terms are
 * applied with the first decision that uses them.
 */
export type ShopFacts = {
  /** Raised with each change of a voucher of the event in the shop's facts; all facts of a decision are as of it. */
  readonly revision: number;
  /** The `learnedRevision` after which `changed` is complete. */
  readonly since: number;
  /** The vouchers whose terms have changed since. New vouchers need not be included: no cart can have them. */
  readonly changed: readonly (VoucherTerms & { readonly id: number })[];
};

/** Whether facts are too old or too incomplete for a decision on this state: then they must be read again. */
export const isStale = ({ revision, since }: ShopFacts, { learnedRevision }: Inventory): boolean =>
  revision < learnedRevision || since > learnedRevision;

/** With so many changed vouchers it is recorded, too, that none concerns a cart: else every decision would read all of them again. */
const MANY = 100;

/** The state with the changed terms, and the event that records them; the same state when they affect none of its carts. */
export function learn(
  facts: { readonly organizer: string; readonly event: string; readonly shop: ShopFacts },
  state: Inventory,
): { readonly known: Inventory; readonly learned: readonly VoucherTermsChanged[] } {
  const { organizer, event, shop } = facts;
  // Who waits together brings the same changes: the first has learned them for all.
  if (shop.revision <= state.learnedRevision) return { known: state, learned: [] };
  const vouchers = shop.changed
    .filter((voucher) => heldWith(state, voucher.id).some((cart) => isCountedOtherwise(cart, voucher)))
    .map(({ id, blocks, valid_until }) => ({ voucher: id, blocks, valid_until }));
  if (vouchers.length === 0 && shop.changed.length < MANY) return { known: state, learned: [] };
  const changed: VoucherTermsChanged = {
    type: 'VoucherTermsChanged',
    data: { organizer, event, vouchers, facts_revision: shop.revision },
  };
  return { known: inventory.evolve(state, changed), learned: [changed] };
}

const isCountedOtherwise = (cart: Cart, terms: VoucherTerms): boolean =>
  cart.covered !== coveredUntil(cart.expires, terms);
