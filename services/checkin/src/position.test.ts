import { requiresAttention } from '@gatehouse/admission/products';
import { ticketOf, type Ticket } from '@gatehouse/admission/tickets/lookup';
import { shownStatus } from '@gatehouse/admission/tickets/query';
import type { ShownFacts } from '@gatehouse/admission/tickets/facts';
import { endedRow, rowsOf, withNames } from '@gatehouse/admission/tickets/row';
import type { Admissions } from '@gatehouse/domain/ticket';
import type { EventFact, ItemFact, OrderFact, OrganizerFact, PositionFact } from '@gatehouse/events/reference';
import type { Principal } from '@gatehouse/service/auth';
import { shownAnswers } from '@gatehouse/shop/answers';
import type { Catalog } from '@gatehouse/shop/catalog';
import type { Festival } from '@gatehouse/shop/festival';
import { pdfData } from '@gatehouse/shop/pdf-data';
import fc from 'fast-check';
import { expanded } from './expand';
import { isDownloadable, positionText, type PositionView } from './position';

const NOW = Date.parse('2027-07-16T12:00:00Z');
const LIST = 3;

beforeAll(() => jest.useFakeTimers({ now: NOW }));
afterAll(() => jest.useRealTimers());

/** The same resource as an object, from the facts alone. */
function resourceOf(ticket: Ticket, history: Admissions, view: PositionView): Record<string, unknown> {
  const { facts } = ticket;
  const { festival, reader, newer } = view;
  const checkin = history.checkins[view.list];
  const type = reader.app === undefined && !newer ? {} : { type: 'entry' };
  const { organizer, event } = festival.fact;
  const path = `api/v1/organizers/${organizer}/events/${event}/orderpositions/${ticket.id}/download/pdf/`;
  const { seat } = facts;
  const position = {
    id: ticket.id,
    order: facts.order.code,
    positionid: facts.positionid,
    item: ticket.item,
    variation: ticket.variation,
    price: facts.price,
    attendee_name: facts.attendee_name,
    attendee_name_parts: facts.attendee_name_parts,
    attendee_email: facts.attendee_email,
    voucher: facts.voucher,
    tax_rate: facts.tax_rate,
    tax_value: facts.tax_value,
    secret: facts.secret,
    addon_to: facts.addon_to,
    subevent: ticket.date,
    checkins: checkin ? [{ datetime: checkin.datetime, list: LIST, auto_checked_in: checkin.auto, ...type }] : [],
    downloads: isDownloadable(ticket, festival) ? [{ output: 'pdf', url: `${view.baseUrl()}/${path}` }] : [],
    answers: shownAnswers(facts.answers, history.answers, (id) => festival.questions.find((each) => each.id === id)),
    tax_rule: facts.tax_rule,
    pseudonymization_id: facts.pseudonymization_id,
    ...(view.pdfData && {
      pdf_data: pdfData(ticket, { festival, organizer: ORGANIZER, now: '2027-07-16T12:00:00Z' }),
    }),
    seat: seat && { id: seat.id, name: seat.name, seat_guid: seat.seat_guid },
    ...(saysWhen(facts) && validityOf(facts)),
    require_attention: requiresAttention(ticket, festival),
    order__status: shownStatus(ticket.status),
  };
  if (!newer) return position;
  const all = {
    ...position,
    ...validityOf(facts),
    order__valid_if_pending: ticket.status === 'v',
    order__require_approval: facts.order.require_approval,
    order__locale: facts.order.locale,
  };
  return expanded(all, festival, newer.expand);
}

const saysWhen = ({ valid_from, valid_until, blocked }: ShownFacts) =>
  valid_from !== undefined || valid_until !== undefined || blocked !== undefined;
const validityOf = ({ valid_from, valid_until, blocked }: ShownFacts) => ({
  valid_from: valid_from ?? null,
  valid_until: valid_until ?? null,
  blocked: blocked ?? null,
});

const FACT = { import: 1, hash: '', organizer: 'demo', event: 'openair' };
const ORGANIZER: OrganizerFact = { import: 1, hash: '', organizer: 'demo', name: 'Demo "Festival" Society' };

