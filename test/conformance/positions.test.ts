import { checkin } from '@gatehouse/checkin/service';
import type { Answer } from '@gatehouse/service/testing';
import {
  CROWD,
  DATES,
  ITEMS,
  LISTS,
  OPENAIR,
  QUESTIONS,
  SEAT,
  SURVEY,
  TICKETS,
  TOKENS,
  TOURS,
  VARIATIONS,
  VOUCHER,
  BOUGHT_QUESTION,
  festival,
  named,
  order,
  position,
  type OrderFields,
} from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { scan } from './scans';

/* Positions of a check-in list: contract §5, §1.9 and the decisions at its head. */

type Shown = { readonly id: number; readonly [key: string]: unknown };
type Page = { count: number; next: string | null; previous: string | null; results: Shown[] };

/** The event and list of a request for positions. */
type At = { readonly event?: string; readonly list?: number; readonly query?: string };

let system: System;

const ROOM = `${OPENAIR.replace('openair', 'room')}`;
const ROOM_LIST = 70_000;
const ROOM_PENDING = 70_001;
const ROOM_ITEM = 70_002;

/** An event for ordering and searching: only its tickets' names matter. Ids ascend against every tested ordering. */
const guests: { id: number; order: ReturnType<typeof order> }[] = [];
function guest(
  code: string,
  datetime: string,
  tickets: readonly Readonly<Record<string, unknown>>[],
  fields: OrderFields = {},
): number[] {
  const ids = tickets.map((_, i) => 70_900 - guests.length * 10 - i);
  const positions = tickets.map((ticket, i) =>
    position(
      { id: ids[i]!, secret: `${code.toLowerCase()}-${i + 1}-secret` },
      { item: ROOM_ITEM, ...ticket, ...('addon' in ticket ? { addon_to: ids[0] } : {}) },
    ),
  );
  guests.push({ id: ids[0]!, order: order(code, { datetime, ...fields }, positions) });
  return ids;
}
const [bob] = guest('DORA4', '2027-06-01T10:00:04Z', [named('bob')], { email: 'delta@example.org' }) as [number];
const [alice, alicesAddon, alicesNamedAddon] = guest(
  'CLEO3',
  '2027-06-01T10:00:05.000001Z',
  [{ ...named('Alice'), attendee_email: 'Wonder@Land.example' }, { addon: true }, { addon: true, ...named('Åke') }],
  { email: 'Charlie@example.org' },
) as [number, number, number];
const [aeroe] = guest('BERT2', '2027-06-01T10:00:05Z', [named('ærø ÆRØ')], { email: 'Bravo_1%@example.org' }) as [
  number,
];
const [zoe, zoeToo] = guest('ANNA1', '2027-06-01T10:00:06Z', [named('Zoë'), named('ZOË')]) as [number, number];
const [nobody] = guest('ERNA5', '2027-06-01T10:00:01Z', [{}], {
  email: 'alpha@example.org',
  invoice_address: { name: 'Jürgen Groß', name_parts: { _legacy: 'Jürgen Groß' }, company: 'Widget Works' },
}) as [number];
const [percent] = guest('FINN6', '2027-06-01T10:00:02Z', [named('100% under_score back\\slash')]) as [number];
const [pending] = guest('GERD7', '2027-06-01T10:00:03Z', [named('pia pending')], { status: 'n' }) as [number];
const [gone] = guest('HANS8', '2027-06-01T10:00:07Z', [named('carl canceled')], { status: 'c' }) as [number];
const [late] = guest('JOHN9', '2027-06-01T10:00:08Z', [named('emil expired')], { status: 'e' }) as [number];

function room() {
  const list = { all_products: true, limit_products: [], subevent: null };
  return {
    'demo/events/room/event.json': { slug: 'room', name: { en: 'Room' }, has_subevents: false, currency: 'EUR' },
    'demo/events/room/items.json': [{ id: ROOM_ITEM, name: { en: 'Seat' }, admission: true, active: true }],
    'demo/events/room/checkinlists.json': [
      { id: ROOM_LIST, name: 'Door', ...list, include_pending: false },
      { id: ROOM_PENDING, name: 'Desk', ...list, include_pending: true },
    ],
    'demo/events/room/orders.ndjson': guests.map((each) => each.order),
  };
}

