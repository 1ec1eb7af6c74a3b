import type { DateFact, EventFact, ItemFact, OrganizerFact } from '@gatehouse/events/reference';
import type { Festival } from './festival';
import { pdfData, type PrintedTicket } from './pdf-data';

const FACT = { import: 1, hash: '', organizer: 'demo', event: 'openair' };
const NOW = '2026-11-21T02:02:10.500000Z';

const EVENT: EventFact = {
  ...FACT,
  name: { en: 'Open Air Demo', de: 'Freiluft-Demo' },
  has_subevents: false,
  date_from: '2027-07-16T12:00:00+02:00',
  date_to: '2027-07-18T21:00:00Z',
  date_admission: null,
  location: null,
  currency: 'EUR',
  timezone: 'Europe/Berlin',
  locale: 'en',
  locales: ['en', 'de'],
  name_scheme: 'full',
  public_url: null,
  seat_category_mapping: {},
  settings: {
    ticket_download: false,
    ticket_download_pending: false,
    ticket_download_addons: false,
    ticket_download_nonadm: true,
    reservation_time: 30,
    seating_minimal_distance: 0,
    seating_distance_within_row: false,
    seating_allow_blocked_seats_for_channel: [],
  },
};

const DATE: DateFact = {
  ...FACT,
  id: 7,
  name: { en: 'Second night', de: 'Zweite Nacht' },
  active: true,
  date_from: '2027-12-31T22:30:00Z',
  date_to: null,
  date_admission: '2027-12-31T21:30:00Z',
  location: { en: 'Old mill\nTesttown' },
  seat_category_mapping: {},
};

const item = (id: number, name: Record<string, string>, more: Partial<ItemFact> = {}): ItemFact => ({
  ...FACT,
  id,
  name,
  internal_name: null,
  description: null,
  active: true,
  category: null,
  position: id,
  admission: true,
  default_price: null,
  tax_rule: null,
  tax_rate: null,
  checkin_attention: false,
  generate_tickets: null,
  has_variations: false,
  variations: [],
  ...more,
});

const variation = (id: number, value: Record<string, string>) => ({
  id,
  value,
  active: true,
  position: 0,
  default_price: null,
  checkin_attention: false,
});

const ITEMS = [
  item(1, { en: '3-day pass', de: '3-Tage-Pass' }),
  item(2, { en: 'Day ticket' }, { description: { en: 'One <day>' }, variations: [variation(5, { en: 'Friday' })] }),
  item(4, { en: 'Camping pitch' }, { category: 3 }),
  item(6, { en: 'Locker' }, { internal_name: 'LOCK', variations: [variation(8, { en: 'Large', de: 'Groß' })] }),
];

type Change = {
  ticket?: Partial<Omit<PrintedTicket, 'facts'>>;
  facts?: Partial<Omit<PrintedTicket['facts'], 'printed'>> & Partial<typeof NAMED>;
  order?: Partial<PrintedTicket['facts']['order']>;
  event?: Partial<EventFact>;
  organizer?: OrganizerFact | undefined;
};

const NAMED: { attendee_name: string | null; attendee_name_parts: Record<string, unknown> } = {
  attendee_name: 'Ada Testmann',
  attendee_name_parts: { _scheme: 'full', full_name: 'Ada Testmann' },
};

function data(change: Change = {}): Record<string, string> {
  const { attendee_name: name, attendee_name_parts: parts, ...facts } = { ...NAMED, ...change.facts };
  const ticket: PrintedTicket = {
    date: null,
    item: 1,
    variation: null,
    ...change.ticket,
    facts: {
      positionid: 1,
      price: '149.00',
      printed: { name, parts },
      secret: 'paid1secret01abcdefgh',
      seat: null,
      addons: [],
      ...facts,
      order: { code: 'PAID1', locale: 'en', invoice: null, ...change.order },
    },
  };
  const festival: Festival = {
    key: 'demo/openair',
    fact: { ...EVENT, ...change.event },
    dates: new Map([[DATE.id, DATE]]),
    categories: new Map([[3, { ...FACT, id: 3, name: { en: 'Camping' }, position: 0 }]]),
    items: new Map(ITEMS.map((each) => [each.id, each])),
    questions: [],
    checkinQuestions: new Map(),
    quotas: new Map(),
    quotasOf: new Map(),
  };
  const organizer =
    'organizer' in change
      ? change.organizer
      : { import: 1, hash: '', organizer: 'demo', name: 'Demo Festival Society' };
  return pdfData(ticket, { festival, organizer, now: NOW });
}

const addon = (id: number, price: string, more: { variation?: number; canceled?: boolean } = {}) => ({
  item: id,
  variation: more.variation ?? null,
  price,
  canceled: more.canceled ?? false,
});

