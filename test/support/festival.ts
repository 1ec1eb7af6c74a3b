import type { ExportFiles } from './system';

/*
 * A small made-up installation of two organizers in the import format, for the conformance tests: what they name is a
 * constant here, so that a test reads without looking things up. Add to it freely; what is there stays as it is, because
 * tests count it.
 *
 *   demo/openair   no series: products, lists and an order for every case at a gate
 *   demo/survey    no series: one product (and ticket) per type of question, required and optional
 *   demo/tours     a series of three dates, lists per date
 *   demo/crowd     120 tickets on 121 lists, to page through
 *   other/fair     of another organizer
 */

export const API = '/api/v1/organizers/';
export const OPENAIR = `${API}demo/events/openair/`;
export const SURVEY = `${API}demo/events/survey/`;
export const TOURS = `${API}demo/events/tours/`;
export const CROWD = `${API}demo/events/crowd/`;
export const FAIR = `${API}other/events/fair/`;

/** Team tokens, by what the team may do. */
export const TOKENS = {
  admin: secret64('admin'),
  viewer: secret64('viewer'),
  changer: secret64('changer'),
  settings: secret64('settings'),
  scanner: secret64('scanner'),
  nothing: secret64('nothing'),
  /** All permissions, in `openair` only. */
  openairOnly: secret64('openaironly'),
  inactive: secret64('inactive'),
  /** From a newer pretix: all permissions by `all_event_permissions`. */
  newAdmin: secret64('newadmin'),
  /** From a newer pretix: `event.orders:read` and `event.orders:checkin`. */
  newScanner: secret64('newscanner'),
  /** All permissions at the other organizer. */
  other: secret64('other'),
} as const;

/** Device tokens. */
export const DEVICES = {
  gate: secret64('gate'),
  /** Has a token, but was never initialised. */
  fresh: secret64('fresh'),
  revoked: secret64('revoked'),
  /** For `tours` only. */
  toursOnly: secret64('toursonly'),
  other: secret64('otherdevice'),
} as const;

export const CATEGORIES = { tickets: 12, merchandise: 11, questions: 13 } as const;

export const ITEMS = {
  pass: 101,
  day: 102,
  shirt: 103,
  parking: 104,
  vip: 105,
  /** Not active any more. */
  old: 106,
  /** Without a category. */
  loose: 107,
  tour: 151,
  guide: 152,
  crowd: 171,
  fair: 191,
} as const;

export const VARIATIONS = { friday: 201, saturday: 202, red: 203, blue: 204, adult: 251, child: 252 } as const;

export const DATES = { morning: 601, evening: 602, night: 603 } as const;

export const LISTS = {
  /** All products, paid orders. */
  main: 501,
  /** All products, pending orders, too. */
  pending: 502,
  /** `pass` and `vip` only. */
  passes: 503,
  /** `shirt` and `parking` only, pending orders, too. */
  merchandise: 504,
  /** Checks in automatically what channel `boxoffice` sells. */
  auto: 505,
  survey: 511,
  morning: 521,
  evening: 522,
  /** Of the series, without a date: no ticket is found on it. */
  dateless: 523,
  /** The first of 120 in `crowd`; the others follow. */
  crowdFirst: 20_001,
  /** All of crowd's tickets. */
  crowd: 531,
  fair: 591,
} as const;

/** Keys of old scanners (contract §3.1). */
export const DROID_KEYS = {
  main: 'DroidMain00000000000000000000000',
  pending: 'DroidPending00000000000000000000',
  passes: 'DroidPasses000000000000000000000',
  /** Of list `main`, for `day` and `shirt` only. */
  dayAndShirt: 'DroidDayAndShirt0000000000000000',
  noSearch: 'DroidNoSearch0000000000000000000',
  survey: 'DroidSurvey000000000000000000000',
  morning: 'DroidMorning00000000000000000000',
  dateless: 'DroidDateless0000000000000000000',
  fair: 'DroidFair00000000000000000000000',
} as const;

