import type { CartReserved } from '@gatehouse/events/inventory';
import type { Hold, HoldFacts } from './hold';
import type { QuotaFacts } from './quota';
import type { SeatFacts } from './seat';
import type { VoucherFacts } from './voucher';

/* What the tests of the inventory's rules begin with: a product with one quota of five, and somebody who wants one. */

export const NOW = '2027-06-01T08:00:00Z';
export const LATER = '2027-06-01T08:30:00Z';
export const where = { organizer: 'demo', event: 'openair' };

export const quota: QuotaFacts = {
  id: 4,
  name: 'Tickets',
  size: 5,
  items: [3],
  variations: [],
  date: null,
  close_when_sold_out: false,
  closed: false,
  revision: 0,
  paid: 0,
  pending: 0,
  vouchers: 0,
  carts: 0,
  waiting: 0,
};

export const facts: HoldFacts = {
  ...where,
  now: NOW,
  product: { name: 'Festival pass', seated: false },
  quotas: [quota],
  seating: { minimalDistance: 0, withinRow: false, blockedFor: [] },
  seat: null,
  voucher: null,
  shop: { revision: 0, since: 0, changed: [] },
};

export const ask: Hold = {
  id: 1_000_000_001,
  cart_id: 'one@api',
  request: null,
  item: 3,
  variation: null,
  date: null,
  price: '59.00',
  includes_tax: true,
  seat: null,
  voucher: null,
  sales_channel: null,
  expires: LATER,
  attendee_name_parts: {},
  attendee_email: null,
  answers: [],
};

export const seat: SeatFacts = {
  guid: 'A-1',
  name: 'Stand, Row A, Seat 1',
  blocked: false,
  row: 'A',
  x: 0,
  y: 0,
  sold: false,
  vouchers: [],
  carts: [],
  near: [],
};

export const voucher: VoucherFacts = {
  id: 17,
  max_usages: 1,
  redeemed: 0,
  blocks: false,
  valid_until: null,
  item: null,
  variation: null,
  quota: null,
  date: null,
  seat: null,
  carts: 0,
};

/** What `hold` records for `ask`. */
export const reserved = (data: Partial<CartReserved['data']> = {}): CartReserved => ({
  type: 'CartReserved',
  data: {
    ...where,
    id: ask.id,
    cart_id: ask.cart_id,
    request: null,
    item: 3,
    variation: null,
    date: null,
    price: '59.00',
    includes_tax: true,
    seat: null,
    voucher: null,
    expires: LATER,
    datetime: NOW,
    quotas: [{ quota: 4, left: 4 }],
    covered_until: null,
    facts_revision: 0,
    attendee_name_parts: {},
    attendee_email: null,
    answers: [],
    ...data,
  },
});

/** The same, of another position. */
export const another = (n: number, data: Partial<CartReserved['data']> = {}): CartReserved =>
  reserved({ id: ask.id + n, ...data });