const get = (target: string): Promise<Answer> => system.call('GET', target, { token: TOKENS.viewer });
const ask = async (query: string, { event = ROOM, list = ROOM_LIST } = {}): Promise<number[]> => {
  const { status, body } = await get(`${event}checkinlists/${list}/positions/?${query}`);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  const { count, results } = body as Page;
  expect(count).toBe(results.length);
  return results.map(({ id }) => id);
};
const ids = async (...sought: Parameters<typeof ask>): Promise<number[]> =>
  (await ask(...sought)).sort((a, b) => b - a);
const refused = async (query: string): Promise<unknown> => {
  const { status, body } = await get(`${OPENAIR}checkinlists/${LISTS.main}/positions/?${query}`);
  expect(status).toBe(400);
  return body;
};

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import({ ...festival(), ...room() });
  for (const [ticket, datetime] of [
    [alice, '2027-07-02T10:00:00.000002Z'],
    [bob, '2027-07-02T10:00:00.000001Z'],
    [zoeToo, '2027-07-01T10:00:00Z'],
  ] as const) {
    await scan(system, { event: ROOM, list: ROOM_LIST, ticket }, { token: TOKENS.admin, json: { datetime } });
  }
  await scan(system, { event: ROOM, list: ROOM_PENDING, ticket: aeroe }, { token: TOKENS.admin, json: {} });
});
afterAll(() => system.close());

describe('§5.1: the resource', () => {
  const detail = async (ticket: { id: number }, { event = OPENAIR, list = LISTS.main, query = '' }: At = {}) =>
    (await get(`${event}checkinlists/${list}/positions/${ticket.id}/${query}`)).body as Shown;

  test('a ticket with everything: all keys, in order', async () => {
    const { text } = await get(`${OPENAIR}checkinlists/${LISTS.main}/positions/${TICKETS.ada.id}/`);
    expect(text).toBe(
      JSON.stringify({
        id: TICKETS.ada.id,
        order: 'ADA01',
        positionid: 1,
        item: ITEMS.pass,
        variation: null,
        price: '89.00',
        attendee_name: 'Ada Lovelace',
        attendee_name_parts: { _scheme: 'given_family', given_name: 'Ada', family_name: 'Lovelace' },
        attendee_email: 'lovelace@example.org',
        voucher: null,
        tax_rate: '19.00',
        tax_value: '14.21',
        secret: TICKETS.ada.secret,
        addon_to: null,
        subevent: null,
        checkins: [],
        downloads: [{ output: 'pdf', url: `${system.url}${OPENAIR}orderpositions/${TICKETS.ada.id}/download/pdf/` }],
        answers: [
          {
            question: BOUGHT_QUESTION.id,
            answer: 'In the newspaper',
            question_identifier: BOUGHT_QUESTION.identifier,
            options: [],
            option_identifiers: [],
          },
        ],
        tax_rule: 1,
        pseudonymization_id: `PSEUDO${TICKETS.ada.id}`,
        seat: { id: SEAT.id, name: SEAT.name, seat_guid: SEAT.seat_guid },
        require_attention: false,
        order__status: 'p',
      }),
    );
  });
  test('a ticket of a date, with variation, and one with a voucher', async () => {
    expect(await detail(TICKETS.morning, { event: TOURS, list: LISTS.morning })).toMatchObject({
      subevent: DATES.morning,
      variation: VARIATIONS.adult,
      seat: null,
    });
    expect(await detail(TICKETS.voucher)).toMatchObject({ voucher: VOUCHER.id, attendee_email: 'Vera@Example.org' });
    expect(await detail(TICKETS.adasParking)).toMatchObject({ addon_to: TICKETS.ada.id, positionid: 2 });
  });
  test('pdf_data is a flat object of texts, only for exactly `true`', async () => {
    const { pdf_data } = await detail(TICKETS.ada, { query: '?pdf_data=true' });
    expect(pdf_data).toMatchObject({ secret: TICKETS.ada.secret, attendee_name: 'Ada Lovelace', seat: SEAT.name });
    expect(Object.values(pdf_data as object).every((value) => typeof value === 'string')).toBe(true);
    for (const value of ['True', '1', 'false', '']) {
      expect(await detail(TICKETS.ada, { query: `?pdf_data=${value}` })).not.toHaveProperty('pdf_data');
    }
    const { results } = (await get(`${OPENAIR}checkinlists/${LISTS.main}/positions/?pdf_data=true`)).body as Page;
    expect(results.every((shown) => 'pdf_data' in shown)).toBe(true);
  });
  test.each<[string, { id: number }, string | null, object]>([
    ['its own name', TICKETS.graceShirt, 'Grace Hopper', { _legacy: 'Grace Hopper' }],
    [
      "its parent's name and parts",
      TICKETS.adasParking,
      'Ada Lovelace',
      { _scheme: 'given_family', given_name: 'Ada', family_name: 'Lovelace' },
    ],
    ["the invoice's name and parts", TICKETS.invoice, 'Jürgen Groß', { _legacy: 'Jürgen Groß' }],
    ['the empty text of an invoice without a name', TICKETS.namelessInvoice, '', {}],
    ['null without an invoice', TICKETS.nameless, null, {}],
  ])('§2.2: %s', async (_name, ticket, attendee_name, attendee_name_parts) => {
    expect(await detail(ticket)).toMatchObject({ attendee_name, attendee_name_parts });
  });
  test('checkins: of this list only', async () => {
    expect((await detail(TICKETS.entered))['checkins']).toEqual([
      { datetime: '2027-07-01T10:00:00.123456Z', list: LISTS.main, auto_checked_in: false },
    ]);
    expect((await detail(TICKETS.enteredByItself))['checkins']).toMatchObject([{ auto_checked_in: true }]);
    expect((await detail(TICKETS.entered, { list: LISTS.pending }))['checkins']).toEqual([]);
  });
  test('answers: those given at a gate replace the bought ones, question by question, with option identifiers', async () => {
    const { required } = QUESTIONS.C;
    const option = required.options[1]!;
    const sent = { token: TOKENS.admin, json: { answers: { [required.question]: option } } };
    await scan(system, { event: SURVEY, list: LISTS.survey, ticket: required.ticket.id }, sent);
    expect((await detail(required.ticket, { event: SURVEY, list: LISTS.survey }))['answers']).toEqual([
      {
        question: required.question,
        answer: 'Medium',
        question_identifier: required.identifier,
        options: [option],
        option_identifiers: [`OPT${option}`],
      },
    ]);
  });
  test.each([
    ['of the product', TICKETS.vip, true],
    ['of the order', TICKETS.attentionOrder, true],
    ['of neither', TICKETS.loose, false],
  ])('require_attention %s', async (_name, ticket, require_attention) => {
    expect(await detail(ticket)).toMatchObject({ require_attention });
  });
});

