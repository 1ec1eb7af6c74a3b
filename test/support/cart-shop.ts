import { createHash } from 'node:crypto';
import type { ExportFiles } from './system';

/*
 * A made-up shop with something to reserve in the import format, for the conformance tests of carts and quotas (contract §8, §2.7 to §2.9).
 * Every product has a quota of its own, so that tests do not disturb each other.
 *
 *   demo/hall     no series: products, vouchers, seats and questions for every case
 *   demo/apart    seats that must keep a distance
 *   demo/listed   carts of the shop
 *   demo/tours    a series of two dates; demo/nights another
 *   other/fair    of another organizer
 */

const API = '/api/v1/organizers/';
export const HALL = `${API}demo/events/hall/`;
export const APART = `${API}demo/events/apart/`;
export const ROWS = `${API}demo/events/rows/`;
export const LISTED = `${API}demo/events/listed/`;
export const TOURS = `${API}demo/events/tours/`;
export const FAIR = `${API}other/events/fair/`;

const secret = (name: string): string => createHash('sha256').update(`cart shop ${name}`).digest('hex');
export const TOKENS = {
  admin: secret('admin'),
  viewer: secret('viewer'),
  changer: secret('changer'),
  /** All rights, in `tours` only. */
  toursOnly: secret('tours'),
  nothing: secret('nothing'),
  other: secret('other'),
} as const;
export const DEVICE = secret('device');

export const ITEMS = {
  pass: 101,
  inactive: 102,
  /** Variations `friday` (a quota of 2) and `saturday` (none). */
  day: 103,
  chair: 104,
  /** Without a quota; named in two languages. */
  backstage: 105,
  /** Without a quota; has an internal name. */
  internal: 106,
  /** On two quotas that are sold out. */
  soldOutTwice: 107,
  /** On a quota of 1 and one of 100. */
  twoQuotas: 108,
  paid: 111,
  pending: 112,
  vouchers: 113,
  waiting: 114,
  carts: 115,
  closed: 116,
  unlimited: 117,
  closing: 118,
  five: 119,
  bulk: 120,
  last: 121,
  apart: 131,
  rows: 132,
  listed: 141,
  tour: 151,
  night: 161,
  fair: 191,
} as const;
export const VARIATIONS = { friday: 201, saturday: 202 } as const;
export const DATES = { morning: 601, evening: 602, night: 651 } as const;
/** The quota of a product. */
export const quotaOf = (item: number): number => item + 1_000;

export const QUESTIONS = {
  B: 301,
  C: 302,
  M: 303,
  N: 304,
  S: 305,
  T: 306,
  D: 307,
  H: 308,
  W: 309,
  CC: 310,
  TEL: 311,
  F: 312,
  /** Of another event. */
  night: 391,
  /** Of another organizer. */
  fair: 392,
} as const;
export const OPTIONS = { C: [401, 402, 403], M: [411, 412, 413], night: 491, fair: 492 } as const;

/** Cart positions that the shop has made in `listed`. */
export const CARTS = { web: 11, first: 12, second: 13, expired: 14, purged: 15 } as const;

const DAY_MS = 86_400_000;
export const inDays = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();

const item = (id: number, name: string | Record<string, string>, more: object = {}) => ({
  id,
  name: typeof name === 'string' ? { en: name } : name,
  active: true,
  admission: true,
  position: id,
  default_price: '10.00',
  ...more,
});

const quota = (id: number, name: string, size: number | null, of: object) => ({
  id: quotaOf(id),
  name,
  size,
  items: [id],
  variations: [],
  subevent: null,
  ...of,
});

const voucher = (id: number, code: string, more: object = {}) => ({ id, code, max_usages: 1000, redeemed: 0, ...more });

let positions = 0;
const position = (of: number, more: object = {}) => {
  const id = ++positions;
  return {
    id,
    positionid: id,
    item: of,
    variation: null,
    price: '10.00',
    attendee_name_parts: {},
    secret: `sold${id}`.padEnd(20, 'x'),
    pseudonymization_id: `PSEUDO${String(id).padStart(4, '0')}`,
    canceled: false,
    ...more,
  };
};
const order = (code: string, status: 'n' | 'p' | 'e' | 'c', sold: readonly object[], more: object = {}) => ({
  code,
  status,
  testmode: false,
  datetime: '2026-05-01T10:00:00Z',
  sales_channel: 'web',
  positions: sold,
  ...more,
});

export const cartPosition = (id: number, of: number, more: object = {}) => ({
  id,
  cart_id: `shop${id}@api`,
  item: of,
  variation: null,
  price: '10.00',
  attendee_name_parts: {},
  attendee_email: null,
  voucher: null,
  datetime: '2026-11-01T10:00:00.250000Z',
  expires: inDays(30),
  includes_tax: true,
  answers: [],
  seat: null,
  ...more,
});