/** Tickets by test case; the first four characters of each secret are unique. */
export const TICKETS = {
  /** Order ADA01, paid: Ada's pass with a seat, her parking (no name), Grace's shirt, a canceled pass. */
  ada: { id: 1001, secret: 'ada1pass', order: 'ADA01' },
  adasParking: { id: 1002, secret: 'ada2parking', order: 'ADA01' },
  graceShirt: { id: 1003, secret: 'ada3shirt', order: 'ADA01' },
  adasCanceled: { id: 1004, secret: 'ada4canceled', order: 'ADA01' },
  /** One order in each other status. */
  pending: { id: 1011, secret: 'pend1pass', order: 'PEND1' },
  pendingShirt: { id: 1012, secret: 'pens2shirt', order: 'PEND1' },
  expired: { id: 1021, secret: 'expi1pass', order: 'EXPI1' },
  canceledOrder: { id: 1031, secret: 'canc1pass', order: 'CANC1' },
  /** Paid, in test mode. */
  test: { id: 1041, secret: 'test1pass', order: 'T0EST' },
  /** Without a name of its own: Jürgen Groß of the invoice. */
  invoice: { id: 1051, secret: 'invo1pass', order: 'INVO1' },
  /** The invoice has no name either: `""`. */
  namelessInvoice: { id: 1061, secret: 'name1pass', order: 'NAME1' },
  /** No invoice at all: null. */
  nameless: { id: 1071, secret: 'null1pass', order: 'NULL1' },
  /** Attention by its product, and by its order. */
  vip: { id: 1081, secret: 'vipp1vip', order: 'VIPP1' },
  attentionOrder: { id: 1091, secret: 'atte1pass', order: 'ATTE1' },
  friday: { id: 1101, secret: 'frid1day', order: 'DAYS1' },
  saturday: { id: 1102, secret: 'satu2day', order: 'DAYS1' },
  loose: { id: 1111, secret: 'loos1loose', order: 'LOOS1' },
  old: { id: 1121, secret: 'oldi1old', order: 'OLDI1' },
  /** Bought with a voucher, e-mail of its own. */
  voucher: { id: 1131, secret: 'vouc1pass', order: 'VOUC1' },
  /** Contains every character that is special in a path. */
  strange: { id: 1141, secret: 'str/a?b#c d.é%2F+', order: 'STRA1' },
  /** All digits; and one whose secret is Ada's id. */
  digits: { id: 1151, secret: '77777', order: 'DIGI1' },
  adasId: { id: 1152, secret: '1001', order: 'DIGI1' },
  /** Imported with check-ins on `main`: an entry with nonce, an automatic one; and a canceled ticket that had entered. */
  entered: { id: 1161, secret: 'ente1pass', order: 'ENTE1' },
  enteredByItself: { id: 1162, secret: 'entf2pass', order: 'ENTE1' },
  enteredAndCanceled: { id: 1163, secret: 'entg3pass', order: 'ENTE1' },
  /** Of another date's lists. */
  morning: { id: 2001, secret: 'morn1adult', order: 'TOUR1' },
  evening: { id: 2002, secret: 'even2child', order: 'TOUR1' },
  pendingMorning: { id: 2011, secret: 'penm1adult', order: 'TOUR2' },
  fair: { id: 9001, secret: 'fair1fair', order: 'FAIR1' },
  /** The first of 120 in `crowd`; the others follow, `crowd0000` and so on. */
  crowdFirst: { id: 30_001, secret: 'crowd0000', order: 'C0000' },
} as const;

export const VOUCHER = { id: 701, code: 'FRIEND' } as const;
export const SEAT = { id: 801, name: 'Stalls, Row A, Seat 1', seat_guid: 'A-1' } as const;
/** Ada's answer to a question that is not asked at check-in, given when she bought the ticket. */
export const BOUGHT_QUESTION = { id: 399, identifier: 'NEWSPAPER' } as const;

export const QUESTION_TYPES = ['N', 'S', 'T', 'B', 'C', 'M', 'F', 'D', 'H', 'W', 'CC', 'TEL'] as const;
export type QuestionType = (typeof QUESTION_TYPES)[number];

/** A required and an optional question of every type in `survey`, each alone on a product with one paid ticket. */
export const QUESTIONS: Readonly<Record<QuestionType, { required: Asked; optional: Asked }>> = Object.fromEntries(
  QUESTION_TYPES.map((type, i) => [type, { required: asked(type, i * 2), optional: asked(type, i * 2 + 1) }]),
) as Record<QuestionType, { required: Asked; optional: Asked }>;

export type Asked = {
  readonly question: number;
  readonly identifier: string;
  readonly item: number;
  readonly ticket: { readonly id: number; readonly secret: string; readonly order: string };
  /** Of C and M: three options, their ids in their order; the first is localized. */
  readonly options: readonly number[];
};