describe('§5.2: what is on a list', () => {
  const has = async (ticket: { id: number }, list: number, query = '') =>
    (
      await get(`${OPENAIR}checkinlists/${list}/positions/?search=&${query}`).then(({ body }) => body as Page)
    ).results.some(({ id }) => id === ticket.id);

  test('paid tickets, pending ones where the list includes them, canceled ones never', async () => {
    expect(await has(TICKETS.ada, LISTS.main)).toBe(true);
    expect(await has(TICKETS.test, LISTS.main)).toBe(true);
    expect(await has(TICKETS.pending, LISTS.main)).toBe(false);
    expect(await has(TICKETS.pending, LISTS.pending)).toBe(true);
    for (const list of [LISTS.main, LISTS.pending]) {
      expect(await has(TICKETS.expired, list)).toBe(false);
      expect(await has(TICKETS.canceledOrder, list)).toBe(false);
      expect(await has(TICKETS.adasCanceled, list, 'ignore_status=true')).toBe(false);
      expect(await has(TICKETS.enteredAndCanceled, list, 'ignore_status=true')).toBe(false);
    }
  });
  test('ignore_status, written just `true`, drops the condition on the status', async () => {
    for (const ticket of [TICKETS.pending, TICKETS.expired, TICKETS.canceledOrder]) {
      expect(await has(ticket, LISTS.main, 'ignore_status=true')).toBe(true);
      for (const not of ['True', '1', 'false', ''])
        expect(await has(ticket, LISTS.main, `ignore_status=${not}`)).toBe(false);
    }
  });
  test('only products of the list', async () => {
    expect(await has(TICKETS.ada, LISTS.passes)).toBe(true);
    expect(await has(TICKETS.friday, LISTS.passes)).toBe(false);
    expect(await has(TICKETS.friday, LISTS.passes, 'ignore_status=true')).toBe(false);
    expect(await has(TICKETS.pendingShirt, LISTS.merchandise)).toBe(true);
  });
  test('only tickets of its date; of none on a list of a series without a date', async () => {
    expect(await ask('', { event: TOURS, list: LISTS.morning })).toEqual([TICKETS.morning.id]);
    expect(await ask('', { event: TOURS, list: LISTS.evening })).toEqual([TICKETS.evening.id]);
    expect(await ask('ignore_status=true', { event: TOURS, list: LISTS.dateless })).toEqual([]);
  });
  test.each([
    ['an unknown list', '999999'],
    ['a list of another event', String(LISTS.morning)],
    ['no number', 'abc'],
    ['a number beyond every id', '9'.repeat(30)],
  ])('%s: 404, before the query is looked at', async (_name, list) => {
    const { status, body } = await get(`${OPENAIR}checkinlists/${list}/positions/?item=x`);
    expect({ status, body }).toEqual({ status: 404, body: { detail: 'Not found.' } });
  });
});

