import type { Wanted } from '@gatehouse/inventory/reservations';
import { SHOP, shopExport } from './shop';
import type { ExportFiles } from './system';

/* The tiny shop of `shop.ts` with something to reserve: a product with a quota, one with seats, and vouchers. */

export const HALL = {
  where: { organizer: SHOP.slug, event: 'fest' },
  event: SHOP.event,
  token: SHOP.token,
  /** Of `pass`. */
  quota: 501,
  /** Of `day`, which has seats. */
  seatedQuota: 502,
  /** Of `addon`: unlimited. */
  openQuota: 503,
  vouchers: { three: 601 },
  seats: ['A-1', 'A-2', 'A-3'],
} as const;

export type Hall = {
  /** Places of `pass`. */
  readonly size?: number;
  readonly quota?: object;
  readonly vouchers?: readonly object[];
  readonly carts?: readonly object[];
  readonly settings?: object;
};

/** An export of it. */
export function hall({ size = 5, quota = {}, vouchers = [], carts = [], settings = {} }: Hall = {}): ExportFiles {
  const quotaOf = (id: number, name: string, item: number, more: object) => ({ id, name, items: [item], ...more });
  return {
    ...shopExport([]),
    'events/fest/settings.json': { locale: 'en', name_scheme: 'full', ...settings },
    'events/fest/event.json': {
      slug: 'fest',
      name: { en: 'Fest' },
      timezone: 'Europe/Berlin',
      seat_category_mapping: { Stalls: SHOP.day },
    },
    'events/fest/quotas.json': [
      quotaOf(HALL.quota, 'Passes', SHOP.pass, { size, ...quota }),
      quotaOf(HALL.seatedQuota, 'Seats', SHOP.day, { size: null }),
      quotaOf(HALL.openQuota, 'Parking', SHOP.addon, { size: null }),
    ],
    'events/fest/vouchers.json': [{ id: HALL.vouchers.three, code: 'THREE', max_usages: 3 }, ...vouchers],
    'events/fest/seats.json': HALL.seats.map((seat_guid, n) => ({
      id: 700 + n,
      seat_guid,
      row_name: 'A',
      seat_number: String(n + 1),
      product: SHOP.day,
    })),
    'events/fest/cartpositions.json': carts,
  };
}

/** Somebody wants one `pass`, unless `more` says otherwise. */
export const wanted = (more: Partial<Wanted> = {}): Wanted => ({
  cart_id: null,
  item: SHOP.pass,
  variation: null,
  date: null,
  price: '10.00',
  includes_tax: true,
  seat: null,
  voucher: null,
  sales_channel: null,
  expires: null,
  attendee_name_parts: {},
  attendee_email: null,
  answers: [],
  productName: 'Pass',
  ...more,
});

/** A cart position of the shop. */
export const shopCart = (id: number, more: object = {}) => ({
  id,
  cart_id: `shop${id}@api`,
  item: SHOP.pass,
  price: '10.00',
  datetime: new Date(Date.now() - 60_000).toISOString(),
  expires: new Date(Date.now() + 3_600_000).toISOString(),
  ...more,
});