/** A ticket of `survey` whose product has two questions (S required, then B optional) and one that is not asked at check-in. */
export const TWO_QUESTIONS = {
  item: 450,
  first: 390,
  second: 391,
  ticket: { id: 3900, secret: 'twoq1two', order: 'TWOQ1' },
} as const;
/** A ticket of `survey` whose product has none. */
export const NO_QUESTION = { item: 451, ticket: { id: 3910, secret: 'nonq1none', order: 'NONQ1' } } as const;

/** The whole installation as an export in memory. */
export function festival(): ExportFiles {
  return {
    ...under('demo/', {
      'organizer.json': { slug: 'demo', name: 'Demo Festival Society' },
      'teams.json': demoTeams(),
      'devices.json': demoDevices(),
      'saleschannels.json': [{ identifier: 'web' }, { identifier: 'boxoffice' }, { identifier: 'pretixpos' }],
    }),
    ...under('demo/events/openair/', openair()),
    ...under('demo/events/survey/', survey()),
    ...under('demo/events/tours/', tours()),
    ...under('demo/events/crowd/', crowd()),
    ...under('other/', {
      'organizer.json': { slug: 'other', name: 'Another Organizer' },
      'teams.json': [team('everything', TOKENS.other, ALL_RIGHTS)],
      'devices.json': [device(1, DEVICES.other)],
    }),
    ...under('other/events/fair/', fair()),
  };
}

/** The same installation after some orders of `openair` were added or changed (by their codes). */
export function festivalWith(changed: readonly ReturnType<typeof order>[]): ExportFiles {
  const files = festival();
  const file = 'demo/events/openair/orders.ndjson';
  const codes = new Set(changed.map(({ code }) => code));
  const unchanged = (files[file] as ReturnType<typeof order>[]).filter(({ code }) => !codes.has(code));
  return { ...files, [file]: [...unchanged, ...changed] };
}

/** One order of `openair`, to change it and import it again. */
export function openairOrder(code: string): ReturnType<typeof order> {
  const found = openairOrders().find((each) => each.code === code);
  if (!found) throw new Error(`openair has no order ${code}`);
  return found;
}

// --- credentials

const ALL_RIGHTS = {
  can_view_orders: true,
  can_change_orders: true,
  can_change_event_settings: true,
  can_checkin_orders: true,
};

function demoTeams() {
  return [
    team('admin', TOKENS.admin, ALL_RIGHTS),
    team('viewer', TOKENS.viewer, { can_view_orders: true }),
    team('changer', TOKENS.changer, { can_change_orders: true }),
    team('settings', TOKENS.settings, { can_change_event_settings: true }),
    team('scanner', TOKENS.scanner, { can_checkin_orders: true }),
    team('nothing', TOKENS.nothing, {}),
    team('openair only', TOKENS.openairOnly, { ...ALL_RIGHTS, all_events: false, limit_events: ['openair'] }),
    team('former', TOKENS.inactive, { ...ALL_RIGHTS }, false),
    team('new admin', TOKENS.newAdmin, { all_event_permissions: true }),
    team('new scanner', TOKENS.newScanner, {
      limit_event_permissions: ['event.orders:read', 'event.orders:checkin'],
    }),
  ];
}

function team(name: string, token: string, rights: object, active = true) {
  return { name, all_events: true, limit_events: [], ...rights, tokens: [{ name, token, active }] };
}

function demoDevices() {
  return [
    device(1, DEVICES.gate),
    device(2, DEVICES.fresh, { initialized: null }),
    device(3, DEVICES.revoked, { revoked: true }),
    device(4, DEVICES.toursOnly, { all_events: false, limit_events: ['tours'] }),
  ];
}

function device(id: number, token: string, more: object = {}) {
  const initialized = '2027-05-01T08:00:00Z';
  return {
    device_id: id,
    name: `Device ${id}`,
    all_events: true,
    limit_events: [],
    initialized,
    api_token: token,
    ...more,
  };
}

function droidKey(key: string, list: number, more: object = {}) {
  return { key, checkin_list: list, ...more };
}

// --- openair