describe('§5.2: ordering', () => {
  // Folded code points: 1 < a < b < z < å < æ.
  const byName = [percent, alice, bob, zoe, zoeToo, alicesNamedAddon, aeroe, nobody, alicesAddon];

  test('by default the own name by its folded code points, then positionid; those without a name last', async () => {
    expect(await ask('')).toEqual(byName);
  });
  test.each(['foo', '-foo', '', ',', 'id', 'Order__code', '--positionid'])('ordering=%s is none', async (ordering) => {
    expect(await ask(`ordering=${ordering}`)).toEqual(await ask(''));
  });
  // Ties are broken by the id, which grows from the last guest to the first.
  const orders: Record<string, readonly number[]> = {
    order__code: [zoeToo, zoe, aeroe, alicesNamedAddon, alicesAddon, alice, bob, nobody, percent],
    '-order__code': [percent, nobody, bob, alicesNamedAddon, alicesAddon, alice, aeroe, zoeToo, zoe],
    order__datetime: [nobody, percent, bob, aeroe, alicesNamedAddon, alicesAddon, alice, zoeToo, zoe],
    '-order__datetime': [zoeToo, zoe, alicesNamedAddon, alicesAddon, alice, aeroe, bob, percent, nobody],
    'positionid,-order__code': [percent, nobody, bob, alice, aeroe, zoe, alicesAddon, zoeToo, alicesNamedAddon],
    '-positionid,order__code': [alicesNamedAddon, zoeToo, alicesAddon, zoe, aeroe, alice, bob, nobody, percent],
    // Own name, else the parent's (no invoice); missing ones first, and last in descending order.
    'attendee_name,positionid': [nobody, percent, alice, alicesAddon, bob, zoe, zoeToo, alicesNamedAddon, aeroe],
    '-attendee_name,positionid': [aeroe, alicesNamedAddon, zoe, zoeToo, bob, alice, alicesAddon, percent, nobody],
    'last_checked_in,order__code,positionid': [
      zoe,
      aeroe,
      alicesAddon,
      alicesNamedAddon,
      nobody,
      percent,
      zoeToo,
      bob,
      alice,
    ],
    '-last_checked_in,order__code,positionid': [
      alice,
      bob,
      zoeToo,
      zoe,
      aeroe,
      alicesAddon,
      alicesNamedAddon,
      nobody,
      percent,
    ],
    'order__email,order__code,positionid': [
      zoe,
      zoeToo,
      percent,
      nobody,
      aeroe,
      alice,
      alicesAddon,
      alicesNamedAddon,
      bob,
    ],
    '-order__email,order__code,positionid': [
      bob,
      alice,
      alicesAddon,
      alicesNamedAddon,
      aeroe,
      nobody,
      zoe,
      zoeToo,
      percent,
    ],
    'foo,-order__datetime,bar': [zoeToo, zoe, alicesNamedAddon, alicesAddon, alice, aeroe, bob, percent, nobody],
  };
  test.each(Object.entries(orders))('ordering=%s', async (ordering, expected) => {
    expect(await ask(`ordering=${ordering}`)).toEqual(expected);
  });
});

