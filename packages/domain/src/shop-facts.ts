import type { VoucherTermsChanged } from '@gatehouse/events/inventory';
import { inventory, type Inventory } from './inventory';
import { coveredUntil, timesOf, voucherAccount, type Cart } from './ledger';
import { entries, find } from './ordered';
import type { VoucherTerms } from './voucher';

/**
 * How new the facts of the shop are that a decision rests on. Carts are counted by the terms of vouchers that were known when they were
 * reserved, and what was released of the shop's carts is taken off what the shop counts. Facts that are older than what was decided
 * meanwhile would count one of them twice or not at all; newer terms of vouchers are learned with the decision that first knows them.
 */
export type ShopFacts = {
  /** Grows with each change of a voucher or a cart of the event that the shop states; all facts of a decision are as of it. */
  readonly revision: number;
  /** The `learnedRevision` after which `changed` is complete. */
  readonly since: number;
  /** The vouchers whose terms have changed since. New vouchers, which no cart can have yet, need not be among them. */
  readonly changed: readonly (VoucherTerms & { readonly id: number })[];
};

/** Whether facts are too old, or say too little, to decide on a state: then they must be read again. */
export const isStale = (shop: ShopFacts, state: Inventory): boolean =>
  isOlder(shop, state) || shop.since > state.learnedRevision;

/** Whether something was decided on newer facts than these. */
export const isOlder = ({ revision }: Pick<ShopFacts, 'revision'>, { factsRevision }: Inventory): boolean =>
  revision < factsRevision;

/** What the changed terms make of a state, and the event that says so; the same state when they concern no cart that it counts. */
export function learn(
  facts: { readonly organizer: string; readonly event: string; readonly shop: ShopFacts },
  state: Inventory,
): { readonly known: Inventory; readonly learned: readonly VoucherTermsChanged[] } {
  const { organizer, event, shop } = facts;
  const vouchers = shop.changed
    .filter((voucher) => cartsWith(voucher.id, state).some((cart) => isCountedOtherwise(cart, voucher)))
    .map(({ id, blocks, valid_until }) => ({ voucher: id, blocks, valid_until }));
  if (vouchers.length === 0) return { known: state, learned: [] };
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
