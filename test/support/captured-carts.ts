import { exchangesOf, fixtureOf } from './captures';
import type { ExportFiles } from './system';

/*
 * The festival behind the recorded cart calls of a real pretix 4.13 (test/fixtures/captures/README.md), put together from what it said: its
 * ids, names, codes and how many places were sold.
 */

export const cartExchanges = exchangesOf('4.13');

type Fixture = {
  readonly question: Readonly<Record<string, number>>;
  readonly option: Readonly<Record<'C' | 'M', readonly { id: number; identifier: string; answer: string }[]>>;
} & Readonly<Record<'admin' | 'viewer' | 'toursonly' | 'inactive' | 'device' | 'revoked_device', string>>;

export const cartFixture = fixtureOf<Fixture>('4.13');

const item = (id: number, name: string, more: object = {}) => ({
  id,
  name: { en: name },
  active: true,
  admission: true,
  position: id,
  default_price: '10.00',
  has_variations: false,
  variations: [],
  ...more,
});

const ITEMS = [
  item(1, '3-day pass'),
  item(2, 'VIP pass'),
  item(3, 'Day ticket', {
    has_variations: true,
    variations: ['Friday', 'Saturday', 'Sunday'].map((day, i) => ({ id: i + 1, value: { en: day }, active: true })),
  }),
  item(4, 'Camping pitch'),
  item(5, 'Festival shirt'),
  item(6, 'Pass with questions'),
  item(7, 'No quota'),
  item(8, 'Inactive', { active: false }),
  item(9, 'Workshop'),
  item(10, 'Sold out'),
  item(11, 'Grandstand seat'),
];

const IDENTIFIERS: Readonly<Record<string, string>> = { plain: 'SHOE' };
const QUESTIONS = Object.entries(cartFixture.question).map(([name, id], position) => ({
  id,
  question: { en: name },
  type: name === 'plain' ? 'N' : name,
  required: false,
  items: [name === 'plain' ? 1 : 6],
  identifier: IDENTIFIERS[name] ?? `Q${name}`,
  position,
  ask_during_checkin: name !== 'plain',
  options:
    name === 'C' || name === 'M'
      ? cartFixture.option[name].map(({ answer, ...option }, i) => ({ ...option, answer: { en: answer }, position: i }))
      : [],
}));

const quota = (id: number, name: string, size: number | null, items: readonly number[], more: object = {}) => ({
  id,
  name,
  size,
  items,
  variations: [],
  subevent: null,
  closed: false,
  close_when_sold_out: false,
  release_after_exit: false,
  ...more,
});

const voucher = (id: number, code: string, more: object = {}) => ({ id, code, max_usages: 1, redeemed: 0, ...more });

const seat = (number: number) => ({
  id: number,
  subevent: null,
  zone_name: 'Stand',
  row_name: 'A',
  seat_number: String(number),
  seat_guid: `A-${number}`,
  product: 11,
  blocked: number === 10,
  x: number,
  y: 0,
});

const position = (id: number) => ({
  id,
  positionid: 1,
  item: 1,
  price: '149.00',
  attendee_name_parts: {},
  secret: `sold${id}`.padEnd(20, 'x'),
  pseudonymization_id: `PSEUDO${String(id).padStart(4, '0')}`,
  canceled: false,
});
const order = (id: number, status: 'p' | 'n') => ({
  code: `SOLD${id}`,
  status,
  datetime: '2026-11-21T02:00:00Z',
  sales_channel: 'web',
  positions: [position(id)],
});

const all = { can_view_orders: true, can_change_orders: true, can_change_event_settings: true };
const team = (name: string, secret: string, more: object, active = true) => ({
  name,
  ...more,
  tokens: [{ name, token: secret, active }],
});

/** With 32 paid and 3 pending places, and 3 who wait, as `cart-quota-availability` counted them. */
export const cartFestival = (): ExportFiles => ({
  'organizer.json': { slug: 'demo', name: 'Demo Festival Society' },
  'teams.json': [
    team('Admins', cartFixture.admin, { all_events: true, ...all }),
    team('Viewers', cartFixture.viewer, { all_events: true, can_view_orders: true }),
    team('Tours', cartFixture.toursonly, { limit_events: ['tours'], ...all }),
    team('Former', cartFixture.inactive, { all_events: true, ...all }, false),
  ],
  'devices.json': [cartFixture.device, cartFixture.revoked_device].map((api_token, i) => ({
    device_id: i + 1,
    name: `Device ${i}`,
    all_events: true,
    initialized: '2026-11-21T02:00:00Z',
    revoked: i === 1,
    api_token,
  })),
  'events/openair/event.json': {
    slug: 'openair',
    name: { en: 'Open Air Demo' },
    has_subevents: false,
    currency: 'EUR',
    timezone: 'Europe/Berlin',
    seat_category_mapping: { Stand: 11 },
  },
  'events/openair/settings.json': { locale: 'en', locales: ['en'], name_scheme: 'full' },
  'events/openair/items.json': ITEMS,
  'events/openair/questions.json': QUESTIONS,
  'events/openair/quotas.json': [
    quota(1, 'Site', 500, [4, 1, 2, 5, 6, 8]),
    quota(2, 'Days', null, [3], { variations: [1, 2, 3] }),
    quota(3, 'Workshop places', 5, [9]),
    quota(4, 'Nothing left', 0, [10]),
    quota(5, 'Stand', 40, [11]),
  ],
  'events/openair/vouchers.json': [
    voucher(1, 'PLAIN'),
    voucher(2, 'VIPONLY', { item: 2, max_usages: 2 }),
    voucher(3, 'EXPIRED', { valid_until: '2020-01-01T00:00:00Z' }),
    voucher(4, 'USEDUP', { redeemed: 1 }),
    voucher(5, 'SOLDOK', { allow_ignore_quota: true, item: 10 }),
    voucher(6, 'SEATA5', { seat: 'A-5' }),
  ],
  'events/openair/seats.json': Array.from({ length: 10 }, (_, i) => seat(i + 1)),
  'events/openair/waitinglistentries.json': [1, 2, 3].map((id) => ({ id, item: 1, variation: null, voucher: null })),
  'events/openair/orders.ndjson': [
    ...Array.from({ length: 32 }, (_, i) => order(i + 1, 'p')),
    ...Array.from({ length: 3 }, (_, i) => order(i + 33, 'n')),
  ],
  'events/tours/event.json': {
    slug: 'tours',
    name: { en: 'Tours' },
    has_subevents: true,
    currency: 'EUR',
    timezone: 'Europe/Berlin',
  },
  'events/tours/subevents.json': [1, 2].map((id) => ({
    id,
    name: { en: `Tour ${id}` },
    active: true,
    date_from: `2027-07-1${6 + id}T10:00:00+02:00`,
  })),
  'events/tours/items.json': [item(12, 'Tour ticket')],
  'events/tours/quotas.json': [1, 2].map((id) => quota(5 + id, `Tour ${id}`, 20, [12], { subevent: id })),
  'events/tours/vouchers.json': [voucher(7, 'TOURSUB1', { subevent: 1 })],
});