describe('§5.2: search', () => {
  const whole = (text: string) => `search=${encodeURIComponent(text)}`;
  test.each<[string, string, number[]]>([
    ['the start of a secret', 'dora4-1-s', [bob]],
    ['the start of a secret, whatever its case', 'DORA4-1-S', [bob]],
    ['not the middle of a secret', '-1-secret', []],
    ['a part of the own name', 'ob', [bob]],
    ['a part of the parent’s name, too', 'alic', [alice, alicesAddon, alicesNamedAddon]],
    ['a part of the own e-mail, and of the parent’s', 'wonder@land', [alice, alicesAddon, alicesNamedAddon]],
    ['the start of an order code, whatever its case', 'cLEO', [alice, alicesAddon, alicesNamedAddon]],
    ['not the middle of an order code', 'leo3', []],
    ['a part of the name of the invoice address', 'rgen gr', [nobody]],
    ['not the company of the invoice address', 'widget', []],
    ['a part of the e-mail of the order', 'HARLIE@', [alice, alicesAddon, alicesNamedAddon]],
    ['nothing that is there', 'zzzz', []],
    ['letters beyond ASCII in another case', 'ÆRØ Ærø', [aeroe]],
    ['umlauts in another case', 'JÜRGEN', [nobody]],
    ['sharp s as two', 'GROSS', [nobody]],
    ['a letter with a diaeresis', 'ZOË', [zoe, zoeToo]],
    ['the same, decomposed', 'ZOE\u0308', [zoe, zoeToo]],
    ['a percent sign is one', '0% u', [percent]],
    ['a percent sign is no wildcard', 'b%b', []],
    ['an underscore is one', 'under_score', [percent]],
    ['an underscore is no wildcard', 'b_b', []],
    ['a backslash is one', 'back\\slash', [percent]],
    ['a percent sign in an e-mail', '_1%@', [aeroe]],
    ['a percent sign alone', '%', [aeroe, percent]],
    ['white space around it does not count', '  bob  ', [bob]],
    ['one letter', 'b', [bob, aeroe, percent]],
    ['a quote', "'", []],
  ])('%s', async (_name, text, expected) => {
    const found = await ids(whole(text));
    expect(found).toEqual([...expected].sort((a, b) => b - a));
  });
  test('empty and blank ones are none', async () => {
    expect(await ask('search=')).toHaveLength(9);
    expect(await ask('search=%20')).toHaveLength(9);
  });
  test('keeps to the list: its status, unless it is ignored, and its products', async () => {
    expect(await ask('search=pia')).toEqual([]);
    expect(await ask('search=pia', { list: ROOM_PENDING })).toEqual([pending]);
    expect(await ids('search=c&ignore_status=true')).toEqual(expect.arrayContaining([gone, alice]));
    expect(await ask('search=carl&ignore_status=true')).toEqual([gone]);
  });
});

