import type { Kind } from '@gatehouse/reference/entry';
import { knownEvent } from '@gatehouse/reference/known';
import type { Reading } from '@gatehouse/reference/raw';
import { readDevice, readDroidKey, readTeam } from '@gatehouse/reference/raw-credentials';
import {
  noSettings,
  readCategory,
  readChannel,
  readDate,
  readEvent,
  readLayout,
  readOrganizer,
  readPlan,
  readSettings,
} from '@gatehouse/reference/raw-events';
import { readList, readQuestion } from '@gatehouse/reference/raw-gates';
import { readOrder } from '@gatehouse/reference/raw-orders';
import { readItem, readQuota, readTaxRule, readVoucher, readWaiting } from '@gatehouse/reference/raw-products';
import { readCartPosition, readSeat } from '@gatehouse/reference/raw-seats';

/* An export of one organizer and one event with one object of every kind, which has every supported key. */

/** One kind of object of an export. */
export type ExportObject = {
  readonly kind: Kind;
  readonly file: string;
  /** Keys whose values must be unique in the export: `positions.id` is the id of each position. */
  readonly own: readonly string[];
  readonly read: (value: unknown) => Reading<unknown>;
  /** The nth such object; it is valid. */
  readonly one: (n: number) => Record<string, unknown>;
};

/** Credentials of the first token and the first droid key. */
export const TOKEN = 'oddtoken'.padEnd(64, 'x');
export const KEY = 'OddKey'.padEnd(32, 'x');
export const FEST = 'events/fest';
const NOW = '2026-06-24T04:32:22Z';

const known = knownEvent('odd', 'fest');
known.items.set(1, new Set([1]));
known.lists.add(1);
known.dates.set(1, null);
known.questions = new Set([1]);
known.categories = new Set([1]);
known.taxRules = new Set([1]);
known.quotas = new Set([1]);
const scope = { organizer: 'odd', event: 'fest', known, plans: new Map() };

const inFest =
  <C>(read: (value: unknown, of: typeof scope) => Reading<C>) =>
  (value: unknown): Reading<unknown> =>
    read(value, scope);

/** A second event, next to the one with all other objects. */
export const eventOf = (slug: string) => ({
  slug,
  name: 'Fest',
  has_subevents: true,
  date_from: NOW,
  date_to: NOW,
  date_admission: NOW,
  location: 'x',
  currency: 'EUR',
  timezone: 'UTC',
  public_url: 'https://x',
  seat_category_mapping: { a: 1 },
  seating_plan: 1,
});

/** Reads an event with unusual settings: both together make one fact. */
function readWithSettings(value: unknown): Reading<unknown> {
  const { content, issues } = readSettings(value, undefined);
  if (!content || issues.length > 0) return { content: undefined, issues, notes: [] };
  return readEvent(eventOf('x'), { organizer: 'odd', folder: 'x', settings: content });
}

const answer = { question: 1, answer: 'x', question_identifier: 'q', options: [1], option_identifiers: ['o'] };
const seat = { id: 1, name: 'A 1', seat_guid: 'A-1', zone_name: 'A', row_name: '1', seat_number: '1' };