/** `rest-positions-pdf-data` of the captures, without keys that are not in contract §5.1: questions, company, city. */
const CAPTURED = {
  secret: 'paid1secret01abcdefgh',
  order: 'PAID1',
  positionid: '1',
  item: '3-day pass',
  variation: '',
  item_description: '',
  itemvar: '3-day pass',
  item_category: '',
  price: '€149.00',
  price_with_addons: '€188.00',
  attendee_name: 'Ada Testmann',
  event_name: 'Open Air Demo',
  event_date: 'July 16, 2027',
  event_date_range: 'July 16th – 18th, 2027',
  event_begin: '2027-07-16 12:00',
  event_begin_date: '2027-07-16',
  event_begin_time: '12:00',
  event_end: '2027-07-18 23:00',
  event_end_date: '2027-07-18',
  event_end_time: '23:00',
  event_admission: '',
  event_admission_time: '',
  event_location: '',
  invoice_name: '',
  invoice_company: '',
  addons: 'Camping pitch',
  organizer: 'Demo Festival Society',
  organizer_info_text: '',
  now_date: '2026-11-21',
  now_datetime: '2026-11-21 03:02',
  now_time: '',
  seat: '',
  seat_zone: '',
  seat_row: '',
  seat_number: '',
  attendee_name_full_name: 'Ada Testmann',
  invoice_name_full_name: '',
};