describe('§5.2: filters', () => {
  const CHOICE = ['Select a valid choice. That choice is not one of the available choices.'];
  const { ada, adasParking, graceShirt, friday, saturday, voucher, entered, enteredByItself } = TICKETS;
  const openair = (query: string, list: number = LISTS.main) => ids(query, { event: OPENAIR, list });
  const of = (...tickets: { id: number }[]) => tickets.map(({ id }) => id).sort((a, b) => b - a);

  test.each<[string, { id: number }[]]>([
    [`item=${ITEMS.shirt}`, [graceShirt]],
    [`item__in=${ITEMS.shirt},${ITEMS.parking}`, [graceShirt, adasParking]],
    [`item__in=${ITEMS.shirt}`, [graceShirt]],
    [`item=${ITEMS.tour}`, []],
    [`variation=${VARIATIONS.friday}`, [friday]],
    [`variation__in=${VARIATIONS.friday},${VARIATIONS.saturday}`, [friday, saturday]],
    [`addon_to=${ada.id}`, [adasParking, graceShirt]],
    [`addon_to__in=${ada.id},${friday.id}`, [adasParking, graceShirt]],
    [`addon_to=${TICKETS.fair.id}`, []],
    [`voucher=${VOUCHER.id}`, [voucher]],
    [`voucher__code=${VOUCHER.code}`, [voucher]],
    ['voucher__code=friend', []],
    ['voucher__code=nothing', []],
    ['order=ADA01', [ada, adasParking, graceShirt]],
    ['order=ada01', [ada, adasParking, graceShirt]],
    ['order=ADA0', []],
    ['attendee_name=Ada%20Lovelace', [ada, adasParking, graceShirt]],
    ['attendee_name=ADA%20LOVELACE', [ada, adasParking, graceShirt]],
    ['attendee_name=Ada', []],
    ['attendee_name=Grace%20Hopper', [graceShirt]],
    ['attendee_name=J%C3%BCrgen%20Gro%C3%9F', []],
    ['attendee_name=%C3%86R%C3%98SK%C3%98BING%20%C3%B8', [friday]],
    [`secret=${ada.secret}`, [ada]],
    [`secret=${ada.secret.toUpperCase()}`, []],
    [`secret=${ada.secret.slice(0, 5)}`, []],
    [`pseudonymization_id=PSEUDO${ada.id}`, [ada]],
    [`pseudonymization_id=pseudo${ada.id}`, []],
    ['order__status=n', []],
    ['order__status__in=n', []],
    ['has_checkin=true', [entered, enteredByItself]],
    ['has_checkin=1', [entered, enteredByItself]],
    ['has_checkin=TRUE', [entered, enteredByItself]],
    [`item=${ITEMS.pass}&order=ADA01&has_checkin=false`, [ada]],
    [`item=${ITEMS.pass}&order=ADA01&has_checkin=true`, []],
    [`item=${ITEMS.shirt}&item__in=${ITEMS.pass},${ITEMS.parking}`, []],
    [`item=${ITEMS.shirt}&item__in=${ITEMS.shirt},${ITEMS.parking}`, [graceShirt]],
    ['search=ada&attendee_name=Grace%20Hopper', [graceShirt]],
  ])('%s', async (query, expected) => {
    expect(await openair(query)).toEqual(of(...expected));
  });

  test('of the order’s status, and with the status of the list', async () => {
    const pendings = of(TICKETS.pending, TICKETS.pendingShirt);
    expect(await openair('order__status=n', LISTS.pending)).toEqual(pendings);
    expect(await openair('order__status=n&ignore_status=true')).toEqual(pendings);
    expect(await openair('order__status__in=n,e&ignore_status=true')).toEqual(
      of(TICKETS.pending, TICKETS.pendingShirt, TICKETS.expired),
    );
    expect(await openair('order__status=n&order__status__in=p,n', LISTS.pending)).toEqual(pendings);
    expect(await openair('order__status=n&order__status__in=p', LISTS.pending)).toEqual([]);
  });
  test('order__status__in is not validated: unknown letters match nothing', async () => {
    expect(await openair('order__status__in=x')).toEqual([]);
    expect(await openair('order__status__in=x,n,', LISTS.pending)).toEqual(of(TICKETS.pending, TICKETS.pendingShirt));
    expect(await openair('order__status__in=P')).toEqual([]);
  });
  test('has_checkin looks at this list only, and other words for it are none', async () => {
    const all = await openair('');
    const without = await openair('has_checkin=false');
    expect([...without, ...of(entered, enteredByItself)].sort((a, b) => b - a)).toEqual(all);
    expect(await openair('has_checkin=0')).toEqual(without);
    expect(await openair('has_checkin=true', LISTS.pending)).toEqual([]);
    for (const word of ['yes', 'None', '2', '']) expect(await openair(`has_checkin=${word}`)).toEqual(all);
  });
  test('subevent is combined with the list’s date', async () => {
    const tours = (query: string) => ids(query, { event: TOURS, list: LISTS.morning });
    expect(await tours(`subevent=${DATES.morning}`)).toEqual(of(TICKETS.morning));
    expect(await tours(`subevent=${DATES.evening}`)).toEqual([]);
    expect(await tours(`subevent__in=${DATES.evening},${DATES.morning}`)).toEqual(of(TICKETS.morning));
    expect(await openair(`subevent=${DATES.morning}`)).toEqual([]);
  });
  test('empty values are none', async () => {
    const names =
      'item item__in variation variation__in subevent subevent__in addon_to addon_to__in voucher order search attendee_name secret pseudonymization_id voucher__code order__status order__status__in has_checkin ordering';
    const empty = names
      .split(' ')
      .map((name) => `${name}=`)
      .join('&');
    expect(await ask(empty, { event: OPENAIR, list: LISTS.main })).toEqual(
      await ask('', { event: OPENAIR, list: LISTS.main }),
    );
  });
  test('of a repeated parameter the last one counts, and unknown ones are ignored', async () => {
    expect(await openair(`item=${ITEMS.pass}&item=${ITEMS.shirt}&foo=bar&item__foo=x`)).toEqual(of(graceShirt));
  });

  test.each([
    'item',
    'variation',
    'subevent',
    'addon_to',
    'voucher',
    'item__in',
    'variation__in',
    'subevent__in',
    'addon_to__in',
  ])('%s: an id that nobody has, or no number', async (name) => {
    for (const value of [
      '999999',
      'abc',
      '-1',
      '1.5',
      '0',
      '9'.repeat(30),
      '2147483648',
      '9223372036854775808',
      '١٢',
    ]) {
      expect(await refused(`${name}=${encodeURIComponent(value)}`)).toEqual({ [name]: CHOICE });
    }
    if (name.endsWith('__in')) expect(await refused(`${name}=${ITEMS.pass},x`)).toEqual({ [name]: CHOICE });
  });
  test('errors of all filters are told together', async () => {
    expect(await refused('item=x&order__status=paid&voucher=y')).toEqual({
      item: CHOICE,
      voucher: CHOICE,
      order__status: ['Select a valid choice. paid is not one of the available choices.'],
    });
  });
  test.each([
    'search',
    'order',
    'attendee_name',
    'secret',
    'item',
    'order__status__in',
    'has_checkin',
    'ordering',
    'ignore_status',
    'pdf_data',
  ])('a NUL in %s', async (name) => {
    expect(await refused(`${name}=a%00b`)).toEqual({ [name]: ['Null characters are not allowed.'] });
  });
  test('a NUL in what nobody reads', async () => {
    expect(await openair('foo=%00&order=ADA01')).toHaveLength(3);
  });
  test('what is no UTF-8, or half a surrogate pair, finds nothing and breaks nothing', async () => {
    expect(await openair('search=%FF%FE')).toEqual([]);
    expect(await openair('search=%ED%A0%80')).toEqual([]);
    expect(await openair('order=%F0%9F%8E%AA')).toEqual([]);
    expect(await openair(`search=${'x'.repeat(5000)}`)).toEqual([]);
    expect(await openair('attendee_name=%F4%8F%BF%BF')).toEqual([]);
  });
});