/** Any text that is stored, with what JSON escapes and what separates the parts of the prepared text. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '"',
        '\\',
        '\u0001',
        '\n',
        '\u2028',
        '\u007f',
        '🎪',
        '\u{10FFFF}',
        ',',
        '{',
        'null',
        'ß',
        '</script>',
      ),
      fc.string({ unit: 'grapheme', maxLength: 4 }),
    ),
    { maxLength: 4 },
  )
  .map((parts) => parts.join('').replace(/\0|\p{Surrogate}/gu, ''));
const id = fc.integer({ min: 1, max: 5 });
const orNull = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });
const instant = fc.constantFrom('2027-07-16T12:00:00Z', '2027-07-18T21:00:00.000001Z');
const money = fc.constantFrom('0.00', '149.00', '-3.50');
const parts = fc.oneof(
  fc.constant({}),
  fc.record({ _scheme: fc.constant('given_family'), given_name: text, family_name: text }),
  fc.dictionary(fc.oneof(text, fc.constantFrom('1', '0', '_scheme', 'full_name', '__proto__')), fc.jsonValue()),
) as fc.Arbitrary<Record<string, unknown>>;
const answers = fc.array(
  fc.record({
    question: id,
    answer: text,
    question_identifier: text,
    options: fc.array(id, { maxLength: 2 }),
    option_identifiers: fc.array(text, { maxLength: 2 }),
  }),
  { maxLength: 3 },
);
const seat = fc.record({
  ...{ id, name: text, seat_guid: text, zone_name: text, row_name: text, seat_number: text },
});

const position = (place: number): fc.Arbitrary<PositionFact> =>
  fc.record(
    {
      ...{ id: fc.constant(100 + place), positionid: fc.constant(place + 1), item: id, variation: orNull(id) },
      ...{ subevent: orNull(id), price: money, tax_rate: money, tax_value: money, tax_rule: orNull(id) },
      ...{ attendee_name: orNull(text), attendee_name_parts: parts, attendee_email: orNull(text) },
      ...{ voucher: orNull(id), addon_to: place === 0 ? fc.constant(null) : orNull(fc.constant(100)) },
      ...{ secret: text, pseudonymization_id: text, seat: orNull(seat), canceled: fc.boolean(), answers },
      ...{ checkins: fc.constant([]), blocked: fc.array(text, { maxLength: 2 }) },
      ...{ valid_from: instant, valid_until: instant },
    },
    {
      requiredKeys: [
        ...([
          'id',
          'positionid',
          'item',
          'variation',
          'subevent',
          'price',
          'tax_rate',
          'tax_value',
          'tax_rule',
        ] as const),
        ...(['attendee_name', 'attendee_name_parts', 'attendee_email', 'voucher', 'addon_to', 'secret'] as const),
        ...(['pseudonymization_id', 'seat', 'canceled', 'answers', 'checkins'] as const),
      ],
    },
  );

const order = fc.record(
  {
    ...{ import: fc.constant(1), hash: fc.constant(''), organizer: fc.constant('demo'), event: fc.constant('openair') },
    ...{ code: text, status: fc.constantFrom('n', 'p', 'e', 'c'), testmode: fc.boolean(), email: orNull(text) },
    ...{ datetime: instant, sales_channel: text, locale: fc.constantFrom('en', 'de-informal', '"', 'de_DE') },
    ...{ require_approval: fc.boolean(), checkin_attention: fc.boolean(), valid_if_pending: fc.constant(true) },
    invoice_address: orNull(fc.record({ name: text, name_parts: parts, company: text })),
    positions: fc.tuple(position(0), position(1), position(2)),
  },
  { requiredKeys: ['import', 'hash', 'organizer', 'event', 'code', 'status', 'testmode', 'email', 'datetime', 'sales_channel', 'locale', 'require_approval', 'checkin_attention', 'invoice_address', 'positions'] }, // prettier-ignore
) as unknown as fc.Arbitrary<OrderFact>;

const history: fc.Arbitrary<Admissions> = fc
  .record({
    checkins: fc.dictionary(
      fc.constantFrom('3', '4'),
      fc.record({ datetime: instant, auto: fc.boolean(), nonces: fc.constant([]) }),
    ),
    answers: fc.dictionary(
      fc.constantFrom('1', '2', '5'),
      fc.record({ answer: orNull(text), options: fc.array(id, { maxLength: 2 }) }),
    ),
  })
  .map((some) => ({ ...some, passages: {}, imported: [], autoAdmitted: [] }));

const item = (n: number, more: Partial<ItemFact>): ItemFact => ({
  ...{
    ...FACT,
    id: n,
    name: { en: `Pass ${n}` },
    internal_name: null,
    description: null,
    active: true,
    category: null,
  },
  ...{
    position: n,
    admission: n !== 2,
    default_price: null,
    tax_rule: null,
    tax_rate: null,
    checkin_attention: n === 3,
  },
  ...{ generate_tickets: null, has_variations: false, variations: [], ...more },
});
const ITEMS = [item(1, {}), item(2, { given: { id: 2, variations: [{ id: 1, value: { en: 'x' } }] } }), item(3, {})];

const festival = fc
  .record({ download: fc.boolean(), pending: fc.boolean(), addons: fc.boolean(), nonadm: fc.boolean() })
  .map(({ download, pending, addons, nonadm }): Festival => {
    const fact: EventFact = {
      ...{ ...FACT, name: { en: 'Open Air' }, has_subevents: false, date_from: '2027-07-16T12:00:00+02:00' },
      ...{ date_to: null, date_admission: '2027-07-16T10:00:00Z', location: null, currency: 'EUR', locale: 'en' },
      ...{ timezone: 'Europe/Berlin', locales: ['en', 'de'], name_scheme: 'given_family', public_url: null },
      seat_category_mapping: {},
      settings: {
        ...{ ticket_download: download, ticket_download_pending: pending, ticket_download_addons: addons },
        ...{ ticket_download_nonadm: nonadm, reservation_time: 30, seating_minimal_distance: 0 },
        ...{ seating_distance_within_row: false, seating_allow_blocked_seats_for_channel: [] },
      },
    };
    const question = {
      ...{ ...FACT, id: 1, question: { en: 'Meal' }, type: 'C', required: false, position: 0, items: [1] },
      ...{ ask_during_checkin: true, identifier: 'ME"AL', dependency_question: null, dependency_values: [] },
      options: [{ id: 1, identifier: 'VE\\GAN', answer: { en: 'Vegan' }, position: 0 }],
    };
    return {
      ...{ key: 'demo/openair', fact, dates: new Map(), categories: new Map() },
      ...{ items: new Map(ITEMS.map((each) => [each.id, each])), checkinQuestions: new Map() },
      ...{ questions: [question as unknown as Festival['questions'][number]], quotas: new Map(), quotasOf: new Map() },
    };
  });

const view = fc
  .record({
    festival,
    pdfData: fc.boolean(),
    app: fc.constantFrom(undefined, 'pretixSCAN'),
    expand: fc.option(fc.subarray(['item', 'variation', 'subevent', 'answers.question', 'x']), { nil: undefined }),
    host: fc.constantFrom('http://gate.test', 'https://a"b'),
  })
  .map(({ app, expand, host, ...rest }): PositionView => {
    const reader = { kind: 'device', id: 1, ...(app === undefined ? {} : { app }) } as Principal;
    const catalog = { organizer: () => ORGANIZER } as unknown as Catalog;
    const newer = expand === undefined ? {} : { newer: { expand: new Set(expand) } };
    return { ...rest, ...newer, catalog, list: LIST, baseUrl: () => host, reader };
  });

const SCHEMES = fc.constantFrom('full', 'given_family', 'family_comma_given', 'unknown');

/** What PostgreSQL returns of rows that were written, as the driver and `rename` read it. */
const stored = <T>(row: T): T => JSON.parse(JSON.stringify(row)) as T;

