import { exchangesOf, fixtureOf } from './captures';
import type { ExportFiles } from './system';

/** The recorded exchanges of one server, by name. */
export const exchanges = exchangesOf('3.8');

type Fixture = {
  readonly order: Readonly<Record<string, readonly { id: number; secret: string }[]>>;
  readonly droid: Readonly<Record<string, string>>;
} & Readonly<Record<'admin' | 'viewer' | 'toursonly' | 'inactive' | 'device' | 'revoked_device', string>>;

export const fixture = fixtureOf<Fixture>('3.8');

type Shown = {
  readonly id: number;
  readonly order: string;
  readonly order__status: string;
  readonly attendee_name: string | null;
  readonly checkins: readonly Record<string, unknown>[];
} & Readonly<Record<string, unknown>>;

/** The body of a recorded reply. */
export const replyOf = <T>(name: string): T => JSON.parse(exchanges.get(name)!.response.body) as T;

const ITEM = {
  active: true,
  category: null,
  admission: true,
  default_price: '10.00',
  tax_rule: null,
  tax_rate: '0.00',
};
const item = (id: number, name: string, more: Record<string, unknown> = {}) => ({
  ...ITEM,
  id,
  name: { en: name },
  position: id,
  checkin_attention: false,
  has_variations: false,
  variations: [],
  ...more,
});

const ITEMS = [
  item(1, '3-day pass'),
  item(2, 'VIP pass', { checkin_attention: true }),
  item(3, 'Day ticket', {
    has_variations: true,
    variations: ['Friday', 'Saturday', 'Sunday'].map((day, i) => ({
      id: i + 1,
      value: { en: day },
      active: true,
      position: i,
      default_price: '59.00',
    })),
  }),
  item(4, 'Camping pitch', { category: 1, admission: false }),
  item(5, 'Festival shirt', { admission: false }),
  item(6, 'Pass with questions'),
  item(7, 'No quota'),
  item(8, 'Inactive', { active: false }),
  item(9, 'Workshop'),
  item(10, 'Sold out'),
  item(11, 'Grandstand seat'),
];

const LIST = {
  all_products: true,
  limit_products: [],
  subevent: null,
  include_pending: false,
  auto_checkin_sales_channels: [],
};
const LISTS = [
  { ...LIST, id: 1, name: 'Main gate' },
  { ...LIST, id: 2, name: 'VIP entrance', all_products: false, limit_products: [2] },
  { ...LIST, id: 3, name: 'Box office', include_pending: true },
];

/** Tickets whose displayed name is not their own: an add-on, and one whose invoice address has a name. */
const NAMED_BY_OTHERS = new Set([2, 7]);
/** Tickets whose order, not whose product, requires attention. */
const ATTENTIVE = new Set(['PAID5']);
const INVOICE = { name: 'Élodie Rechnung', name_parts: { _scheme: 'full', full_name: 'Élodie Rechnung' }, company: '' };

function position(shown: Shown, checkins: readonly Record<string, unknown>[]) {
  const { order: _order, order__status: _status, require_attention: _attention, answers, ...rest } = shown;
  const nameless = NAMED_BY_OTHERS.has(shown.id) ? { attendee_name: null, attendee_name_parts: {} } : {};
  return { ...rest, ...nameless, answers, checkins };
}

function order(code: string, status: string, positions: readonly unknown[]) {
  return {
    code,
    status,
    testmode: code === 'TEST1',
    email: `${code.toLowerCase()}@example.org`,
    datetime: '2026-11-21T02:00:00Z',
    sales_channel: 'web',
    locale: 'en',
    checkin_attention: ATTENTIVE.has(code),
    invoice_address: code === 'PAID4' ? INVOICE : null,
    positions,
  };
}

/**
 * The festival of that server, reconstructed from its replies. `scanned`: including the effects of the recorded droid API
 * calls, as imported history; the REST calls came after them.
 */