/** Every kind of object of an export. */
export const EXPORT_OBJECTS: readonly ExportObject[] = [
  {
    kind: 'organizer',
    file: 'organizer.json',
    own: ['slug'],
    read: (value) => readOrganizer(value, undefined),
    one: () => ({ slug: 'odd', name: 'Odd' }),
  },
  {
    kind: 'event',
    file: 'event.json',
    own: ['slug'],
    read: (value) => readEvent(value, { organizer: 'odd', folder: 'x', settings: noSettings }),
    one: (n) => eventOf(`e${n}`),
  },
  {
    kind: 'event',
    file: 'settings.json',
    own: [],
    read: readWithSettings,
    one: () => ({
      locale: 'en',
      locales: ['en'],
      timezone: 'UTC',
      name_scheme: 'full',
      ticket_download: true,
      ticket_download_pending: true,
      ticket_download_addons: true,
      ticket_download_nonadm: true,
      reservation_time: 30,
      seating_minimal_distance: 1,
      seating_distance_within_row: true,
      seating_allow_blocked_seats_for_channel: ['web'],
    }),
  },
  {
    kind: 'date',
    file: `${FEST}/subevents.json`,
    own: ['id'],
    read: inFest(readDate),
    one: (n) => ({
      id: n,
      name: { en: 'Day' },
      active: true,
      date_from: NOW,
      date_to: NOW,
      date_admission: NOW,
      location: 'x',
      seat_category_mapping: { a: 1 },
      seating_plan: null,
    }),
  },
  {
    kind: 'category',
    file: `${FEST}/categories.json`,
    own: ['id'],
    read: inFest(readCategory),
    one: (n) => ({ id: n, name: 'C', position: 1 }),
  },
  {
    kind: 'taxrule',
    file: `${FEST}/taxrules.json`,
    own: ['id'],
    read: inFest(readTaxRule),
    one: (n) => ({ id: n, name: 'T', rate: '19.00' }),
  },
  {
    kind: 'item',
    file: `${FEST}/items.json`,
    own: ['id', 'variations.id'],
    read: inFest(readItem),
    one: (n) => ({
      id: n,
      name: 'Pass',
      internal_name: 'p',
      description: { en: 'd' },
      active: true,
      category: 1,
      position: 0,
      admission: true,
      default_price: '1.00',
      tax_rule: 1,
      tax_rate: '0.00',
      checkin_attention: false,
      generate_tickets: true,
      has_variations: true,
      variations: [{ id: n, value: 'V', active: true, position: 0, default_price: '2.00', checkin_attention: true }],
    }),
  },
  {
    kind: 'quota',
    file: `${FEST}/quotas.json`,
    own: ['id'],
    read: inFest(readQuota),
    one: (n) => ({
      id: n,
      name: 'Q',
      size: 1,
      items: [1],
      variations: [1],
      subevent: 1,
      close_when_sold_out: true,
      closed: false,
    }),
  },
  {
    kind: 'question',
    file: `${FEST}/questions.json`,
    own: ['id'],
    read: inFest(readQuestion),
    one: (n) => ({
      id: n,
      question: 'Why?',
      type: 'S',
      required: false,
      items: [1],
      options: [{ id: 1, identifier: 'o', answer: 'O', position: 0 }],
      position: 0,
      ask_during_checkin: true,
      identifier: `q${n}`,
      dependency_question: null,
      dependency_values: ['o'],
      dependency_value: 'o',
      hidden: false,
      print_on_invoice: true,
      valid_number_min: 1,
    }),
  },
  {
    kind: 'layout',
    file: `${FEST}/ticketlayouts.json`,
    own: ['id'],
    read: inFest(readLayout),
    one: (n) => ({
      id: n,
      name: 'L',
      default: true,
      layout: [{ type: 'text' }],
      background: 'https://x/y.pdf',
      item_assignments: [{ item: 1, sales_channel: 'web' }],
    }),
  },
  {
    kind: 'list',
    file: `${FEST}/checkinlists.json`,
    own: ['id'],
    read: inFest(readList),
    one: (n) => ({
      id: n,
      name: 'Gate',
      all_products: true,
      limit_products: [1],
      subevent: 1,
      include_pending: true,
      auto_checkin_sales_channels: ['web'],
      allow_multiple_entries: true,
      allow_entry_after_exit: true,
      rules: { and: [] },
      exit_all_at: NOW,
      addon_match: true,
      ignore_in_statistics: true,
      consider_tickets_used: true,
    }),
  },
  {
    kind: 'voucher',
    file: `${FEST}/vouchers.json`,
    own: ['id'],
    read: inFest(readVoucher),
    one: (n) => ({
      id: n,
      code: `V${n}`,
      max_usages: 1,
      redeemed: 0,
      valid_until: NOW,
      block_quota: true,
      allow_ignore_quota: false,
      item: 1,
      variation: 1,
      quota: 1,
      subevent: 1,
      seat: 'A-1',
    }),
  },
  {
    kind: 'waiting',
    file: `${FEST}/waitinglistentries.json`,
    own: ['id'],
    read: inFest(readWaiting),
    one: (n) => ({ id: n, item: 1, variation: 1, subevent: 1, voucher: 1 }),
  },
  {
    kind: 'seat',
    file: `${FEST}/seats.json`,
    own: ['id', 'seat_guid'],
    read: inFest(readSeat),
    one: (n) => ({
      id: n,
      subevent: 1,
      seat_guid: `A-${n}`,
      zone_name: 'A',
      row_name: '1',
      row_label: 'Row',
      seat_number: '1',
      seat_label: 'Seat',
      product: 1,
      blocked: true,
      x: 1,
      y: 1,
      sorting_rank: 1,
    }),
  },
  {
    kind: 'cartposition',
    file: `${FEST}/cartpositions.json`,
    own: ['id'],
    read: inFest(readCartPosition),
    one: (n) => ({
      id: n,
      cart_id: 'c@api',
      item: 1,
      variation: 1,
      price: '1.00',
      attendee_name: 'A',
      attendee_name_parts: { full_name: 'A' },
      attendee_email: 'a@b',
      voucher: 1,
      addon_to: 1,
      subevent: 1,
      datetime: NOW,
      expires: NOW,
      includes_tax: true,
      answers: [answer],
      seat: { seat_guid: 'A-1' },
    }),
  },
  {
    kind: 'droidkey',
    file: `${FEST}/droidkeys.json`,
    own: ['key'],
    read: inFest(readDroidKey),
    one: (n) => ({
      key: n === 1 ? KEY : `key${n}`,
      checkin_list: 1,
      all_items: true,
      items: [1],
      allow_search: true,
      show_info: true,
      app: 'pretixdroid',
    }),
  },
  {
    kind: 'channel',
    file: 'saleschannels.json',
    own: ['identifier'],
    read: inFest(readChannel),
    one: (n) => ({ identifier: n === 1 ? 'web' : `c${n}`, label: { en: 'C' } }),
  },
  {
    kind: 'token',
    file: 'teams.json',
    own: ['tokens.token'],
    read: inFest(readTeam),
    one: (n) => ({
      name: 'T',
      all_events: true,
      limit_events: ['fest'],
      can_view_orders: true,
      can_change_orders: true,
      limit_event_permissions: ['event.orders:read'],
      tokens: [{ name: 't', token: n === 1 ? TOKEN : `token${n}`, active: true }],
    }),
  },
  {
    kind: 'device',
    file: 'devices.json',
    own: ['device_id', 'api_token'],
    read: inFest(readDevice),
    one: (n) => ({
      device_id: n,
      name: 'D',
      all_events: true,
      limit_events: ['fest'],
      initialized: NOW,
      revoked: false,
      security_profile: 'full',
      api_token: `device${n}`,
    }),
  },
  {
    kind: 'plan',
    file: 'seatingplans.json',
    own: ['id'],
    read: (value) => readPlan(value, undefined),
    one: (n) => ({
      id: n,
      layout: {
        zones: [
          {
            position: { x: 1, y: 1 },
            rows: [{ position: { x: 1, y: 1 }, seats: [{ seat_guid: 'A-1', position: { x: 1, y: 1 } }] }],
          },
        ],
      },
    }),
  },
  {
    kind: 'order',
    file: `${FEST}/orders.ndjson`,
    own: ['code', 'positions.id', 'positions.secret'],
    read: inFest(readOrder),
    one: (n) => ({
      code: `ORDER${n}`,
      status: 'p',
      testmode: false,
      email: 'a@b',
      datetime: NOW,
      sales_channel: 'web',
      locale: 'de',
      require_approval: false,
      checkin_attention: true,
      valid_if_pending: false,
      invoice_address: { name: 'I', name_parts: { full_name: 'I' }, company: 'Co' },
      positions: [
        {
          id: n * 2,
          positionid: 1,
          item: 1,
          variation: null,
          price: '1.00',
          attendee_name: 'A',
          attendee_name_parts: { given_name: 'A', family_name: 'B' },
          attendee_email: 'a@b',
          voucher: null,
          tax_rate: '0.00',
          tax_value: '0.00',
          tax_rule: 1,
          secret: `s${n}`,
          addon_to: null,
          subevent: null,
          pseudonymization_id: `P${n}`,
          seat,
          canceled: false,
          answers: [answer],
          checkins: [],
          blocked: ['admin'],
          valid_from: NOW,
          valid_until: NOW,
        },
        {
          id: n * 2 + 1,
          positionid: 2,
          item: 1,
          price: '0.00',
          secret: `t${n}`,
          addon_to: n * 2,
          checkins: [
            {
              id: n,
              list: 1,
              datetime: NOW,
              type: 'entry',
              auto_checked_in: false,
              forced: false,
              nonce: 'n',
              successful: true,
            },
          ],
        },
      ],
    }),
  },
];