function openair() {
  return {
    'event.json': event('openair', { en: 'Open Air', de: 'Freiluft' }, { location: { en: 'The Green' } }),
    'settings.json': { ...SETTINGS, ticket_download: true },
    'categories.json': [
      { id: CATEGORIES.tickets, name: { en: 'Tickets' }, position: 1 },
      { id: CATEGORIES.merchandise, name: { en: 'Merchandise' }, position: 2 },
    ],
    'taxrules.json': [{ id: 1, name: { en: 'VAT' }, rate: '19.00' }],
    'items.json': [
      item(ITEMS.pass, { en: 'Festival pass', de: 'Festivalpass' }, { admission: true, position: 2, tax_rule: 1 }),
      item(
        ITEMS.day,
        { en: 'Day ticket', de: 'Tagesticket' },
        {
          admission: true,
          position: 1,
          variations: [
            variation(VARIATIONS.saturday, { en: 'Saturday', de: 'Samstag' }, 2),
            variation(VARIATIONS.friday, { en: 'Friday', de: 'Freitag' }, 1),
          ],
        },
      ),
      item(
        ITEMS.shirt,
        { en: 'T-Shirt' },
        {
          category: CATEGORIES.merchandise,
          variations: [
            variation(VARIATIONS.red, { en: 'Red', de: 'Rot' }, 0),
            variation(VARIATIONS.blue, { en: 'Blue' }, 1),
          ],
        },
      ),
      item(
        ITEMS.parking,
        { en: 'Parking spot' },
        { category: CATEGORIES.merchandise, internal_name: 'P1', position: 1 },
      ),
      item(ITEMS.vip, { en: 'VIP' }, { admission: true, checkin_attention: true, position: 3 }),
      item(ITEMS.old, { en: 'Early bird' }, { admission: true, active: false, position: 4 }),
      item(ITEMS.loose, { en: 'Badge' }, { category: null }),
    ],
    'questions.json': [
      question(BOUGHT_QUESTION.id, 'S', {
        items: [ITEMS.pass],
        ask_during_checkin: false,
        identifier: BOUGHT_QUESTION.identifier,
      }),
    ],
    'vouchers.json': [{ id: VOUCHER.id, code: VOUCHER.code, max_usages: 5, redeemed: 1 }],
    'checkinlists.json': [
      list(LISTS.main, 'Main gate'),
      list(LISTS.pending, 'Box office', { include_pending: true }),
      list(LISTS.passes, 'Passes', { all_products: false, limit_products: [ITEMS.pass, ITEMS.vip] }),
      list(LISTS.merchandise, 'Merchandise', {
        all_products: false,
        limit_products: [ITEMS.shirt, ITEMS.parking],
        include_pending: true,
      }),
      list(LISTS.auto, 'Auto', { auto_checkin_sales_channels: ['boxoffice'] }),
    ],
    'orders.ndjson': openairOrders(),
    'droidkeys.json': [
      droidKey(DROID_KEYS.main, LISTS.main),
      droidKey(DROID_KEYS.pending, LISTS.pending),
      droidKey(DROID_KEYS.passes, LISTS.passes, { app: 'pretixdesk' }),
      droidKey(DROID_KEYS.dayAndShirt, LISTS.main, { all_items: false, items: [ITEMS.day, ITEMS.shirt] }),
      droidKey(DROID_KEYS.noSearch, LISTS.main, { allow_search: false }),
    ],
  };
}