export function capturedFestival({ scanned }: { scanned: boolean }): ExportFiles {
  const all = replyOf<{ results: Shown[] }>('rest-positions-ignore-status').results;
  const onBoxOffice = replyOf<{ results: Shown[] }>('rest-positions-of-pending-list').results;
  const checkinsOf = (id: number) =>
    [...all, ...onBoxOffice].filter((shown) => shown.id === id).flatMap((shown) => shown.checkins);
  const first = all.find((shown) => shown.id === 1)!;
  const unseen = (id: number, code: string, more: Record<string, unknown>): Shown => ({
    ...first,
    order: code,
    id,
    secret: fixture.order[code]!.find((each) => each.id === id)!.secret,
    pseudonymization_id: `PSEUDO${String(id).padStart(4, '0')}`,
    answers: [],
    checkins: [],
    ...more,
  });
  const canceled = unseen(6, 'PAID3', { positionid: 3, item: 3, variation: 1, canceled: true });
  const positions = [...all, canceled].map((shown) => {
    const asScanned = position(shown, scanned ? checkinsOf(shown.id) : []);
    return {
      code: shown.order,
      status: shown.order__status,
      position: scanned ? asScanned : { ...asScanned, answers: [] },
    };
  });
  const codes = [...new Set(positions.map((each) => each.code))];
  const tour = (id: number, code: string, subevent: number) =>
    position(
      unseen(id, code, {
        item: 12,
        subevent,
        attendee_name: 'Tour Guest',
        attendee_name_parts: { _scheme: 'full', full_name: 'Tour Guest' },
      }),
      scanned && subevent === 1 ? [{ list: 4, datetime: '2026-11-21T02:02:05Z', auto_checked_in: false }] : [],
    );
  const { questions } = replyOf<{ questions: Record<string, unknown>[] }>('rest-redeem-incomplete');
  const all_permissions = { can_view_orders: true, can_change_orders: true, can_change_event_settings: true };
  const token = (name: string, secret: string, active = true) => [{ name, token: secret, active }];
  return {
    'organizer.json': { slug: 'demo', name: 'Demo Festival Society' },
    'teams.json': [
      { name: 'Admins', all_events: true, ...all_permissions, tokens: token('admin', fixture.admin) },
      { name: 'Viewers', all_events: true, can_view_orders: true, tokens: token('viewer', fixture.viewer) },
      { name: 'Tours', limit_events: ['tours'], ...all_permissions, tokens: token('tours', fixture.toursonly) },
      { name: 'Former', all_events: true, ...all_permissions, tokens: token('inactive', fixture.inactive, false) },
    ],
    'devices.json': [
      {
        device_id: 1,
        name: 'Gate',
        all_events: true,
        initialized: '2026-11-21T02:00:00Z',
        revoked: false,
        api_token: fixture.device,
      },
      {
        device_id: 2,
        name: 'Lost',
        all_events: true,
        initialized: '2026-11-21T02:00:00Z',
        revoked: true,
        api_token: fixture.revoked_device,
      },
    ],
    'events/openair/event.json': {
      slug: 'openair',
      name: { en: 'Open Air Demo' },
      has_subevents: false,
      date_from: '2027-07-16T12:00:00+02:00',
      date_to: '2027-07-18T23:00:00+02:00',
      currency: 'EUR',
      timezone: 'Europe/Berlin',
    },
    'events/openair/settings.json': { locale: 'en', locales: ['en'], name_scheme: 'full' },
    'events/openair/categories.json': [{ id: 1, name: { en: 'Camping' }, position: 0 }],
    'events/openair/items.json': ITEMS,
    'events/openair/questions.json': [
      ...questions,
      {
        id: 12,
        question: { en: 'Plain' },
        type: 'S',
        required: true,
        items: [1],
        options: [],
        position: 11,
        ask_during_checkin: false,
        identifier: 'QP',
      },
    ],
    'events/openair/vouchers.json': [{ id: 1, code: 'VOUCHER1', max_usages: 1, redeemed: 0, item: 1 }],
    'events/openair/checkinlists.json': LISTS,
    'events/openair/orders.ndjson': codes.map((code) => {
      const mine = positions.filter((each) => each.code === code);
      return order(
        code,
        mine[0]!.status,
        mine.map((each) => each.position),
      );
    }),
    'events/openair/droidkeys.json': [
      { key: fixture.droid['main'], checkin_list: 1 },
      { key: fixture.droid['viponly'], checkin_list: 1, all_items: false, items: [2] },
      { key: fixture.droid['viplist'], checkin_list: 2 },
      { key: fixture.droid['pending'], checkin_list: 3 },
      { key: fixture.droid['nosearch'], checkin_list: 1, allow_search: false },
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
    'events/tours/checkinlists.json': [{ ...LIST, id: 4, name: 'Tour 1', subevent: 1 }],
    'events/tours/orders.ndjson': [
      order('TOUR1', 'p', [tour(41, 'TOUR1', 1)]),
      order('TOUR2', 'p', [tour(42, 'TOUR2', 2)]),
    ],
    'events/tours/droidkeys.json': [{ key: fixture.droid['tour1'], checkin_list: 4 }],
  };
}