const seat = (id: number, row: string, number: number, more: object = {}) => ({
  id,
  subevent: null,
  zone_name: 'Stalls',
  row_name: row,
  seat_number: String(number),
  seat_guid: `${row}-${number}`,
  product: null,
  blocked: false,
  x: number,
  y: row.charCodeAt(0),
  ...more,
});

const question = (id: number, type: string, more: object = {}) => ({
  id,
  type,
  question: { en: type },
  required: true,
  items: [],
  options: [],
  position: id,
  identifier: `Q${type}${id}`,
  ask_during_checkin: false,
  ...more,
});
const option = (id: number, en: string, de: string) => ({ id, identifier: `O${id}`, answer: { en, de }, position: id });

const event = (slug: string, more: object = {}) => ({
  slug,
  name: { en: slug },
  has_subevents: false,
  currency: 'EUR',
  timezone: 'Europe/Berlin',
  ...more,
});
const settings = (more: object = {}) => ({ locale: 'en', locales: ['en', 'de'], name_scheme: 'given_family', ...more });

const ALL = { can_view_orders: true, can_change_orders: true, can_change_event_settings: true };
const team = (name: string, token: string, more: object) => ({
  name,
  all_events: true,
  ...more,
  tokens: [{ name, token, active: true }],
});

function hall(): ExportFiles {
  const sold = (of: number, more: object = {}) => position(of, more);
  return {
    'event.json': event('hall', { seat_category_mapping: { Stalls: ITEMS.chair } }),
    'settings.json': settings({
      reservation_time: 45,
      seating_allow_blocked_seats_for_channel: ['boxoffice'],
    }),
    'items.json': [
      item(ITEMS.pass, 'Pass'),
      item(ITEMS.inactive, 'Old', { active: false }),
      item(ITEMS.day, 'Day', {
        has_variations: true,
        variations: [
          { id: VARIATIONS.friday, value: { en: 'Friday' } },
          { id: VARIATIONS.saturday, value: { en: 'Saturday' } },
        ],
      }),
      item(ITEMS.chair, 'Chair'),
      item(ITEMS.backstage, { en: 'Backstage', de: 'Hinterbühne' }),
      item(ITEMS.internal, 'Guest', { internal_name: 'INT-7' }),
      item(ITEMS.soldOutTwice, 'Sold out'),
      item(ITEMS.twoQuotas, 'Two quotas'),
      ...[
        ...[ITEMS.paid, ITEMS.pending, ITEMS.vouchers, ITEMS.waiting, ITEMS.carts, ITEMS.closed, ITEMS.unlimited],
        ...[ITEMS.closing, ITEMS.five, ITEMS.bulk, ITEMS.last],
      ].map((id) => item(id, `Item ${id}`)),
    ],
    'quotas.json': [
      quota(ITEMS.pass, 'Passes', 100_000, {}),
      quota(ITEMS.inactive, 'Old', null, {}),
      quota(ITEMS.day, 'Friday', 2, { variations: [VARIATIONS.friday] }),
      quota(ITEMS.chair, 'Chairs', null, {}),
      quota(ITEMS.soldOutTwice, 'beta', 0, {}),
      { ...quota(ITEMS.soldOutTwice, 'Alpha', 0, {}), id: 2_001 },
      quota(ITEMS.twoQuotas, 'Small', 1, {}),
      { ...quota(ITEMS.twoQuotas, 'Large', 100, {}), id: 2_002 },
      quota(ITEMS.paid, 'Paid', 10, { release_after_exit: true }),
      quota(ITEMS.pending, 'Pending', 10, {}),
      quota(ITEMS.vouchers, 'Vouchers', 10, {}),
      quota(ITEMS.waiting, 'Waiting', 10, {}),
      quota(ITEMS.carts, 'Carts', 10, {}),
      quota(ITEMS.closed, 'Closed', 10, { closed: true }),
      quota(ITEMS.unlimited, 'Unlimited', null, {}),
      quota(ITEMS.closing, 'Closing', 1, { close_when_sold_out: true }),
      quota(ITEMS.five, 'Five', 5, {}),
      quota(ITEMS.bulk, 'Bulk', 3, {}),
      quota(ITEMS.last, 'Last', 1, {}),
    ],
    'vouchers.json': [
      voucher(701, 'FREE'),
      voucher(702, 'OFDAY', { item: ITEMS.day }),
      voucher(703, 'OFFRIDAY', { item: ITEMS.day, variation: VARIATIONS.friday }),
      voucher(704, 'OFQUOTA', { quota: quotaOf(ITEMS.pass) }),
      voucher(705, 'OFOTHERQUOTA', { quota: quotaOf(ITEMS.chair) }),
      voucher(706, 'OFPASS', { item: ITEMS.pass }),
      voucher(707, 'PAST', { valid_until: '2020-01-01T00:00:00Z' }),
      voucher(708, 'FUTURE', { valid_until: inDays(30) }),
      voucher(709, 'ONCE', { max_usages: 1 }),
      voucher(710, 'TWICE', { max_usages: 3, redeemed: 1 }),
      voucher(711, 'USED', { max_usages: 2, redeemed: 2 }),
      voucher(712, 'OFA2', { seat: 'A-2' }),
      voucher(713, 'IGNORES', { allow_ignore_quota: true, item: ITEMS.soldOutTwice }),
      // Each breaks all checks from one on.
      voucher(721, 'WRONGITEM', { item: ITEMS.day, seat: 'A-2', valid_until: '2020-01-01T00:00:00Z' }),
      voucher(722, 'WRONGSEAT', { seat: 'A-2', valid_until: '2020-01-01T00:00:00Z' }),
      voucher(723, 'PASTANDUSED', { valid_until: '2020-01-01T00:00:00Z', max_usages: 1, redeemed: 1 }),
      // For the quota of ITEMS.vouchers: 2 of one that blocks it, 1 of one that is bound to it; an expired and an open one are none.
      voucher(731, 'BLOCKS', { item: ITEMS.vouchers, block_quota: true, max_usages: 3, redeemed: 1 }),
      voucher(732, 'BLOCKSQUOTA', { quota: quotaOf(ITEMS.vouchers), block_quota: true, max_usages: 1 }),
      voucher(733, 'BLOCKED', { item: ITEMS.vouchers, block_quota: true, valid_until: '2020-01-01T00:00:00Z' }),
      voucher(734, 'OPEN', { item: ITEMS.vouchers }),
      voucher(741, 'CARTBLOCKS', { item: ITEMS.carts, block_quota: true, max_usages: 1 }),
      voucher(742, 'CARTOPEN', { item: ITEMS.carts }),
    ],
    'waitinglistentries.json': [
      { id: 1, item: ITEMS.waiting, variation: null, voucher: null },
      { id: 2, item: ITEMS.waiting, variation: null, voucher: null },
      { id: 3, item: ITEMS.waiting, variation: null, voucher: 701 },
    ],
    'seats.json': [
      ...[1, 2, 3].map((n) => seat(800 + n, 'A', n)),
      seat(804, 'A', 4, { blocked: true }),
      seat(805, 'A', 5),
      seat(806, 'A', 6),
      seat(807, 'A', 7),
      // Without a zone, row and number it is called by its guid.
      { id: 808, seat_guid: 'bare', subevent: null, product: null, blocked: false, x: 50, y: 50 },
    ],
    'cartpositions.json': [
      // Two count; the third has expired, the fourth counts as the voucher does, the fifth's voucher blocks nothing.
      cartPosition(21, ITEMS.carts, { cart_id: 'web' }),
      cartPosition(22, ITEMS.carts),
      cartPosition(23, ITEMS.carts, { expires: inDays(-1) }),
      cartPosition(24, ITEMS.carts, { voucher: 741 }),
      cartPosition(25, ITEMS.carts, { voucher: 742 }),
      cartPosition(26, ITEMS.chair, { cart_id: 'web', seat: 'A-6' }),
    ],
    'orders.ndjson': [
      order('PAID1', 'p', [sold(ITEMS.paid), sold(ITEMS.paid), sold(ITEMS.paid, { canceled: true })]),
      order('T0EST', 'p', [sold(ITEMS.paid)], { testmode: true }),
      order('PEND1', 'n', [sold(ITEMS.pending)]),
      order('EXPI1', 'e', [sold(ITEMS.pending)]),
      order('CANC1', 'c', [sold(ITEMS.pending)]),
      order('DAYS1', 'p', [sold(ITEMS.day, { variation: VARIATIONS.saturday })]),
      order('SEAT1', 'n', [sold(ITEMS.chair, { seat: { id: 805, name: 'A-5', seat_guid: 'A-5' } })]),
      order('SEAT2', 'c', [sold(ITEMS.chair, { seat: { id: 807, name: 'A-7', seat_guid: 'A-7' } })]),
    ],
    'questions.json': [
      question(QUESTIONS.B, 'B'),
      question(QUESTIONS.C, 'C', {
        options: [option(401, 'Beans', 'Bohnen'), option(402, 'Fish', 'Fisch'), option(403, 'None', 'Nichts')],
      }),
      question(QUESTIONS.M, 'M', {
        options: [option(411, 'One', 'Eins'), option(412, 'Two', 'Zwei'), option(413, 'Three', 'Drei')],
      }),
      ...(['N', 'S', 'T', 'D', 'H', 'W', 'CC', 'TEL', 'F'] as const).map((type) => question(QUESTIONS[type], type)),
    ],
  };
}