function openairOrders() {
  const { ada } = TICKETS;
  const pass = { item: ITEMS.pass };
  return [
    order('ADA01', { email: 'ada@example.org' }, [
      position(ada, {
        ...pass,
        attendee_name_parts: { _scheme: 'given_family', given_name: 'Ada', family_name: 'Lovelace' },
        attendee_name: 'Ada Lovelace',
        attendee_email: 'lovelace@example.org',
        price: '89.00',
        tax_rate: '19.00',
        tax_value: '14.21',
        tax_rule: 1,
        seat: { ...SEAT, zone_name: 'Stalls', row_name: 'A', seat_number: '1' },
        answers: [
          {
            question: BOUGHT_QUESTION.id,
            answer: 'In the newspaper',
            question_identifier: BOUGHT_QUESTION.identifier,
            options: [],
            option_identifiers: [],
          },
        ],
      }),
      position(TICKETS.adasParking, { item: ITEMS.parking, addon_to: ada.id }),
      position(TICKETS.graceShirt, {
        item: ITEMS.shirt,
        variation: VARIATIONS.red,
        addon_to: ada.id,
        ...named('Grace Hopper'),
      }),
      position(TICKETS.adasCanceled, { ...pass, canceled: true }),
    ]),
    order('PEND1', { status: 'n', email: 'alan@example.org' }, [
      position(TICKETS.pending, { ...pass, ...named('Alan Turing') }),
      position(TICKETS.pendingShirt, { item: ITEMS.shirt, variation: VARIATIONS.blue }),
    ]),
    order('EXPI1', { status: 'e' }, [position(TICKETS.expired, { ...pass, ...named('Emmy Noether') })]),
    order('CANC1', { status: 'c' }, [position(TICKETS.canceledOrder, { ...pass, ...named('Carl Gauss') })]),
    order('T0EST', { testmode: true }, [position(TICKETS.test, { ...pass, ...named('Test Tester') })]),
    order(
      'INVO1',
      { invoice_address: { name: 'Jürgen Groß', name_parts: { _legacy: 'Jürgen Groß' }, company: 'Groß GmbH' } },
      [position(TICKETS.invoice, pass)],
    ),
    order('NAME1', { invoice_address: { name: '', name_parts: {}, company: 'Nameless Ltd' } }, [
      position(TICKETS.namelessInvoice, pass),
    ]),
    order('NULL1', {}, [position(TICKETS.nameless, pass)]),
    order('VIPP1', {}, [position(TICKETS.vip, { item: ITEMS.vip, ...named('Marie Curie') })]),
    order('ATTE1', { checkin_attention: true }, [
      position(TICKETS.attentionOrder, { ...pass, ...named('Lise Meitner') }),
    ]),
    order('DAYS1', {}, [
      position(TICKETS.friday, { item: ITEMS.day, variation: VARIATIONS.friday, ...named('Ærøskøbing Ø') }),
      position(TICKETS.saturday, { item: ITEMS.day, variation: VARIATIONS.saturday, ...named('Zoë Ångström') }),
    ]),
    order('LOOS1', {}, [position(TICKETS.loose, { item: ITEMS.loose })]),
    order('OLDI1', {}, [position(TICKETS.old, { item: ITEMS.old, ...named('Otto Hahn') })]),
    order('VOUC1', { email: 'order@example.org' }, [
      position(TICKETS.voucher, {
        ...pass,
        ...named('Vera Rubin'),
        voucher: VOUCHER.id,
        attendee_email: 'Vera@Example.org',
      }),
    ]),
    order('STRA1', {}, [position(TICKETS.strange, { ...pass, ...named('Stranger') })]),
    order('DIGI1', {}, [
      position(TICKETS.digits, { ...pass, ...named('Digit One') }),
      position(TICKETS.adasId, { ...pass, ...named('Digit Two') }),
    ]),
    order('ENTE1', {}, [
      position(TICKETS.entered, {
        ...pass,
        ...named('Early Entered'),
        checkins: [
          { id: 1, list: LISTS.main, datetime: '2027-07-01T10:00:00.123456Z', type: 'entry', nonce: 'imported' },
        ],
      }),
      position(TICKETS.enteredByItself, {
        ...pass,
        ...named('Auto Entered'),
        checkins: [{ id: 2, list: LISTS.main, datetime: '2027-07-01T11:00:00Z', type: 'entry', auto_checked_in: true }],
      }),
      position(TICKETS.enteredAndCanceled, {
        ...pass,
        canceled: true,
        checkins: [{ id: 3, list: LISTS.main, datetime: '2027-07-01T12:00:00Z', type: 'entry' }],
      }),
    ]),
  ];
}

// --- survey

