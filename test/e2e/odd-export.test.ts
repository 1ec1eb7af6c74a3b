import { READ_MODELS } from '@gatehouse/admission/admission';
import { checkin } from '@gatehouse/checkin/service';
import { reference, type ReferenceEvent } from '@gatehouse/events/reference';
import { verifyReadModel } from '@gatehouse/eventing/read-model';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { eventOf, spooledOf } from '@gatehouse/reference/facts';
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
import { readOrder } from '@gatehouse/reference/raw-orders';
import {
  readCartPosition,
  readItem,
  readList,
  readQuestion,
  readQuota,
  readSeat,
  readTaxRule,
  readVoucher,
  readWaiting,
} from '@gatehouse/reference/raw-products';
import type { Entry } from '@gatehouse/reference/walk';
import { ODD_VALUES, placesIn, withValue } from '@gatehouse/test-support/odd-export';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* Whatever an import accepts every read model stores, and no gate stands still because of it (import.md §3). */

const TOKEN = 'oddtoken'.padEnd(64, 'x');
const KEY = 'OddKey'.padEnd(32, 'x');
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
const reading = <C>(read: (value: unknown, scope: never) => Reading<C>) =>
  read as (value: unknown, scope: unknown) => Reading<unknown>;

type Kind = {
  readonly kind: Entry['kind'];
  readonly file: string;
  readonly read: (value: unknown, scope: unknown) => Reading<unknown>;
  /** One that is right, with every key that is read; `n` makes what must be its own. */
  readonly one: (n: number) => Record<string, unknown>;
};
const answer = { question: 1, answer: 'x', question_identifier: 'q', options: [1], option_identifiers: ['o'] };
const seat = { id: 1, name: 'A 1', seat_guid: 'A-1', zone_name: 'A', row_name: '1', seat_number: '1' };
const FEST = 'events/fest';
const KINDS: readonly Kind[] = [
  {
    kind: 'date',
    file: `${FEST}/subevents.json`,
    read: reading(readDate),
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
    read: reading(readCategory),
    one: (n) => ({ id: n, name: 'C', position: 1 }),
  },
  {
    kind: 'taxrule',
    file: `${FEST}/taxrules.json`,
    read: reading(readTaxRule),
    one: (n) => ({ id: n, name: 'T', rate: '19.00' }),
  },
  {
    kind: 'item',
    file: `${FEST}/items.json`,
    read: reading(readItem),
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
    read: reading(readQuota),
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
    read: reading(readQuestion),
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
    read: reading(readLayout),
    one: (n) => ({ id: n, name: 'L', default: true, layout: [{ type: 'text' }] }),
  },
  {
    kind: 'list',
    file: `${FEST}/checkinlists.json`,
    read: reading(readList),
    one: (n) => ({
      id: n,
      name: 'Gate',
      all_products: true,
      limit_products: [1],
      subevent: 1,
      include_pending: true,
      auto_checkin_sales_channels: ['web'],
      rules: {},
      exit_all_at: null,
    }),
  },
  {
    kind: 'voucher',
    file: `${FEST}/vouchers.json`,
    read: reading(readVoucher),
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
    read: reading(readWaiting),
    one: (n) => ({ id: n, item: 1, variation: 1, subevent: 1, voucher: 1 }),
  },
  {
    kind: 'seat',
    file: `${FEST}/seats.json`,
    read: reading(readSeat),
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
    read: reading(readCartPosition),
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
    read: reading(readDroidKey),
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
    read: reading(readChannel),
    one: (n) => ({ identifier: n === 1 ? 'web' : `c${n}`, label: { en: 'C' } }),
  },
  {
    kind: 'token',
    file: 'teams.json',
    read: reading(readTeam),
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
    read: reading(readDevice),
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
    read: reading(readPlan),
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
    read: reading(readOrder),
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
          blocked: null,
          valid_from: null,
          valid_until: null,
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

const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** The readers' own answer to every odd value at every place; what they accept makes a fact that its schema takes. */
function accepted({ kind, read, one }: Kind): object[] {
  const right: object[] = [one(1)];
  let n = 1_000;
  for (const place of placesIn(one(1))) {
    for (const value of ODD_VALUES) {
      const odd = withValue(one(n), place, value);
      const { content, issues, notes } = read(structuredClone(odd), scope);
      if (issues.some(({ path, reason }) => path.length + reason.length > 500)) throw new Error('a reason is too long');
      if (issues.length > 0 || content === undefined) continue;
      const spooled = spooledOf({
        kind,
        content,
        issues,
        notes,
        index: 0,
        file: { path: '', name: '', bytes: 0 },
      } as unknown as Entry);
      if (spooled.some(({ json }) => UNSTORABLE.test(json))) continue;
      for (const each of spooled) {
        const fact: ReferenceEvent = eventOf(each, { id: 1, ...(JSON.parse(each.json) as object) }, 1);
        const written = reference.write(fact);
        expect(Buffer.byteLength(JSON.stringify(written))).toBeLessThan(900_000);
      }
      right.push(odd);
      n++;
    }
  }
  return right;
}

/** Mutations that happen to name the same thing, such as two objects whose id is 1: the first stays. */
function distinct(kind: Kind['kind'], objects: readonly object[]): object[] {
  const seen = new Set<string>();
  return objects.filter((object) => {
    const raw = object as Record<string, never> & {
      positions?: { id: number; secret: string }[];
      variations?: { id: number }[];
    };
    const own: unknown[] = [
      raw['id'] !== undefined && `id ${raw['id']}`,
      raw['device_id'] !== undefined && `id ${raw['device_id']}`,
      raw['code'] !== undefined && kind === 'order' && `code ${raw['code'] as string}`,
      raw['seat_guid'] !== undefined && `guid ${raw['subevent']} ${raw['seat_guid'] as string}`,
      raw['identifier'] !== undefined && kind === 'channel' && `channel ${raw['identifier'] as string}`,
      raw['key'] !== undefined && `key ${(raw['key'] as string).trim()}`,
      ...(Array.isArray(raw.variations) ? raw.variations : []).map(({ id }) => `variation ${id}`),
      ...(Array.isArray(raw.positions) ? raw.positions : []).flatMap(({ id, secret }) => [
        `position ${id}`,
        `secret ${secret}`,
      ]),
      ...(kind === 'token' && Array.isArray(raw['tokens'])
        ? (raw['tokens'] as { token: string }[]).map(({ token }) => `token ${token.trim()}`)
        : []),
      ...(kind === 'device' && typeof raw['api_token'] === 'string'
        ? [`token ${(raw['api_token'] as string).trim()}`]
        : []),
    ].filter((name) => typeof name === 'string');
    if (own.some((name) => seen.has(name as string))) return false;
    for (const name of own) seen.add(name as string);
    return true;
  });
}

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
});
afterAll(() => system.close());