/** A square of seats, one apart in each direction; whoever sits must keep a distance of more than one. */
const apart = (slug: string, id: number, more: object): ExportFiles => ({
  'event.json': event(slug, { seat_category_mapping: { Stalls: id } }),
  'settings.json': settings({ seating_minimal_distance: 1.2, ...more }),
  'items.json': [item(id, 'Chair')],
  'quotas.json': [quota(id, 'Chairs', null, {})],
  'seats.json': ['A', 'B'].flatMap((row, r) => [1, 2, 3].map((n) => seat(id * 10 + r * 3 + n, row, n))),
});

const listed = (): ExportFiles => ({
  'event.json': event('listed'),
  'settings.json': settings(),
  'items.json': [item(ITEMS.listed, 'Listed')],
  'quotas.json': [quota(ITEMS.listed, 'Listed', 100, {})],
  'cartpositions.json': [
    cartPosition(CARTS.web, ITEMS.listed, { cart_id: 'web' }),
    cartPosition(CARTS.first, ITEMS.listed, {
      cart_id: 'b@api',
      attendee_name_parts: { given_name: 'Ada', family_name: 'Lovelace' },
      attendee_email: 'ada@example.org',
    }),
    cartPosition(CARTS.second, ITEMS.listed, { cart_id: 'a@api', datetime: '2026-11-02T10:00:00Z' }),
    cartPosition(CARTS.expired, ITEMS.listed, { cart_id: 'c@api', expires: inDays(-13) }),
    cartPosition(CARTS.purged, ITEMS.listed, { cart_id: 'd@api', expires: inDays(-15), datetime: inDays(-16) }),
  ],
});