function survey() {
  const all = QUESTION_TYPES.flatMap((type) => [
    { type, required: true, ...QUESTIONS[type].required },
    { type, required: false, ...QUESTIONS[type].optional },
  ]);
  const two = TWO_QUESTIONS;
  return {
    'event.json': event('survey', { en: 'Survey', de: 'Umfrage' }, { timezone: 'Europe/Berlin' }),
    'settings.json': SETTINGS,
    'categories.json': [{ id: CATEGORIES.questions, name: { en: 'Questions' }, position: 0 }],
    'items.json': [
      ...all.map((each, i) =>
        item(each.item, { en: `Item of ${each.identifier}` }, { category: CATEGORIES.questions, position: i }),
      ),
      item(two.item, { en: 'Two questions' }, { category: CATEGORIES.questions }),
      item(NO_QUESTION.item, { en: 'No question' }, { category: CATEGORIES.questions }),
    ],
    'questions.json': [
      ...all.map(({ type, required, ...each }) =>
        question(each.question, type, {
          required,
          items: [each.item],
          identifier: each.identifier,
          options: each.options.map((id, i) => ({ id, identifier: `OPT${id}`, answer: OPTION_TEXTS[i], position: i })),
        }),
      ),
      question(two.first, 'S', { required: true, items: [two.item], position: 1 }),
      question(two.second, 'B', { items: [two.item], position: 2 }),
      question(392, 'S', { required: true, items: [two.item], position: 0, ask_during_checkin: false }),
    ],
    'checkinlists.json': [list(LISTS.survey, 'Survey')],
    'orders.ndjson': [
      ...all.map((each) =>
        order(each.ticket.order, {}, [
          position(each.ticket, { item: each.item, ...named(`Asked ${each.identifier}`) }),
        ]),
      ),
      order(two.ticket.order, {}, [position(two.ticket, { item: two.item })]),
      order(NO_QUESTION.ticket.order, {}, [position(NO_QUESTION.ticket, { item: NO_QUESTION.item })]),
    ],
    'droidkeys.json': [droidKey(DROID_KEYS.survey, LISTS.survey)],
  };
}

const OPTION_TEXTS = [{ en: 'Small', de: 'Klein' }, { en: 'Medium' }, { en: 'Large' }];

function asked(type: QuestionType, i: number): Asked {
  const identifier = `${type}${i % 2 === 0 ? 'REQUIRED' : 'OPTIONAL'}`;
  const code = `Q${String(i).padStart(4, '0')}`;
  return {
    question: 301 + i,
    identifier,
    item: 401 + i,
    ticket: { id: 3001 + i, secret: `q${String(i).padStart(3, '0')}${identifier.toLowerCase()}`, order: code },
    options: type === 'C' || type === 'M' ? [0, 1, 2].map((n) => 3001 + i * 3 + n) : [],
  };
}

// --- tours, crowd, fair

function tours() {
  return {
    'event.json': event('tours', { en: 'City tours', de: 'Stadtrundgänge' }, { has_subevents: true }),
    'settings.json': SETTINGS,
    'subevents.json': [
      date(DATES.morning, { en: 'Morning tour', de: 'Morgenrundgang' }, '2027-07-02T09:00:00+02:00'),
      date(DATES.evening, { en: 'Evening tour' }, '2027-07-02T18:00:00+02:00'),
      date(DATES.night, { en: 'Night tour' }, '2027-07-03T22:00:00+02:00', { active: false }),
    ],
    'items.json': [
      item(
        ITEMS.tour,
        { en: 'Tour' },
        {
          admission: true,
          category: null,
          variations: [
            variation(VARIATIONS.adult, { en: 'Adult' }, 0),
            variation(VARIATIONS.child, { en: 'Child' }, 1),
          ],
        },
      ),
      item(ITEMS.guide, { en: 'Audio guide' }, { category: null, position: 1 }),
    ],
    'checkinlists.json': [
      list(LISTS.evening, 'Evening', { subevent: DATES.evening }),
      list(LISTS.morning, 'Morning', { subevent: DATES.morning }),
      list(LISTS.dateless, 'Any date'),
    ],
    'orders.ndjson': [
      order('TOUR1', {}, [
        position(TICKETS.morning, {
          item: ITEMS.tour,
          variation: VARIATIONS.adult,
          subevent: DATES.morning,
          ...named('Tour Adult'),
        }),
        position(TICKETS.evening, {
          item: ITEMS.tour,
          variation: VARIATIONS.child,
          subevent: DATES.evening,
          ...named('Tour Child'),
        }),
      ]),
      order('TOUR2', { status: 'n' }, [
        position(TICKETS.pendingMorning, { item: ITEMS.tour, variation: VARIATIONS.adult, subevent: DATES.morning }),
      ]),
    ],
    'droidkeys.json': [droidKey(DROID_KEYS.morning, LISTS.morning), droidKey(DROID_KEYS.dateless, LISTS.dateless)],
  };
}

