import type { ExportFiles } from './system';

/*
 * A tiny shop of one event, for tests of successive imports of its orders (import.md §3): two products, an add-on, two
 * lists, a token and a droid key. A test makes the orders.
 */

export type Shop = ReturnType<typeof shopNumber>;

/** The nth shop: several of them share an installation, but no ids. */
export function shopNumber(n: number) {
  const slug = `shop${n}`;
  const first = n * 100;
  return {
    slug,
    event: `/api/v1/organizers/${slug}/events/fest/`,
    droid: `${slug}/fest`,
    token: `token${n}`.padEnd(64, 'x'),
    droidKey: `ShopKey${n}`.padEnd(32, 'x'),
    /** All products, paid orders. */
    gate: first + 1,
    /** `day` only, pending orders, too. */
    dayGate: first + 2,
    pass: first + 11,
    day: first + 12,
    addon: first + 13,
  } as const;
}

export const SHOP = shopNumber(0);

export type ShopPosition = {
  readonly id: number;
  readonly positionid: number;
  readonly secret: string;
  readonly item: number;
  readonly price: string;
  readonly attendee_name_parts: object;
  readonly pseudonymization_id: string;
  readonly canceled: boolean;
  readonly addon_to: number | null;
};
export type ShopOrder = {
  readonly code: string;
  readonly status: 'n' | 'p' | 'e' | 'c';
  readonly testmode: boolean;
  readonly datetime: string;
  readonly sales_channel: string;
  readonly positions: readonly ShopPosition[];
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

/** An export with these orders; a later export may contain only changed ones. */
export function shopExport(
  orders: readonly ShopOrder[],
  { scheme = 'given_family', shop = SHOP }: { scheme?: string; shop?: Shop } = {},
): ExportFiles {
  const item = (id: number, name: string) => ({ id, name, admission: true });
  return {
    'organizer.json': { slug: shop.slug, name: 'Shop' },
    'teams.json': [
      {
        name: 'All',
        all_events: true,
        can_view_orders: true,
        can_change_orders: true,
        can_change_event_settings: true,
        tokens: [{ name: 'all', token: shop.token, active: true }],
      },
    ],
    'events/fest/event.json': { slug: 'fest', name: { en: 'Fest' }, timezone: 'Europe/Berlin' },
    'events/fest/settings.json': { locale: 'en', name_scheme: scheme },
    'events/fest/items.json': [item(shop.pass, 'Pass'), item(shop.day, 'Day'), item(shop.addon, 'Parking')],
    'events/fest/checkinlists.json': [
      { id: shop.gate, name: 'Gate' },
      { id: shop.dayGate, name: 'Day', all_products: false, limit_products: [shop.day], include_pending: true },
    ],
    'events/fest/droidkeys.json': [{ key: shop.droidKey, checkin_list: shop.gate }],
    'events/fest/orders.ndjson': orders,
  };
}