test('contract §5.1 the prepared text is byte for byte the resource of the facts, whatever has happened to the ticket', () => {
  fc.assert(
    fc.property(order, order, fc.array(SCHEMES, { minLength: 1, maxLength: 3 }), fc.boolean(), history, view,
      (stated, later, [scheme, ...renamings], isEnded, admissions, shown) => {
        for (const made of rowsOf(stated, scheme!, 'order-demo/X')) {
          let row = stored(made);
          if (isEnded) row = stored(endedRow(row, later, scheme!));
          for (const next of renamings) row = stored(withNames(row, next));
          const { prepared, facts, event } = row;
          const ticket = ticketOf({ event, prepared, facts: JSON.stringify(facts), revision: 0, state: null });
          expect({ ...ticket, date: ticket.date ?? 0, variation: ticket.variation ?? 0 }).toMatchObject({
            ...{ id: row.id, date: row.date, item: row.item, variation: row.variation, status: row.status },
            prepared: {
              blocked: facts.blocked !== undefined,
              unapproved: facts.order.require_approval,
              attention: facts.order.checkin_attention,
              isAddon: facts.addon_to !== null,
              validFrom: facts.valid_from,
              validUntil: facts.valid_until,
              answers: JSON.stringify(facts.answers),
            },
          });
          expect(positionText(ticket, admissions, shown)).toBe(JSON.stringify(resourceOf(ticket, admissions, shown)));
        }
      }), // prettier-ignore
    { numRuns: 300 },
  );
});
