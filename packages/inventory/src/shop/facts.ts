import type { HoldFacts } from '@gatehouse/domain/hold';
import type { Instant } from '@gatehouse/domain/instant';
import { productKey, type Product } from '@gatehouse/domain/ledger';
import type { QuotaFacts } from '@gatehouse/domain/quota';
import type { SeatFacts, SeatingRules } from '@gatehouse/domain/seat';
import type { ShopFacts } from '@gatehouse/domain/shop-facts';
import { isStorable } from '@gatehouse/domain/storable-text';
import type { VoucherFacts } from '@gatehouse/domain/voucher';
import { permissionDenied } from '@gatehouse/service/errors';
import type { Catalog } from '@gatehouse/shop/catalog';
import type { News } from '@gatehouse/shop/news';
import { productsOf, type Festival, type Quota } from '@gatehouse/shop/festival';
import type { Pool } from 'pg';
import {
  lookups,
  type ChangedTerms,
  type Counted,
  type Found,
  type FoundSeat,
  type FoundVoucher,
  type SeatAsk,
} from './lookup';
import { productAccount, quotaAccount } from './tallies';
import { codeKey, termsOf } from './vouchers';

type Where = { readonly organizer: string; readonly event: string };

/** What a reservation asks of the shop. */
export type FactsAsk = {
  readonly where: Where;
  readonly product: Product;
  /** As it is shown to who asks. */
  readonly productName: string;
  /** A code as it was sent. */
  readonly voucher: string | null;
  /** A guid. */
  readonly seat: string | null;
  /** The `learnedRevision` of the state that is decided on; 0: unknown. */
  readonly learned: number;
};

export type Facts = HoldFacts & { readonly seat: (SeatFacts & { readonly id: number }) | null };

/** Reads what the shop states, as of one moment each; `now` is PostgreSQL's clock then. */
export type FactsReader = {
  /** What a reservation is decided on. */
  hold(ask: FactsAsk): Promise<Facts>;
  /** Quotas of an event, those that it has, in the order of their names. */
  quotas(
    where: Where,
    quotas: readonly number[],
    learned: number,
  ): Promise<{ now: Instant; quotas: readonly QuotaFacts[]; shop: ShopFacts }>;
  /** Resolves when no read is under way. */
  idle(): Promise<void>;
};

/**
 * Opens it over a keyed pool. `news` is asked before an unknown voucher or seat is believed to be none: the shop's statement of it may
 * be on its way. Its functions throw 403 for an event that is gone, StoreUnavailable and StoreOverloaded.
 */
export function factsReader(
  pool: Pool,
  catalog: Catalog,
  { news = () => Promise.resolve(false) }: { news?: News } = {},
): FactsReader {
  const reads = lookups(pool);
  const festivalAt = ({ organizer, event }: Where): Festival => {
    const festival = catalog.festival(organizer, event);
    if (!festival) throw permissionDenied();
    return festival;
  };

  async function hold({ where, product, productName, voucher: code, seat: guid, learned }: FactsAsk): Promise<Facts> {
    const festival = festivalAt(where);
    const { key: event } = festival;
    const rules = seatingRules(festival);
    const quotas = festival.quotasOf.get(productKey(product)) ?? NO_QUOTAS;
    // A code or guid that no table can have must not spoil the others' read.
    const voucher = code !== null && isStorable(code) ? codeKey(code) : null;
    const seat = guid !== null && isStorable(guid) ? seatAsk(product.date, guid, rules) : null;
    const found = await reads.find({ event, learned, counted: countedOf(event, quotas), voucher, seat });
    const foundVoucher = voucher === null ? null : found.voucher(event, voucher);
    return {
      organizer: where.organizer,
      event: where.event,
      now: found.now,
      product: { name: productName, seated: isSeated(festival, product) },
      quotas: quotaFacts(event, quotas, found),
      seating: rules,
      seat: seat && seatFacts(found.seats(event, seat)),
      voucher: foundVoucher && voucherFacts(foundVoucher, festival),
      shop: shopFacts(event, found),
    };
  }

  return {
    async hold(ask) {
      const facts = await hold(ask);
      const isKnown = (ask.voucher === null || facts.voucher) && (ask.seat === null || facts.seat);
      return isKnown || !(await news()) ? facts : hold(ask);
    },
    async quotas(where, ids, learned) {
      const { key: event, quotas: all } = festivalAt(where);
      const asked = new Set(ids);
      const quotas = [...all.values()].filter(({ id }) => asked.has(id));
      const found = await reads.find({ event, learned, counted: countedOf(event, quotas), voucher: null, seat: null });
      return { now: found.now, quotas: quotaFacts(event, quotas, found), shop: shopFacts(event, found) };
    },
    idle: () => reads.idle(),
  };
}