test('every odd value at every place is refused, or every read model stores it and the gates go on', async () => {
  const files: Record<string, unknown> = {
    'organizer.json': { slug: 'odd', name: 'Odd' },
    [`${FEST}/event.json`]: { slug: 'fest', name: 'Fest', has_subevents: false, timezone: 'Pacific/Kiritimati' },
  };
  let count = 0;
  for (const kind of KINDS) {
    const objects = distinct(kind.kind, accepted(kind));
    expect(objects.length).toBeGreaterThan(1);
    count += objects.length;
    files[kind.file] = objects;
  }
  expect(count).toBeGreaterThan(1_000);
  // The gate of the test itself: without a date, and nobody is let in before the scan.
  (files[`${FEST}/checkinlists.json`] as object[])[0] = { id: 1, name: 'Gate', include_pending: true };
  const event = {
    slug: 'x',
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
  };
  const settings = {
    locale: 'en',
    locales: ['en'],
    timezone: 'UTC',
    name_scheme: 'full',
    ticket_download: true,
    reservation_time: 30,
    seating_minimal_distance: 1,
    seating_distance_within_row: true,
    seating_allow_blocked_seats_for_channel: ['web'],
  };
  const events = [
    ...placesIn(event).map((place) => [event, place] as const),
    ...placesIn(settings).map((place) => [settings, place] as const),
  ];
  for (const [base, place] of events) {
    for (const value of ODD_VALUES.slice(0, 20)) {
      const odd = withValue(base, place, value);
      const read = base === settings ? readSettings(structuredClone(odd), undefined) : undefined;
      const whole = base === event ? odd : event;
      const { content, issues } = readEvent(structuredClone(whole), {
        organizer: 'odd',
        folder: 'x',
        settings: read?.content ?? noSettings,
      });
      if (!content || issues.length > 0 || (read?.issues.length ?? 0) > 0 || UNSTORABLE.test(JSON.stringify(content)))
        continue;
      const folder = `events/e${Object.keys(files).length}`;
      const slug = place[0] === 'slug' ? {} : { slug: folder.slice('events/'.length) };
      files[`${folder}/event.json`] = { ...whole, ...slug };
      if (base === settings) files[`${folder}/settings.json`] = odd;
    }
  }
  // Two events whose slug is the same, read as the folder's name or trimmed by nobody.
  const slugs = new Set<unknown>();
  for (const [name, content] of Object.entries(files).filter(([file]) => file.endsWith('event.json'))) {
    const { slug } = content as { slug?: unknown };
    if (typeof slug === 'string' && slugs.has(slug)) delete files[name];
    slugs.add(slug);
  }
  for (const value of ODD_VALUES) {
    for (const place of ['slug', 'name'])
      readOrganizer(withValue({ slug: 'odd', name: 'Odd' }, [place], value), undefined);
  }

  const report = await system.import(files);
  expect(report.problemCount).toBe(0);
  expect((await system.call('GET', '/readyz')).status).toBe(200);
  for (const model of READ_MODELS) expect(await verifyReadModel(model, system.feeds, () => undefined)).toEqual([]);

  const base = '/api/v1/organizers/odd/events/fest/checkinlists/';
  let next: string | null = `${base}1/positions/?ordering=attendee_name`;
  let shown = 0;
  while (next) {
    const { status, body } = await system.call('GET', next.replace(system.url, ''), { token: TOKEN });
    expect([next, status]).toEqual([next, 200]);
    const page = body as { next: string | null; results: unknown[] };
    shown += page.results.length;
    next = page.next;
  }
  expect(shown).toBeGreaterThan(500);
  for (const target of [base, `${base}1/status/`, `${base}1/positions/?search=x`]) {
    expect([target, (await system.call('GET', target, { token: TOKEN })).status]).toEqual([target, 200]);
  }
  for (const target of ['status', 'download', 'search']) {
    const path = `/pretixdroid/api/odd/fest/${target}/?key=${KEY}&query=xxxx`;
    expect([target, (await system.call('GET', path)).status]).toEqual([target, 200]);
  }
  expect(
    (await system.call('POST', `${base}1/positions/s1/redeem/`, { token: TOKEN, json: { questions_supported: false } }))
      .status,
  ).toBe(201);
}, 300_000);