describe('§1.8: pages', () => {
  const positions = `${CROWD}checkinlists/${LISTS.crowd}/positions/`;
  const page = async (query: string) => (await get(`${positions}${query}`)).body as Page;
  const url = (query: string) => `${system.url}${positions}${query}`;

  test('50 at a time, with links that keep the query; walking them meets every ticket once', async () => {
    const first = await page('?ordering=-order__code');
    expect(Object.keys(first)).toEqual(['count', 'next', 'previous', 'results']);
    expect(first).toMatchObject({ count: 120, next: url('?ordering=-order__code&page=2'), previous: null });
    const second = await page('?ordering=-order__code&page=2');
    expect(second).toMatchObject({
      next: url('?ordering=-order__code&page=3'),
      previous: url('?ordering=-order__code'),
    });
    const last = await page('?ordering=-order__code&page=last');
    expect(last).toMatchObject({ next: null, previous: url('?ordering=-order__code&page=2') });
    const all = [first, second, last].flatMap(({ results }) => results.map(({ id }) => id));
    expect(all).toEqual(Array.from({ length: 120 }, (_, i) => TICKETS.crowdFirst.id + 119 - i));
  });
  test('pages of the default order agree whether they are walked or jumped to, forwards or backwards', async () => {
    const visit = async (numbers: number[]) => {
      const seen = new Map<number, number[]>();
      for (const n of numbers)
        seen.set(
          n,
          (await page(`?page_size=7&page=${n}`)).results.map(({ id }) => id),
        );
      return [...seen].sort(([a], [b]) => a - b).flatMap(([, each]) => each);
    };
    const numbers = Array.from({ length: 18 }, (_, i) => i + 1);
    const all = Array.from({ length: 120 }, (_, i) => TICKETS.crowdFirst.id + i);
    expect(await visit([...numbers].reverse())).toEqual(all);
    expect(await visit(numbers)).toEqual(all);
    expect(await visit([9, 2, 17, 1, 18, ...numbers])).toEqual(all);
  });
  test.each([
    ['page_size=1', 1],
    ['page_size=50', 50],
    ['page_size=51', 50],
    ['page_size=0', 50],
    ['page_size=-1', 50],
    ['page_size=x', 50],
    ['page_size=', 50],
  ])('%s: %d', async (query, size) => {
    expect((await page(`?${query}`)).results).toHaveLength(size);
  });
  test.each(['0', '-1', '4', 'x', '1.5', '9'.repeat(40)])('page=%s is invalid', async (number) => {
    const { status, body } = await get(`${positions}?page=${number}`);
    expect({ status, body }).toEqual({ status: 404, body: { detail: 'Invalid page.' } });
  });
  test('page 1 of nothing is valid, page 2 is not', async () => {
    expect(await page('?search=nobody&page=1')).toEqual({ count: 0, next: null, previous: null, results: [] });
    expect((await get(`${positions}?search=nobody&page=2`)).status).toBe(404);
  });
});