function crowd() {
  const numbers = Array.from({ length: 120 }, (_, i) => i);
  const padded = (i: number) => String(i).padStart(4, '0');
  return {
    'event.json': event('crowd', { en: 'Crowd' }),
    'settings.json': SETTINGS,
    'items.json': [item(ITEMS.crowd, { en: 'Crowd ticket' }, { admission: true, category: null })],
    'checkinlists.json': [
      list(LISTS.crowd, 'All of the crowd'),
      ...numbers.map((i) => list(LISTS.crowdFirst + i, `Gate ${padded(i)}`)),
    ],
    'orders.ndjson': numbers.map((i) => {
      const ticket = { id: TICKETS.crowdFirst.id + i, secret: `crowd${padded(i)}` };
      return order(`C${padded(i)}`, {}, [position(ticket, { item: ITEMS.crowd, ...named(`Visitor ${padded(i)}`) })]);
    }),
  };
}

function fair() {
  return {
    'event.json': event('fair', { en: 'Fair' }),
    'items.json': [item(ITEMS.fair, { en: 'Fair ticket' }, { admission: true, category: null })],
    'checkinlists.json': [list(LISTS.fair, 'Fair gate')],
    'orders.ndjson': [
      order(TICKETS.fair.order, {}, [position(TICKETS.fair, { item: ITEMS.fair, ...named('Fair Visitor') })]),
    ],
    'droidkeys.json': [droidKey(DROID_KEYS.fair, LISTS.fair)],
  };
}

// --- builders: what pretix sends, with defaults for everything that a test does not set

const SETTINGS = { locale: 'en', locales: ['en', 'de'], name_scheme: 'given_family' };

function event(slug: string, name: object, more: object = {}) {
  const dates = {
    date_from: '2027-07-01T16:00:00Z',
    date_to: '2027-07-04T22:00:00Z',
    date_admission: '2027-07-01T15:00:00Z',
  };
  return { slug, name, has_subevents: false, timezone: 'UTC', currency: 'EUR', ...dates, ...more };
}

function date(id: number, name: object, from: string, more: object = {}) {
  return { id, name, active: true, date_from: from, date_to: null, ...more };
}

function item(id: number, name: object, more: object = {}) {
  return {
    id,
    name,
    category: CATEGORIES.tickets,
    position: 0,
    admission: false,
    active: true,
    default_price: '23.00',
    ...more,
  };
}

function variation(id: number, value: object, place: number) {
  return { id, value, active: true, position: place };
}

function question(id: number, type: QuestionType, more: object) {
  return {
    id,
    type,
    question: { en: `Question ${id}?`, de: `Frage ${id}?` },
    required: false,
    ask_during_checkin: true,
    identifier: `Q${id}`,
    ...more,
  };
}

function list(id: number, name: string, more: object = {}) {
  return { id, name, all_products: true, limit_products: [], subevent: null, include_pending: false, ...more };
}

export type OrderFields = { readonly status?: 'n' | 'p' | 'e' | 'c' } & Readonly<Record<string, unknown>>;

/** An order: paid, of channel `web`, without e-mail and invoice address, unless `fields` say more. */
export function order(code: string, fields: OrderFields, positions: readonly ReturnType<typeof position>[]) {
  return {
    code,
    status: 'p',
    testmode: false,
    email: null,
    datetime: '2027-06-01T12:00:00Z',
    sales_channel: 'web',
    locale: 'en',
    checkin_attention: false,
    invoice_address: null,
    ...fields,
    positions: positions.map((each, i) => ({ positionid: i + 1, ...each })),
  };
}

/** A ticket: for 23.00, without name, not canceled, unless `fields` say more. */
export function position(
  { id, secret }: { id: number; secret: string },
  fields: { readonly item: number } & Readonly<Record<string, unknown>>,
) {
  return {
    id,
    secret,
    variation: null,
    price: '23.00',
    attendee_name: null,
    attendee_name_parts: {},
    attendee_email: null,
    voucher: null,
    tax_rate: '0.00',
    tax_value: '0.00',
    addon_to: null,
    subevent: null,
    pseudonymization_id: `PSEUDO${id}`,
    seat: null,
    canceled: false,
    answers: [],
    checkins: [],
    ...fields,
  };
}

/** A name as pretix keeps it when it has no parts. */
export function named(name: string) {
  return { attendee_name: name, attendee_name_parts: { _legacy: name } };
}

export function secret64(name: string): string {
  return name.padEnd(64, '0');
}

function under(prefix: string, files: ExportFiles): ExportFiles {
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [prefix + name, content]));
}
