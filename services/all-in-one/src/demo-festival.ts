import { createHash, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * What is needed to try the demo festival: credentials of this installation, a check-in list and a paid ticket without
 * questions.
 */
export type Demo = {
  readonly organizer: string;
  readonly event: string;
  /** API token of a team with all permissions. */
  readonly token: string;
  readonly deviceToken: string;
  /** Key for the old scanners (contract §3.1), of the same list. */
  readonly droidKey: string;
  readonly list: number;
  readonly secret: string;
  /** A product of few places to reserve; undefined in a folder that an earlier release wrote, which had none. */
  readonly boat: { readonly item: number; readonly price: string; readonly quota: number } | undefined;
  /** A product to print tickets of, and their layout; undefined likewise. */
  readonly printed: { readonly item: number; readonly layout: number } | undefined;
};

/**
 * Writes a made-up festival of some 2,000 tickets in the import format (import.md §1), with the fields that scanners of today insist
 * on (clients.md §3): `summer-nights`, and the series
 * `city-tours`. It is the same everywhere except for its credentials, which are generated once per installation and stored
 * here with mode 600. An existing festival is only read.
 */
export async function demoFestival(folder: string): Promise<Demo> {
  const nights = summerNights();
  if (!holdsDemo(folder)) await writeWhole(folder, nights);
  const credentials = await credentialsIn(folder);
  const ofEvent = path.join(folder, 'events', nights.slug);
  const written = JSON.parse(await readFile(path.join(ofEvent, 'items.json'), 'utf8')) as { id: number }[];
  return {
    organizer: 'demo',
    event: nights.slug,
    token: credentials.token,
    deviceToken: credentials.device,
    droidKey: credentials.nightsKey,
    list: listIds.mainGate,
    secret: sampleOf(nights),
    boat: written.some(({ id }) => id === items.boat)
      ? { item: items.boat, price: BOAT_PRICE, quota: base + BOAT_QUOTA }
      : undefined,
    printed: existsSync(path.join(ofEvent, 'ticketlayouts.json')) ? { item: items.pass, layout: LAYOUT } : undefined,
  };
}

/** Whether the complete festival is in that folder: its last file exists. */
export const holdsDemo = (folder: string): boolean => existsSync(path.join(folder, 'organizer.json'));

/**
 * Written to another folder and renamed, so that no process reads an incomplete one: several may do this at once, and the
 * first one wins.
 */
async function writeWhole(folder: string, nights: Event): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true });
  const unfinished = await mkdtemp(`${folder}.`);
  const credentials = drawCredentials();
  await write(unfinished, 'credentials.json', credentials);
  await write(unfinished, 'teams.json', teams(credentials));
  await write(unfinished, 'devices.json', devices(credentials));
  await writeEvent(unfinished, nights, [droidKey(credentials.nightsKey, listIds.mainGate)]);
  await writeEvent(unfinished, cityTours(), [droidKey(credentials.toursKey, listIds.firstTour)]);
  await write(unfinished, 'organizer.json', { slug: 'demo', name: 'Demo Festival Society' });
  const place = () =>
    rename(unfinished, folder).then(
      () => true,
      (cause: NodeJS.ErrnoException) => {
        if (cause.code === 'ENOTEMPTY' || cause.code === 'EEXIST') return false;
        throw cause;
      },
    );
  try {
    if ((await place()) || holdsDemo(folder)) return;
    // An incomplete folder of a killed earlier release; nothing of it was imported.
    await rm(folder, { recursive: true, force: true });
    await place();
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/*
 * A real export may be imported beside the demo, so the demo's ids are above those that pretix has reached, and below those
 * that Gatehouse assigns.
 */
const base = 900_000_000;
const listIds = { mainGate: base + 1, camping: base + 2, boxOffice: base + 3, firstTour: base + 11 };
const items = {
  pass: base + 1,
  day: base + 2,
  youth: base + 3,
  camping: base + 4,
  locker: base + 5,
  boat: base + 6,
  tour: base + 11,
};
const BOAT_QUOTA = 5;
const BOAT_PRICE = '12.00';
const LAYOUT = base + 1;
const variations = { friday: base + 1, saturday: base + 2, sunday: base + 3, adult: base + 11, child: base + 12 };
const questions = { rules: base + 1, meal: base + 2, allergy: base + 3 };
const options = { vegan: base + 1, fish: base + 2, none: base + 3 };
const firstDate = base + 1;
const dates = 6;

// --- credentials

type Credentials = {
  readonly token: string;
  readonly scanOnly: string;
  readonly device: string;
  readonly nightsKey: string;
  readonly toursKey: string;
};

const lowerAndDigits = 'abcdefghijklmnopqrstuvwxyz0123456789';
const allLettersAndDigits = `ABCDEFGHIJKLMNOPQRSTUVWXYZ${lowerAndDigits}`;

function drawn(length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

function drawCredentials(): Credentials {
  return {
    token: drawn(64, lowerAndDigits),
    scanOnly: drawn(64, lowerAndDigits),
    device: drawn(64, lowerAndDigits),
    nightsKey: drawn(32, allLettersAndDigits),
    toursKey: drawn(32, allLettersAndDigits),
  };
}

async function credentialsIn(folder: string): Promise<Credentials> {
  return JSON.parse(await readFile(path.join(folder, 'credentials.json'), 'utf8')) as Credentials;
}

function teams({ token, scanOnly }: Credentials) {
  const everywhere = { all_events: true, limit_events: [] };
  return [
    {
      id: base + 1,
      name: 'Festival office',
      ...everywhere,
      can_view_orders: true,
      can_change_orders: true,
      can_change_event_settings: true,
      can_checkin_orders: true,
      tokens: [{ name: 'demo', token, active: true }],
    },
    {
      id: base + 2,
      name: 'Gate crew',
      ...everywhere,
      can_view_orders: false,
      can_change_orders: false,
      can_change_event_settings: false,
      can_checkin_orders: true,
      tokens: [{ name: 'gate', token: scanOnly, active: true }],
    },
  ];
}

function devices({ device }: Credentials) {
  return [
    {
      device_id: 9001,
      name: 'Main gate 1',
      all_events: true,
      limit_events: [],
      initialized: '2026-10-01T10:00:00+02:00',
      revoked: false,
      security_profile: 'full',
      api_token: device,
    },
  ];
}

function droidKey(key: string, list: number) {
  return {
    key,
    checkin_list: list,
    all_items: true,
    items: [],
    allow_search: true,
    show_info: true,
    app: 'pretixdroid',
  };
}

// --- deterministic random numbers (mulberry32)

type Chance = {
  below(limit: number): number;
  pick<T>(from: readonly T[]): T;
  word(length: number, alphabet: string): string;
};

function chance(seed: number): Chance {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    pick: <T>(from: readonly T[]) => from[below(from.length)] as T,
    word: (length, alphabet) => Array.from({ length }, () => alphabet[below(alphabet.length)]).join(''),
  };
}

const secretLetters = 'abcdefghjkmnpqrstuvwxyz23456789';
const pseudonymLetters = 'ABCDEFGHJKLMNPQRSTUVWXYZ3789';
const codeLetters = 'ABCDEFGHJKLMNPQRSTUVWXYZ3789';

const givenNames = (
  'Amélie Bjørn Chidi Dvořák Élodie Fatih Grażyna Hélder İpek Jürgen Katarína Léa Małgorzata Nguyễn Øystein ' +
  'Priya Quentin Raúl Søren Tomáš Ülkü Věra Wanjiku Xóchitl Yūki Zoë Анна Ελένη 美咲 ליאור'
).split(' ');
const familyNames = (
  'Açıkgöz Bäcker Čapková D’Amico Eğilmez Fröhlich García Håkansson Iñárritu Jørgensen Kovács Łukasik Müller-Lüdenscheidt Nuñez ' +
  'O’Brien Příhoda Quiñones Rößler Şahin Tóth Ünver Vögele Weiß Yıldız Žižek Петрова Παππάς 佐藤'
).split(' ');

// --- tickets

type Answer = {
  question: number;
  answer: string;
  question_identifier: string;
  options: number[];
  option_identifiers: string[];
};
type Checkin = { list: number; datetime: string; type: 'entry' | 'exit'; auto_checked_in: boolean };
type Product = {
  item: number;
  variation?: number;
  price: string;
  taxRate?: string;
  taxRule?: number;
  subevent?: number;
};
type Position = ReturnType<Shop['position']>;
type Order = ReturnType<Shop['order']>;
type Event = {
  readonly slug: string;
  readonly files: Readonly<Record<string, unknown>>;
  readonly orders: readonly Order[];
};

/** Sells the tickets of one event, with its own range of ids. */
class Shop {
  private nextPosition: number;
  private readonly codes = new Set<string>();
  private guests = 0;

  constructor(
    readonly luck: Chance,
    firstPosition: number,
  ) {
    this.nextPosition = firstPosition;
  }

  position(
    product: Product,
    more: { addonTo?: number; answers?: Answer[]; checkins?: Checkin[]; canceled?: boolean } = {},
  ) {
    const { luck } = this;
    const [given, family] = [luck.pick(givenNames), luck.pick(familyNames)];
    const isAddon = more.addonTo !== undefined;
    const taxRate = product.taxRate ?? '19.00';
    const gross = Number(product.price);
    return {
      id: this.nextPosition++,
      positionid: 0,
      item: product.item,
      variation: product.variation ?? null,
      price: product.price,
      attendee_name: isAddon ? null : `${given} ${family}`,
      attendee_name_parts: isAddon ? {} : { _scheme: 'given_family', given_name: given, family_name: family },
      attendee_email: null,
      voucher: null,
      tax_rate: taxRate,
      tax_value: (gross - gross / (1 + Number(taxRate) / 100)).toFixed(2),
      tax_rule: product.taxRule ?? (taxRate === '7.00' ? base + 2 : base + 1),
      secret: luck.word(32, secretLetters),
      addon_to: more.addonTo ?? null,
      subevent: product.subevent ?? null,
      pseudonymization_id: luck.word(10, pseudonymLetters),
      seat: null,
      canceled: more.canceled ?? false,
      answers: more.answers ?? [],
      checkins: more.checkins ?? [],
    };
  }

  order(positions: Position[], status: 'n' | 'p' | 'e' | 'c' = 'p') {
    const { luck } = this;
    const day = String(1 + luck.below(28)).padStart(2, '0');
    const minute = String(luck.below(60)).padStart(2, '0');
    const code = this.freeCode();
    return {
      code,
      secret: createHash('sha256').update(`order ${code}`).digest('hex').slice(0, 16),
      status,
      testmode: false,
      email: `guest${String(++this.guests).padStart(4, '0')}@example.org`,
      datetime: `2026-0${1 + luck.below(9)}-${day}T${10 + luck.below(10)}:${minute}:00Z`,
      sales_channel: 'web',
      locale: luck.pick(['en', 'de', 'fr']),
      require_approval: false,
      checkin_attention: luck.below(200) === 0,
      invoice_address: null,
      positions: positions.map((position, at) => ({ ...position, positionid: at + 1 })),
    };
  }

  private freeCode(): string {
    for (;;) {
      const code = this.luck.word(5, codeLetters);
      if (this.codes.has(code)) continue;
      this.codes.add(code);
      return code;
    }
  }
}

/** A paid pass that was never scanned, in an order of its own: for the user's first scan. */
function sampleOf({ orders }: Event): string {
  const simple = orders.find(({ status, checkin_attention: attention, positions }) => {
    const [only, second] = positions;
    return (
      status === 'p' &&
      !attention &&
      !second &&
      only?.item === items.pass &&
      !only.canceled &&
      only.checkins.length === 0
    );
  });
  return simple?.positions[0]?.secret ?? '';
}

// --- the festival

const taxRules = [
  { id: base + 1, name: { en: 'VAT', de: 'MwSt.' }, rate: '19.00' },
  { id: base + 2, name: { en: 'Reduced VAT', de: 'Ermäßigte MwSt.' }, rate: '7.00' },
];

const channels = { sales_channels: ['web'] };

function product(id: number, name: Record<string, string>, more: Record<string, unknown>) {
  return {
    id,
    name,
    internal_name: null,
    description: null,
    active: true,
    category: null,
    position: id - base,
    admission: true,
    default_price: '0.00',
    tax_rule: base + 1,
    tax_rate: '19.00',
    free_price: false,
    checkin_attention: false,
    generate_tickets: null,
    has_variations: false,
    variations: [],
    ...{ require_voucher: false, hide_without_voucher: false, require_approval: false, require_bundling: false },
    ...{ allow_cancel: true, addons: [], bundles: [], original_price: null, picture: null, meta_data: {} },
    ...{ available_from: null, available_until: null, min_per_order: null, max_per_order: null },
    ...channels,
    ...more,
  };
}

function variation(id: number, value: Record<string, string>, price: string) {
  return {
    ...{ id, value, active: true, description: null, position: id - base, default_price: price, price },
    ...{ original_price: null, checkin_attention: false },
  };
}

function checkinList(id: number, name: string, more: Record<string, unknown> = {}) {
  return { id, name, all_products: true, limit_products: [], subevent: null, include_pending: false, ...more };
}

function quota(id: number, name: string, more: Record<string, unknown>) {
  return { id: base + id, name, variations: [], subevent: null, close_when_sold_out: false, closed: false, ...more };
}

function question(id: number, identifier: string, more: Record<string, unknown>) {
  return {
    id,
    identifier,
    required: true,
    items: [items.youth],
    options: [],
    position: id - base,
    ask_during_checkin: true,
    dependency_question: null,
    dependency_value: null,
    dependency_values: [],
    hidden: false,
    print_on_invoice: false,
    help_text: {},
    ...more,
  };
}

function event(slug: string, name: Record<string, string>, more: Record<string, unknown>) {
  return {
    slug,
    name,
    live: true,
    testmode: false,
    is_public: true,
    has_subevents: false,
    date_from: '2027-07-16T14:00:00+02:00',
    date_to: '2027-07-18T23:00:00+02:00',
    date_admission: '2027-07-16T12:00:00+02:00',
    location: { en: 'Lakeside meadow', de: 'Seewiese' },
    currency: 'EUR',
    timezone: 'Europe/Berlin',
    seat_category_mapping: {},
    ...more,
  };
}

const settings = {
  locale: 'en',
  locales: ['en', 'de', 'fr'],
  name_scheme: 'given_family',
  ticket_download: true,
  ticket_download_addons: true,
};

function summerNights(): Event {
  return {
    slug: 'summer-nights',
    files: {
      event: event('summer-nights', { en: 'Summer Nights', de: 'Sommernächte', fr: 'Nuits d’été' }, {}),
      settings,
      taxrules: taxRules,
      categories: [
        { id: base + 1, name: { en: 'Tickets', de: 'Karten' }, position: 0 },
        { id: base + 2, name: { en: 'Extras' }, position: 1 },
      ],
      items: [
        product(
          items.pass,
          { en: 'Festival pass', de: 'Festivalpass' },
          { category: base + 1, default_price: '129.00' },
        ),
        product(
          items.day,
          { en: 'Day ticket', de: 'Tageskarte' },
          {
            category: base + 1,
            default_price: '59.00',
            has_variations: true,
            variations: [
              variation(variations.friday, { en: 'Friday', de: 'Freitag' }, '59.00'),
              variation(variations.saturday, { en: 'Saturday', de: 'Samstag' }, '64.00'),
              variation(variations.sunday, { en: 'Sunday', de: 'Sonntag' }, '49.00'),
            ],
          },
        ),
        product(
          items.youth,
          { en: 'Youth pass', de: 'Jugendpass' },
          { category: base + 1, default_price: '79.00', checkin_attention: true },
        ),
        product(
          items.camping,
          { en: 'Camping', de: 'Zeltplatz' },
          { category: base + 2, default_price: '25.00', admission: false, tax_rule: base + 2, tax_rate: '7.00' },
        ),
        product(
          items.locker,
          { en: 'Locker', de: 'Schließfach' },
          { category: base + 2, default_price: '8.00', admission: false, generate_tickets: false },
        ),
        product(
          items.boat,
          { en: 'Sunrise boat trip', de: 'Bootsfahrt bei Sonnenaufgang', fr: 'Promenade en bateau à l’aube' },
          { category: base + 2, default_price: BOAT_PRICE, admission: false },
        ),
      ],
      quotas: [
        quota(1, 'Passes', { size: 2500, items: [items.pass, items.youth] }),
        quota(2, 'Saturday', { size: 400, items: [items.day], variations: [variations.saturday] }),
        quota(3, 'Friday and Sunday', {
          size: 800,
          items: [items.day],
          variations: [variations.friday, variations.sunday],
        }),
        quota(4, 'Camping', { size: 450, items: [items.camping], close_when_sold_out: true }),
        quota(BOAT_QUOTA, 'Boat', { size: 3, items: [items.boat] }),
      ],
      questions: [
        question(questions.rules, 'RULES', {
          question: { en: 'Has an adult signed the form?', de: 'Hat ein Erwachsener unterschrieben?' },
          type: 'B',
        }),
        question(questions.meal, 'MEAL', {
          question: { en: 'Which meal?', de: 'Welches Essen?' },
          type: 'C',
          options: [
            { id: options.vegan, identifier: 'VEGAN', answer: { en: 'Vegan' }, position: 0 },
            { id: options.fish, identifier: 'FISH', answer: { en: 'Fish', de: 'Fisch' }, position: 1 },
            { id: options.none, identifier: 'NONE', answer: { en: 'None', de: 'Keines' }, position: 2 },
          ],
        }),
        question(questions.allergy, 'ALLERGY', {
          question: { en: 'Any allergy?', de: 'Unverträglichkeiten?' },
          type: 'S',
          required: false,
          dependency_question: questions.meal,
          dependency_values: ['VEGAN', 'FISH'],
        }),
      ],
      // Without elements of its own: tickets look as the printer draws them by default.
      ticketlayouts: [{ id: LAYOUT, name: 'Postcard', default: true }],
      checkinlists: [
        checkinList(listIds.mainGate, 'Main gate'),
        checkinList(listIds.camping, 'Camping', { all_products: false, limit_products: [items.camping] }),
        checkinList(listIds.boxOffice, 'Box office', { include_pending: true }),
      ],
      vouchers: [
        { id: base + 1, code: 'FRIENDS27', max_usages: 50, redeemed: 0, block_quota: true, quota: base + 1 },
        { id: base + 2, code: 'SATURDAY', max_usages: 5, redeemed: 0, item: items.day, variation: variations.saturday },
      ],
    },
    orders: summerOrders(new Shop(chance(2027), base + 1)),
  };
}

const camping: Product = { item: items.camping, price: '25.00', taxRate: '7.00' };
const locker: Product = { item: items.locker, price: '8.00' };

function summerOrders(shop: Shop): Order[] {
  const { luck } = shop;
  return Array.from({ length: 650 }, () => {
    const positions: Position[] = [];
    for (let guests = 1 + luck.below(3); guests > 0; guests--) {
      const ticket = summerTicket(shop);
      positions.push(ticket);
      if (luck.below(5) === 0) positions.push(shop.position(camping, { addonTo: ticket.id }));
      if (luck.below(12) === 0) positions.push(shop.position(locker, { addonTo: ticket.id }));
    }
    const status = luck.pick(['p', 'p', 'p', 'p', 'p', 'p', 'p', 'p', 'p', 'p', 'n', 'e', 'c', 'p', 'n', 'p'] as const);
    return shop.order(positions, status);
  });
}

function summerTicket(shop: Shop): Position {
  const { luck } = shop;
  const more = { canceled: luck.below(60) === 0, checkins: luck.below(40) === 0 ? [earlyEntry(luck)] : [] };
  const kind = luck.below(10);
  if (kind < 5) return shop.position({ item: items.pass, price: '129.00' }, more);
  if (kind < 7) return shop.position({ item: items.youth, price: '79.00' }, { ...more, answers: youthAnswers(luck) });
  const day = luck.pick([
    { variation: variations.friday, price: '59.00' },
    { variation: variations.saturday, price: '64.00' },
    { variation: variations.sunday, price: '49.00' },
  ]);
  return shop.position({ item: items.day, ...day }, more);
}

/** Some came to the rehearsal. */
function earlyEntry(luck: Chance): Checkin {
  const datetime = `2026-10-31T${10 + luck.below(10)}:${10 + luck.below(50)}:00+01:00`;
  return { list: listIds.mainGate, datetime, type: 'entry', auto_checked_in: false };
}

/** Half of them have chosen their meal when they bought. */
function youthAnswers(luck: Chance): Answer[] {
  if (luck.below(2) === 0) return [];
  const [id, identifier, answer] = luck.pick([
    [options.vegan, 'VEGAN', 'Vegan'],
    [options.fish, 'FISH', 'Fish'],
    [options.none, 'NONE', 'None'],
  ] as const);
  const meal = { question: questions.meal, question_identifier: 'MEAL' };
  return [{ ...meal, answer, options: [id], option_identifiers: [identifier] }];
}

function cityTours(): Event {
  const tours = Array.from({ length: dates }, (_, at) => ({ id: firstDate + at, at }));
  return {
    slug: 'city-tours',
    files: {
      event: event(
        'city-tours',
        { en: 'City Tours', de: 'Stadtführungen', fr: 'Visites de la ville' },
        { has_subevents: true, date_to: null, date_admission: null, location: null },
      ),
      settings,
      taxrules: taxRules.map((rule) => ({ ...rule, id: rule.id + 10 })),
      subevents: tours.map(({ id, at }) => ({
        id,
        name: { en: `Tour ${at + 1}`, de: `Führung ${at + 1}` },
        active: true,
        is_public: true,
        date_from: `2027-07-${15 + Math.floor(at / 2)}T${at % 2 === 0 ? '11' : '17'}:00:00+02:00`,
        date_to: null,
        date_admission: null,
        location: { en: 'Old bridge', de: 'Alte Brücke' },
        seat_category_mapping: {},
      })),
      items: [
        product(
          items.tour,
          { en: 'Tour ticket', de: 'Führung' },
          {
            default_price: '18.00',
            tax_rule: base + 11,
            has_variations: true,
            variations: [
              variation(variations.adult, { en: 'Adult', de: 'Erwachsene' }, '18.00'),
              variation(variations.child, { en: 'Child', de: 'Kind' }, '9.00'),
            ],
          },
        ),
      ],
      quotas: tours.map(({ id, at }) =>
        quota(11 + at, `Tour ${at + 1}`, {
          size: 90,
          items: [items.tour],
          variations: [variations.adult, variations.child],
          subevent: id,
        }),
      ),
      checkinlists: tours.map(({ id, at }) => checkinList(listIds.firstTour + at, `Tour ${at + 1}`, { subevent: id })),
    },
    orders: tourOrders(new Shop(chance(1848), base + 50_001)),
  };
}

function tourOrders(shop: Shop): Order[] {
  const { luck } = shop;
  return Array.from({ length: 140 }, () => {
    const subevent = firstDate + luck.below(dates);
    const guests = 1 + luck.below(4);
    const positions = Array.from({ length: guests }, (_, at) => {
      const kind =
        at > 1 ? { variation: variations.child, price: '9.00' } : { variation: variations.adult, price: '18.00' };
      return shop.position({ item: items.tour, ...kind, subevent, taxRule: base + 11 });
    });
    return shop.order(positions, luck.below(10) === 0 ? 'n' : 'p');
  });
}

// --- files

/** Only the owner may read files with tokens; for simplicity the same holds for the others. */
async function write(folder: string, name: string, content: unknown): Promise<void> {
  await writeFile(path.join(folder, name), `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
}

async function writeEvent(folder: string, { slug, files, orders }: Event, droidKeys: unknown[]): Promise<void> {
  const target = path.join(folder, 'events', slug);
  await mkdir(target, { recursive: true });
  for (const [name, content] of Object.entries(files)) await write(target, `${name}.json`, content);
  await write(target, 'droidkeys.json', droidKeys);
  const lines = orders.map((order) => `${JSON.stringify(order)}\n`);
  await writeFile(path.join(target, 'orders.ndjson'), lines.join(''), { mode: 0o600 });
}
