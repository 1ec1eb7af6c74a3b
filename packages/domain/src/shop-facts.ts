import type { VoucherTermsChanged } from '@gatehouse/events/inventory';
import { inventory, type Inventory } from './inventory';
import { coveredUntil, timesOf, voucherAccount, type Cart } from './ledger';
import { entries, find } from './ordered';
import type { VoucherTerms } from './voucher';

/**
 * The revision of the shop's facts on which a decision is based. Carts are counted by the vouchers' terms at the time of
 * the reservation, and the shop's carts that were released here are subtracted from the shop's counts. Facts older than an
 * earlier decision could therefore count a cart twice or not at all, so such facts are stale; newer terms of vouchers are
 * applied with the first decision that uses them.
 */
export type ShopFacts = {
  /**
   * Raised with each change of a voucher or a cart of the event in the shop's facts; all facts of a decision are as of it.
   */
  readonly revision: number;
  /** The `learnedRevision` after which `changed` is complete. */
  readonly since: number;
  /** The vouchers whose terms have changed since. New vouchers need not be included: no cart can have them. */
  readonly changed: readonly (VoucherTerms & { readonly id: number })[];
};

/** Whether facts are too old or too incomplete for a decision on this state: then they must be read again. */
export const isStale = (shop: ShopFacts, state: Inventory): boolean =>
  isOlder(shop, state) || shop.since > state.learnedRevision;

/** Whether something was decided on newer facts than these. */
export const isOlder = ({ revision }: Pick<ShopFacts, 'revision'>, { factsRevision }: Inventory): boolean =>
  revision < factsRevision;

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
    .filter((voucher) => cartsWith(voucher.id, state).some((cart) => isCountedOtherwise(cart, voucher)))
    .map(({ id, blocks, valid_until }) => ({ voucher: id, blocks, valid_until }));
  if (vouchers.length === 0 && shop.changed.length < MANY) return { known: state, learned: [] };
  const changed: VoucherTermsChanged = {
    type: 'VoucherTermsChanged',
    data: { organizer, event, vouchers, facts_revision: shop.revision },
  };
  return { known: inventory.evolve(state, changed), learned: [changed] };
}

function cartsWith(voucher: number, { ledger, held, released }: Inventory): Cart[] {
  const ids = (sign: '+' | '-') => [...entries(timesOf(ledger, voucherAccount(voucher, sign)))].map(([, id]) => id);
  return [...ids('+').map((id) => find(held, id)!), ...ids('-').map((id) => find(released, id)!)];
}

const isCountedOtherwise = (cart: Cart, terms: VoucherTerms): boolean =>
  cart.covered !== coveredUntil(cart.expires, terms);