const series = (slug: string, id: number, dates: readonly number[], more: ExportFiles = {}): ExportFiles => ({
  'event.json': event(slug, { has_subevents: true }),
  'settings.json': settings(),
  'subevents.json': dates.map((date) => ({
    id: date,
    name: { en: `Date ${date}` },
    active: true,
    date_from: '2027-07-17T10:00:00+02:00',
  })),
  'items.json': [item(id, 'Tour')],
  'quotas.json': dates.map((date) => ({ ...quota(id, `Tour ${date}`, 20, {}), id: date + 1_000, subevent: date })),
  ...more,
});

/** The whole shop as an export in memory. */
export function cartShop(): ExportFiles {
  positions = 0;
  const under = (folder: string, files: ExportFiles) =>
    Object.fromEntries(Object.entries(files).map(([name, content]) => [`${folder}/${name}`, content]));
  return {
    ...under('demo', {
      'organizer.json': { slug: 'demo', name: 'Demo' },
      'teams.json': [
        team('Admins', TOKENS.admin, ALL),
        team('Viewers', TOKENS.viewer, { can_view_orders: true }),
        team('Changers', TOKENS.changer, { can_change_orders: true }),
        team('Tours', TOKENS.toursOnly, { ...ALL, all_events: false, limit_events: ['tours'] }),
        team('Nobody', TOKENS.nothing, {}),
      ],
      'devices.json': [
        {
          device_id: 1,
          name: 'Gate',
          all_events: true,
          initialized: '2026-11-21T02:00:00Z',
          revoked: false,
          api_token: DEVICE,
        },
      ],
    }),
    ...under('demo/events/hall', hall()),
    ...under('demo/events/apart', apart('apart', ITEMS.apart, {})),
    ...under('demo/events/rows', apart('rows', ITEMS.rows, { seating_distance_within_row: true })),
    ...under('demo/events/listed', listed()),
    ...under(
      'demo/events/tours',
      series('tours', ITEMS.tour, [DATES.morning, DATES.evening], {
        'vouchers.json': [
          voucher(751, 'MORNING', { subevent: DATES.morning }),
          voucher(752, 'PASTMORNING', { subevent: DATES.morning, valid_until: '2020-01-01T00:00:00Z' }),
        ],
      }),
    ),
    ...under(
      'demo/events/nights',
      series('nights', ITEMS.night, [DATES.night], {
        'questions.json': [question(QUESTIONS.night, 'C', { options: [option(OPTIONS.night, 'Night', 'Nacht')] })],
      }),
    ),
    ...under('other', {
      'organizer.json': { slug: 'other', name: 'Other' },
      'teams.json': [team('All', TOKENS.other, ALL)],
    }),
    ...under('other/events/fair', {
      'event.json': event('fair'),
      'settings.json': settings(),
      'items.json': [item(ITEMS.fair, 'Fair')],
      'quotas.json': [quota(ITEMS.fair, 'Fair', 10, {})],
      'cartpositions.json': [cartPosition(31, ITEMS.fair)],
      'questions.json': [question(QUESTIONS.fair, 'C', { options: [option(OPTIONS.fair, 'Fair', 'Messe')] })],
    }),
  };
}
