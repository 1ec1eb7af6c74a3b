import type { ExportFiles } from './system';

/*
 * A tiny shop of one event, for tests of what its orders say from one import to the next (import.md §3): two products, an add-on, two
 * lists, a token and a droid key. A test makes the orders.
 */

export const SHOP = {
  event: '/api/v1/organizers/shop/events/fest/',
  droid: 'shop/fest',
  token: 'shoptoken'.padEnd(64, 'x'),
  droidKey: 'ShopKey'.padEnd(32, '0'),
  /** All products, paid orders. */
  gate: 1,
  /** `day` only, pending orders, too. */
  dayGate: 2,
  pass: 11,
  day: 12,
  addon: 13,
} as const;

export type ShopPosition = {
  readonly id: number;
  readonly secret: string;
  readonly item: number;
  readonly canceled: boolean;
  readonly addon_to: number | null;
  readonly [key: string]: unknown;
};
export type ShopOrder = {
  readonly code: string;
  readonly status: 'n' | 'p' | 'e' | 'c';
  readonly testmode: boolean;
  readonly positions: readonly ShopPosition[];
  readonly [key: string]: unknown;
};

export const shopPosition = (id: number, more: object = {}): ShopPosition => ({
  id,
  positionid: id,
  item: SHOP.pass,
  price: '10.00',
  attendee_name_parts: {},
  secret: `secret${id}`,
  pseudonymization_id: `PSEUDO${id}`,
  canceled: false,
  addon_to: null,
  ...more,
});

export const shopOrder = (code: string, positions: readonly ShopPosition[], more: object = {}): ShopOrder => ({
  code,
  status: 'p',
  testmode: false,
  datetime: '2027-05-01T10:00:00Z',
  sales_channel: 'web',
  positions,
  ...more,
});

/** An export with these orders; a later one may say less and name only what has changed. */
export function shopExport(orders: readonly ShopOrder[], { scheme = 'given_family' } = {}): ExportFiles {
  const item = (id: number, name: string) => ({ id, name, admission: true });
  return {
    'organizer.json': { slug: 'shop', name: 'Shop' },
    'teams.json': [
      {
        name: 'All',
        all_events: true,
        can_view_orders: true,
        can_change_orders: true,
        can_change_event_settings: true,
        tokens: [{ name: 'all', token: SHOP.token, active: true }],
      },
    ],
    'events/fest/event.json': { slug: 'fest', name: { en: 'Fest' }, timezone: 'Europe/Berlin' },
    'events/fest/settings.json': { locale: 'en', name_scheme: scheme },
    'events/fest/items.json': [item(SHOP.pass, 'Pass'), item(SHOP.day, 'Day'), item(SHOP.addon, 'Parking')],
    'events/fest/checkinlists.json': [
      { id: SHOP.gate, name: 'Gate' },
      { id: SHOP.dayGate, name: 'Day', all_products: false, limit_products: [SHOP.day], include_pending: true },
    ],
    'events/fest/droidkeys.json': [{ key: SHOP.droidKey, checkin_list: SHOP.gate }],
    'events/fest/orders.ndjson': orders,
  };
}