describe('pdfData (contract §5.1)', () => {
  test('is the captured reply, key by key in its order', () => {
    const got = data({ facts: { addons: [addon(4, '39.00')] } });
    expect(Object.entries(got)).toEqual(Object.entries(CAPTURED));
  });

  test.each<[string, Change, Record<string, string>]>([
    [
      'a German order',
      { order: { locale: 'de' }, facts: { addons: [addon(6, '1000.50', { variation: 8 })] } },
      {
        item: '3-Tage-Pass',
        price: '149,00\u00a0€',
        price_with_addons: '1.149,50\u00a0€',
        event_name: 'Freiluft-Demo',
        event_date: '16. Juli 2027',
        event_date_range: '16.–18. Juli 2027',
        event_begin: '16.07.2027 12:00',
        event_end_date: '18.07.2027',
        now_datetime: '21.11.2026 03:02',
        addons: 'LOCK - Groß',
      },
    ],
    [
      'a variation, a category, a description as it is',
      { ticket: { item: 2, variation: 5 } },
      { item: 'Day ticket', variation: 'Friday', itemvar: 'Day ticket - Friday', item_description: 'One <day>' },
    ],
    ['a category', { ticket: { item: 4 } }, { item: 'Camping pitch', item_category: 'Camping' }],
    [
      'add-ons, of which canceled ones are neither named nor paid',
      {
        facts: {
          addons: [addon(4, '0.10'), addon(1, '99.00', { canceled: true }), addon(6, '0.20', { variation: 8 })],
        },
      },
      { addons: 'Camping pitch\nLOCK - Large', price: '€149.00', price_with_addons: '€149.30' },
    ],
    [
      'a date of a series',
      { ticket: { date: 7 } },
      {
        event_name: 'Second night',
        event_date: 'Dec. 31, 2027',
        event_date_range: 'Dec. 31, 2027',
        event_begin: '2027-12-31 23:30',
        event_end: '',
        event_end_date: '',
        event_end_time: '',
        event_admission: '2027-12-31 22:30',
        event_admission_time: '22:30',
        event_location: 'Old mill\nTesttown',
        now_time: '03:02',
      },
    ],
    ['a date that nobody knows', { ticket: { date: 99 } }, { event_name: 'Open Air Demo' }],
    [
      'an item that nobody knows',
      { ticket: { item: 99, variation: 98 }, facts: { addons: [addon(97, '1.00')] } },
      { item: '', variation: '', itemvar: '', item_description: '', item_category: '', addons: '' },
    ],
    [
      'an event without dates',
      { event: { date_from: null, date_to: null } },
      { event_date: '', event_date_range: '', event_begin: '', event_begin_date: '', event_begin_time: '' },
    ],
    ['an unreadable date', { event: { date_from: 'soon' } }, { event_date: '', event_begin: '' }],
    [
      'nobody named',
      { facts: { attendee_name: null, attendee_name_parts: {} }, organizer: undefined },
      { attendee_name: '', attendee_name_full_name: '', organizer: '' },
    ],
    [
      'an invoice address, its name in parts only',
      { order: { invoice: { name: '', name_parts: { full_name: 'Eva Test' }, company: 'ACME' } } },
      { invoice_name: 'Eva Test', invoice_company: 'ACME', invoice_name_full_name: 'Eva Test' },
    ],
    [
      'another scheme',
      {
        event: { name_scheme: 'salutation_title_given_family_degree' },
        facts: { attendee_name_parts: { given_name: 'Ada', family_name: 'Testmann', title: 7, degree: null } },
      },
      {
        attendee_name_salutation: '',
        attendee_name_title: '7',
        attendee_name_given_name: 'Ada',
        attendee_name_family_name: 'Testmann',
        attendee_name_degree: '',
        invoice_name_given_name: '',
      },
    ],
    [
      'a seat',
      { facts: { seat: { id: 1, name: 'Floor, Row 3, Seat 4', seat_guid: 'x', zone_name: 'Floor', row_name: '3' } } },
      { seat: 'Floor, Row 3, Seat 4', seat_zone: 'Floor', seat_row: '3', seat_number: '' },
    ],
  ])('%s', (_case, change, expected) => {
    expect(data(change)).toMatchObject(expected);
  });

  test.each([
    ['de-informal', 'Freiluft-Demo', '149,00\u00a0€', '16. Juli 2027', '16.07.2027 12:00'],
    ['de_DE', 'Freiluft-Demo', '149,00\u00a0€', '16. Juli 2027', '16.07.2027 12:00'],
    ['en-gb', 'Open Air Demo', '€149.00', 'July 16, 2027', '2027-07-16 12:00'],
    ['nl-informal', 'Open Air Demo', '€\u00a0149,00', '16 juli 2027', '16-7-2027 12:00'],
    ['pl', 'Open Air Demo', '149,00\u00a0€', '16 lipca 2027', '16-07-2027 12:00'],
    ['da', 'Open Air Demo', '149,00\u00a0€', '16. juli 2027', '16.07.2027 12:00'],
    ['es', 'Open Air Demo', '149,00\u00a0€', '16 de julio de 2027', '16/07/2027 12:00'],
    ['fr', 'Open Air Demo', '149,00\u00a0€', '16 juillet 2027', '16/07/2027 12:00'],
  ])('an order in %s', (locale, event_name, price, event_date, event_begin) => {
    expect(data({ order: { locale } })).toMatchObject({ event_name, price, event_date, event_begin });
  });

  test.each(['', 'xx', 'tlh-informal', 'not a locale!', '-', 'C', '__proto__'])(
    'an order in %j, which nobody speaks, is printed in the language of the event',
    (locale) => {
      expect(data({ order: { locale }, event: { locale: 'de' } })).toMatchObject({
        event_name: 'Freiluft-Demo',
        price: '149,00\u00a0€',
        event_date: '16. Juli 2027',
      });
      expect(data({ order: { locale }, event: { locale } })).toMatchObject({
        event_name: 'Open Air Demo',
        event_date: 'July 16, 2027',
      });
    },
  );

  test.each([
    ['en', '2027-02-01T10:00:00Z', '2027-02-01T12:00:00Z', 'Feb. 1st, 2027'],
    ['en', '2027-02-02T10:00:00Z', '2027-02-03T12:00:00Z', 'Feb. 2nd – 3rd, 2027'],
    ['en', '2027-05-11T10:00:00Z', '2027-09-22T12:00:00Z', 'May 11th – Sept. 22nd, 2027'],
    ['en', '2027-05-12T10:00:00Z', '2027-05-13T12:00:00Z', 'May 12th – 13th, 2027'],
    ['en', '2027-05-21T10:00:00Z', '2027-05-30T12:00:00Z', 'May 21st – 30th, 2027'],
    ['en', '2027-12-31T10:00:00Z', '2028-12-31T10:00:00Z', 'Dec. 31, 2027 – Dec. 31, 2028'],
    // In the event's time zone it is already the next year.
    ['en', '2027-12-31T23:30:00Z', '2028-01-01T12:00:00Z', 'Jan. 1st, 2028'],
    ['de', '2027-02-01T10:00:00Z', '2027-02-01T12:00:00Z', '1. Februar 2027'],
    ['de', '2027-02-02T10:00:00Z', '2027-03-03T12:00:00Z', '2. Februar – 3. März 2027'],
    ['de', '2027-12-31T10:00:00Z', '2028-01-01T12:00:00Z', '31. Dezember 2027 – 1. Januar 2028'],
    ['nl', '2027-02-02T10:00:00Z', '2027-02-03T12:00:00Z', '2 februari 2027 – 3 februari 2027'],
    ['nl', '2027-02-02T10:00:00Z', '2027-02-02T12:00:00Z', '2 februari 2027'],
    ['en', '2027-02-02T10:00:00Z', null, 'Feb. 2, 2027'],
  ])('in %s %s to %s is %s', (locale, date_from, date_to, range) => {
    expect(data({ order: { locale }, event: { date_from, date_to } })['event_date_range']).toBe(range);
  });

  test.each([
    ['EUR', '90071992547409.93', '0.01', '€90,071,992,547,409.94'],
    ['EUR', '-0.50', '0.20', '-€0.30'],
    ['EUR', '0.00', '0.00', '€0.00'],
    ['BHD', '1.2345', '0.10', 'BHD\u00a01.335'],
    ['JPY', '1500.00', '500.00', '¥2,000'],
    ['EURO', '1.50', '1.00', 'EURO 2.50'],
    ['', '1.50', '-2.00', '-0.50'],
  ])('sums in %s: %s and %s are %s', (currency, price, other, total) => {
    const got = data({ event: { currency }, facts: { price, addons: [addon(4, other)] } });
    expect(got['price_with_addons']).toBe(total);
  });

  test('a zone and a scheme that nobody knows are no reason to fail', () => {
    const got = data({ event: { timezone: 'Mars/Olympus', name_scheme: 'clan' } });
    expect(got).toMatchObject({ event_begin: '2027-07-16 10:00', attendee_name: 'Ada Testmann' });
    expect(Object.keys(got).filter((key) => /_name_/.test(key))).toEqual([]);
  });
});