const NO_QUOTAS: readonly Quota[] = [];

const accountsIn = (event: string, quota: Quota): { products: readonly string[]; own: string } => ({
  products: productsOf(quota).map((product) => productAccount(event, product)),
  own: quotaAccount(event, { id: quota.id, date: quota.subevent }),
});

/** Of the quotas of a product, which are the same for all who want it until the catalog changes. */
const known = new WeakMap<readonly Quota[], Counted>();

function countedOf(event: string, quotas: readonly Quota[]): Counted {
  const before = known.get(quotas);
  if (before) return before;
  const each = quotas.map((quota) => accountsIn(event, quota));
  const products = each.flatMap((of) => of.products);
  const counted = { products, accounts: [...products, ...each.map(({ own }) => own)] };
  known.set(quotas, counted);
  return counted;
}

/** Made once for all who ask for the same quotas at the same moment. */
const quotaFacts = (event: string, quotas: readonly Quota[], found: Found): readonly QuotaFacts[] =>
  found.shared(quotas, () => quotas.map((quota) => found.shared(quota, () => quotaFact(event, quota, found))));

function quotaFact(event: string, quota: Quota, found: Found): QuotaFacts {
  const { products, own } = accountsIn(event, quota);
  const taken = products.map(found.taken);
  const until = products.map(found.until);
  const { id, name, size, items, variations, subevent: date, close_when_sold_out, closed, revision } = quota;
  return {
    ...{ id, name, size, items, variations, date, close_when_sold_out, closed, revision },
    paid: sum(taken.map(({ paid }) => paid)),
    pending: sum(taken.map(({ pending }) => pending)),
    waiting: sum(taken.map(({ waiting }) => waiting)),
    carts: sum(until.map(({ carts }) => carts)),
    vouchers: sum(until.map(({ vouchers }) => vouchers)) + found.until(own).vouchers,
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

function shopFacts(event: string, found: Found): ShopFacts {
  const of = found.event(event);
  return found.shared(of, () => ({ revision: of.revision, since: of.since, changed: of.changed.map(changedTerms) }));
}

const changedTerms = (changed: ChangedTerms): ShopFacts['changed'][number] => ({ id: changed.id, ...termsOf(changed) });

function voucherFacts(row: FoundVoucher, { quotas }: Festival): VoucherFacts {
  const { id, max_usages, redeemed, item, variation, date, seat, carts } = row;
  const quota = row.quota === null ? null : (quotas.get(row.quota) ?? { items: [], variations: [] });
  const bound = quota && { items: quota.items, variations: quota.variations };
  return { id, ...termsOf(row), max_usages, redeemed, item, variation, quota: bound, date: date || null, seat, carts };
}

function seatingRules({ fact: { settings } }: Festival): SeatingRules {
  return {
    minimalDistance: settings.seating_minimal_distance,
    withinRow: settings.seating_distance_within_row,
    blockedFor: settings.seating_allow_blocked_seats_for_channel,
  };
}

const seatAsk = (date: number | null, guid: string, rules: SeatingRules): SeatAsk => ({
  date: date ?? 0,
  guid,
  distance: Math.max(0, rules.minimalDistance),
  withinRow: rules.withinRow,
});

function seatFacts([seat, ...near]: readonly FoundSeat[]): Facts['seat'] {
  return seat ? { ...seat, near } : null;
}

/** Whether a category of seats is mapped to a product: by its date, or else by the event (contract §8.4, check 3). */
function isSeated({ fact, dates }: Festival, { item, date }: Product): boolean {
  const mapping = date === null ? fact.seat_category_mapping : dates.get(date)?.seat_category_mapping;
  return mapping !== undefined && Object.values(mapping).includes(item);
}