describe('§5.3: one position', () => {
  const detail = async (path: string, { event = OPENAIR, list = LISTS.main, query = '' }: At = {}) => {
    const { status, body } = await get(`${event}checkinlists/${list}/positions/${path}/${query}`);
    return status === 200 ? (body as Shown).id : `${status} ${JSON.stringify(body)}`;
  };
  const NOT_FOUND = '404 {"detail":"Not found."}';
  const { ada, pending: unpaid, friday, strange, digits, adasId, adasCanceled } = TICKETS;

  test.each<[string, string, number | string]>([
    ['by id', String(ada.id), ada.id],
    ['by secret', ada.secret, ada.id],
    ['by secret in other letters', ada.secret.toUpperCase(), NOT_FOUND],
    ['digits that are a secret', digits.secret, digits.id],
    ['digits that are one ticket’s id and another’s secret: the id', adasId.secret, ada.id],
    ['any characters, encoded', encodeURIComponent(strange.secret), strange.id],
    ['a slash as it is', encodeURIComponent(strange.secret).replace('%2F', '/'), strange.id],
    ['an unknown id', '999999', NOT_FOUND],
    ['an unknown secret', 'nosuch', NOT_FOUND],
    ['a number beyond every id', '9'.repeat(30), NOT_FOUND],
    ['a canceled position', String(adasCanceled.id), NOT_FOUND],
    ['a ticket of another event', String(TICKETS.morning.id), NOT_FOUND],
    ['an order that is not paid', String(unpaid.id), NOT_FOUND],
    ['a NUL', 'a%00', NOT_FOUND],
  ])('%s', async (_name, path, expected) => {
    expect(await detail(path)).toBe(expected);
  });
  test('status, products and filters of the list hold here, too', async () => {
    expect(await detail(String(unpaid.id), { query: '?ignore_status=true' })).toBe(unpaid.id);
    expect(await detail(String(unpaid.id), { list: LISTS.pending })).toBe(unpaid.id);
    expect(await detail(String(friday.id), { list: LISTS.passes })).toBe(NOT_FOUND);
    expect(await detail(String(friday.id), { list: LISTS.passes, query: '?ignore_status=true' })).toBe(NOT_FOUND);
    expect(await detail(String(ada.id), { query: `?item=${ITEMS.pass}` })).toBe(ada.id);
    expect(await detail(String(ada.id), { query: `?item=${ITEMS.day}` })).toBe(NOT_FOUND);
    expect(await detail(String(ada.id), { query: '?item=x' })).toBe(
      '400 {"item":["Select a valid choice. That choice is not one of the available choices."]}',
    );
    expect(await detail(String(TICKETS.evening.id), { event: TOURS, list: LISTS.morning })).toBe(NOT_FOUND);
  });
  test('with and without its slash; writing is a 405', async () => {
    expect((await get(`${OPENAIR}checkinlists/${LISTS.main}/positions/${ada.id}`)).status).toBe(200);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${ada.id}/`;
      const { status, body } = await system.call(method, target, { token: TOKENS.admin });
      expect({ status, body }).toEqual({ status: 405, body: { detail: `Method "${method}" not allowed.` } });
    }
  });
  test.each([
    ['viewer', 200],
    ['admin', 200],
    ['newScanner', 200],
    ['changer', 403],
    ['settings', 403],
    ['scanner', 403],
    ['nothing', 403],
  ] as const)('token %s: %d', async (name, status) => {
    const token = TOKENS[name];
    for (const target of ['', `${ada.id}/`, '999999/']) {
      const answer = await system.call('GET', `${OPENAIR}checkinlists/${LISTS.main}/positions/${target}`, { token });
      expect(answer.status).toBe(target === '999999/' && status === 200 ? 404 : status);
    }
  });
});

test('nobody but the guests of the room is in it', async () => {
  expect(await ids('ignore_status=true')).toEqual(
    [bob, alice, alicesAddon, alicesNamedAddon, aeroe, zoe, zoeToo, nobody, percent, pending, gone, late].sort(
      (a, b) => b - a,
    ),
  );
});
