import { checkin } from '@gatehouse/checkin/service';
import type { Ask } from '@gatehouse/service/testing';
import {
  DATES,
  DEVICES,
  ITEMS,
  LISTS,
  OPENAIR,
  QUESTIONS,
  SURVEY,
  TICKETS,
  TOKENS,
  TOURS,
  TWO_QUESTIONS,
  VARIATIONS,
  festival,
} from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { scan, ticketOffice, summaries, type FreshTicket, type Scanned } from './scans';

/* The reply to a scan and its events: contract §2.5, §6.1 to §6.4, with the decisions at its head. */

let system: System;
const office = ticketOffice(40_000);
const pass = (status: 'p' | 'n' | 'e' | 'c' = 'p') => office.ticket({ item: ITEMS.pass }, status);

/** No body, or a raw one. */
const NO_JSON = Symbol('no JSON');

const redeem = (
  ticket: FreshTicket | { id: number } | string,
  json: unknown = {},
  { list = LISTS.main, event = OPENAIR, ...ask }: Ask & { list?: number; event?: string } = {},
): Promise<Scanned> =>
  scan(
    system,
    { event, list, ticket: typeof ticket === 'string' ? ticket : ticket.id },
    {
      ...(ask.headers?.['authorization'] ? {} : { token: TOKENS.admin }),
      ...(json === NO_JSON ? {} : { json }),
      ...ask,
    },
  );

const outcome = ({ status, body, events }: Scanned) => {
  const said = body.reason ?? body.status;
  return `${status} ${said ?? JSON.stringify(body)}: ${summaries(events).join(' + ') || 'nothing'}`;
};

// --- the tickets of each test, made before the import

/** contract §6.4, row by row; null stands for any. `p` in the status means paid, `n` pending. */
const TRUTH: readonly [
  status: 'p' | 'n' | 'e' | 'c',
  includePending: boolean | null,
  ignoreUnpaid: boolean | null,
  force: boolean | null,
  canceledSupported: boolean | null,
  result: string,
][] = [
  ['p', null, null, null, null, '201 ok: entry'],
  ['n', false, false, false, null, '400 unpaid: refused: unpaid'],
  ['n', false, true, false, null, '400 unpaid: refused: unpaid'],
  ['n', true, false, false, null, '400 unpaid: refused: unpaid'],
  ['n', true, true, false, null, '201 ok: entry'],
  ['n', false, null, true, null, '201 ok: entry, forced'],
  ['n', true, false, true, null, '201 ok: entry, forced'],
  // Nothing had to be overridden.
  ['n', true, true, true, null, '201 ok: entry'],
  ['e', null, null, false, false, '400 unpaid: refused: unpaid'],
  ['e', null, null, true, false, '400 unpaid: refused: unpaid, forced'],
  ['e', null, null, false, true, '400 canceled: refused: canceled'],
  ['e', null, null, true, true, '400 canceled: refused: canceled, forced'],
  ['c', null, null, false, false, '400 unpaid: refused: unpaid'],
  ['c', null, null, true, false, '400 unpaid: refused: unpaid, forced'],
  ['c', null, null, false, true, '400 canceled: refused: canceled'],
  ['c', null, null, true, true, '400 canceled: refused: canceled, forced'],
];
const each = (value: boolean | null) => (value === null ? [false, true] : [value]);
const truth = TRUTH.flatMap(([status, include_pending, ignore, forced, canceled, result]) =>
  each(include_pending).flatMap((pending) =>
    each(ignore).flatMap((ignore_unpaid) =>
      each(forced).flatMap((force) =>
        each(canceled).map((canceled_supported) => ({
          name: `${status}, include_pending ${pending}, ignore_unpaid ${ignore_unpaid}, force ${force}, canceled_supported ${canceled_supported}: ${result}`,
          list: pending ? LISTS.pending : LISTS.main,
          ticket: pass(status),
          json: { ignore_unpaid, force, canceled_supported },
          result,
        })),
      ),
    ),
  ),
);

const entered = pass();
const t = {
  shown: office.ticket({
    item: ITEMS.pass,
    answers: [
      { question: 399, answer: 'On the radio', question_identifier: 'NEWSPAPER', options: [], option_identifiers: [] },
    ],
  }),
  wrongProduct: office.ticket({ item: ITEMS.day, variation: VARIATIONS.friday }),
  wrongProductPending: office.ticket({ item: ITEMS.day, variation: VARIATIONS.friday }, 'n'),
  wrongProductCanceled: office.ticket({ item: ITEMS.day, variation: VARIATIONS.friday }, 'c'),
  nonce: pass(),
  forcedRepeat: pass(),
  lists: pass(),
  unpaidLater: pass(),
  future: pass(),
  past: pass(),
  now: pass(),
  actor: pass(),
  slashless: pass(),
};
const datetimes: readonly [sent: string, stored: string, FreshTicket][] = [
  ['2027-07-16T12:00:00+02:00', '2027-07-16T10:00:00Z', pass()],
  ['2027-07-16T12:00:00Z', '2027-07-16T12:00:00Z', pass()],
  ['2027-07-16 12:00', '2027-07-16T12:00:00Z', pass()],
  ['2027-07-16T12:00:00.123456-0130', '2027-07-16T13:30:00.123456Z', pass()],
  ['2027-07-16T12:00:00.5+05', '2027-07-16T07:00:00.500000Z', pass()],
  ['2027-07-16T12:00:00.000000Z', '2027-07-16T12:00:00Z', pass()],
  ['1999-12-31T23:59:59Z', '1999-12-31T23:59:59Z', pass()],
];
const nonces = {
  long: pass(),
  astral: pass(),
  number: pass(),
  bigNumber: pass(),
  empty: [pass(), pass(), pass(), pass(), pass()],
};
const bodies = {
  none: pass(),
  emptyJson: pass(),
  emptyForm: pass(),
  form: pass(),
  multipart: pass(),
  unknownKeys: pass(),
  chunked: pass(),
};
const spelled = {
  spaced: office.ticket({ item: ITEMS.pass, secret: 'spaced secret' }),
  plus: office.ticket({ item: ITEMS.pass, secret: 'both+ways' }),
  space: office.ticket({ item: ITEMS.pass, secret: 'both ways' }),
};

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(office.addTo(festival(), 'openair'));
  await redeem(entered, { datetime: '2027-07-02T08:00:00.25Z' });
});
afterAll(() => system.close());

describe('§6.4: unpaid and canceled', () => {
  test.each(truth)('$name', async ({ list, ticket, json, result }) => {
    expect(outcome(await redeem(ticket, json, { list }))).toBe(result);
  });
});

describe('§2.5: the order of the checks', () => {
  const { wrongProduct, wrongProductPending, wrongProductCanceled } = t;
  test.each([
    { name: 'product', ticket: wrongProduct, json: {}, result: '400 product: refused: product' },
    {
      name: 'product before force',
      ticket: wrongProduct,
      json: { force: true },
      result: '400 product: refused: product, forced',
    },
    { name: 'product before unpaid', ticket: wrongProductPending, json: {}, result: '400 product: refused: product' },
    {
      name: 'canceled before product',
      ticket: wrongProductCanceled,
      json: { canceled_supported: true },
      result: '400 canceled: refused: canceled',
    },
    {
      name: 'canceled before product, told as unpaid',
      ticket: wrongProductCanceled,
      json: {},
      result: '400 unpaid: refused: unpaid',
    },
  ])('$name', async ({ ticket, json, result }) => {
    expect(outcome(await redeem(ticket, json, { list: LISTS.passes }))).toBe(result);
  });

  test('unpaid before incomplete, incomplete before already_redeemed, and a nonce saves from neither', async () => {
    const list = await createList(SURVEY, { include_pending: true });
    const ask = { event: SURVEY, list };
    const { ticket, first, second } = TWO_QUESTIONS;
    expect(outcome(await redeem(ticket, { nonce: 'n', questions_supported: false }, ask))).toBe('201 ok: entry');
    expect(outcome(await redeem(ticket, { nonce: 'n', questions_supported: false }, ask))).toBe('201 ok: nothing');
    const again = await redeem(ticket, { nonce: 'n' }, ask);
    expect(outcome(again)).toBe('400 incomplete: refused: incomplete');
    expect(again.body.questions?.map(({ id }) => id)).toEqual([first, second]);
    expect(outcome(await redeem(ticket, { questions_supported: false }, ask))).toBe(
      '400 already_redeemed: refused: already_redeemed',
    );
    await restate(TWO_QUESTIONS.ticket.order, 'n');
    expect(outcome(await redeem(ticket, { nonce: 'n' }, ask))).toBe('400 unpaid: refused: unpaid');
    expect(outcome(await redeem(ticket, { nonce: 'n', ignore_unpaid: true }, ask))).toBe(
      '400 incomplete: refused: incomplete',
    );
    expect(outcome(await redeem(ticket, { nonce: 'n', force: true, ignore_unpaid: true }, ask))).toBe(
      '201 ok: nothing',
    );
  });

  test('row 8: a repeat with its nonce is ok and writes nothing, not even answers; another nonce is already_redeemed', async () => {
    expect(outcome(await redeem(t.nonce, { nonce: 'once' }))).toBe('201 ok: entry');
    expect(outcome(await redeem(t.nonce, { nonce: 'once' }))).toBe('201 ok: nothing');
    expect(outcome(await redeem(t.nonce, { nonce: 'once', force: true }))).toBe('201 ok: nothing');
    expect(outcome(await redeem(t.nonce, { nonce: 'Once' }))).toBe('400 already_redeemed: refused: already_redeemed');
    expect(outcome(await redeem(t.nonce, { nonce: '' }))).toBe('400 already_redeemed: refused: already_redeemed');
    expect(outcome(await redeem(t.nonce, {}))).toBe('400 already_redeemed: refused: already_redeemed');
  });

  test('row 9: force says ok again, logs it, and leaves the check-in as it was; its nonce is not remembered', async () => {
    const first = '2027-07-02T09:00:00Z';
    expect(outcome(await redeem(t.forcedRepeat, { nonce: 'a', datetime: first }))).toBe('201 ok: entry');
    const forced = await redeem(t.forcedRepeat, { nonce: 'b', force: true, datetime: '2027-07-02T08:00:00Z' });
    expect(outcome(forced)).toBe('201 ok: repeat, forced');
    expect(forced.events[0]!.data).toMatchObject({ datetime: '2027-07-02T08:00:00Z', first: false, forced: true });
    expect(outcome(await redeem(t.forcedRepeat, { nonce: 'b', force: true }))).toBe('201 ok: repeat, forced');
    expect(outcome(await redeem(t.forcedRepeat, { nonce: 'b' }))).toBe(
      '400 already_redeemed: refused: already_redeemed',
    );
    expect(outcome(await redeem(t.forcedRepeat, { nonce: 'a' }))).toBe('201 ok: nothing');
    expect(await checkinsOf(t.forcedRepeat)).toEqual([{ datetime: first, list: LISTS.main, auto_checked_in: false }]);
  });

  test('lists are independent, and each shows its own check-in only', async () => {
    expect(outcome(await redeem(t.lists, { nonce: 'x', datetime: '2027-07-02T10:00:00Z' }))).toBe('201 ok: entry');
    const other = await redeem(t.lists, { nonce: 'x', datetime: '2027-07-02T11:00:00Z' }, { list: LISTS.passes });
    expect(outcome(other)).toBe('201 ok: entry');
    expect(other.body.position?.checkins).toEqual([]);
    expect(await checkinsOf(t.lists)).toMatchObject([{ datetime: '2027-07-02T10:00:00Z' }]);
    expect(await checkinsOf(t.lists, LISTS.passes)).toMatchObject([
      { datetime: '2027-07-02T11:00:00Z', list: LISTS.passes },
    ]);
  });

  test('a retry with the right nonce is unpaid when the order was un-paid in between', async () => {
    expect(outcome(await redeem(t.unpaidLater, { nonce: 'y' }))).toBe('201 ok: entry');
    await system.import(changed(t.unpaidLater, { status: 'n' }));
    expect(outcome(await redeem(t.unpaidLater, { nonce: 'y' }))).toBe('400 unpaid: refused: unpaid');
    await system.import(changed(t.unpaidLater, { status: 'p' }));
    expect(outcome(await redeem(t.unpaidLater, { nonce: 'y' }))).toBe('201 ok: nothing');
  });

  test('a list that is edited holds for the next scan, at a check-in that it already has, too', async () => {
    const list = await createList(OPENAIR, {});
    const edit = async (json: object) => {
      const { status } = await system.call('PATCH', `${OPENAIR}checkinlists/${list}/`, { token: TOKENS.admin, json });
      expect(status).toBe(200);
    };
    expect(outcome(await redeem(TICKETS.attentionOrder, { nonce: 'z' }, { list }))).toBe('201 ok: entry');
    await edit({ all_products: false, limit_products: [ITEMS.day] });
    expect(outcome(await redeem(TICKETS.attentionOrder, { nonce: 'z' }, { list }))).toBe(
      '400 product: refused: product',
    );
    await edit({ limit_products: [ITEMS.pass, ITEMS.day] });
    expect(outcome(await redeem(TICKETS.attentionOrder, { nonce: 'z' }, { list }))).toBe('201 ok: nothing');
    await system.call('DELETE', `${OPENAIR}checkinlists/${list}/`, { token: TOKENS.admin });
    expect(outcome(await redeem(TICKETS.attentionOrder, { nonce: 'z' }, { list }))).toBe(
      '404 {"detail":"Not found."}: nothing',
    );
  });
});

describe('§6.1: the body', () => {
  test.each(datetimes)('datetime %s is kept as %s', async (datetime, stored, ticket) => {
    const { body, events } = await redeem(ticket, { datetime });
    expect(body.status).toBe('ok');
    expect(events[0]!.data).toMatchObject({ datetime: stored });
    expect(await checkinsOf(ticket)).toEqual([{ datetime: stored, list: LISTS.main, auto_checked_in: false }]);
  });

  test('datetime null is now', async () => {
    const begin = new Date().toISOString();
    await redeem(t.now, { datetime: null });
    const [{ datetime }] = (await checkinsOf(t.now)) as [{ datetime: string }];
    expect(datetime >= begin && datetime <= new Date().toISOString()).toBe(true);
  });

  const WRONG =
    'Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].';
  test.each([
    '',
    'yesterday',
    '2027-07-16',
    '2027-02-30T12:00:00Z',
    '2027-07-16T25:00:00Z',
    5,
    0,
    true,
    false,
    [],
    {},
    ['2027-07-16T12:00:00Z'],
  ])('datetime %j is a 400 that is a bare list', async (datetime) => {
    const { status, body, events } = await redeem(t.past, { datetime });
    expect({ status, body, events }).toEqual({ status: 400, body: [WRONG], events: [] });
  });

  test.each([true, 1, -1, 'false', '0', 'no', ' ', [0], { a: 0 }])('force %j is on', async (force) => {
    expect(outcome(await redeem(entered, { force }))).toBe('201 ok: repeat, forced');
  });
  test.each([false, 0, '', null, [], {}])('force %j is off', async (force) => {
    expect(outcome(await redeem(entered, { force }))).toBe('400 already_redeemed: refused: already_redeemed');
  });
  test.each([
    [true, 'incomplete'],
    ['false', 'incomplete'],
    [1, 'incomplete'],
    [undefined, 'incomplete'],
    [false, 'ok'],
    ['', 'ok'],
    [0, 'ok'],
    [null, 'ok'],
  ])('questions_supported %j: %s', async (questions_supported, status) => {
    const list = await createList(SURVEY, {});
    const { body } = await redeem(QUESTIONS.S.required.ticket, { questions_supported }, { event: SURVEY, list });
    expect(body.status).toBe(status);
  });
  test.each([
    [true, 'canceled'],
    ['false', 'canceled'],
    [false, 'unpaid'],
    ['', 'unpaid'],
    [null, 'unpaid'],
    [undefined, 'unpaid'],
  ])('canceled_supported %j: %s', async (canceled_supported, reason) => {
    expect((await redeem(TICKETS.canceledOrder, { canceled_supported })).body.reason).toBe(reason);
  });
  test.each([
    [true, 201],
    ['false', 201],
    [false, 400],
    [null, 400],
  ])('ignore_unpaid %j on a list with pending orders: %d', async (ignore_unpaid, status) => {
    const list = await createList(OPENAIR, { include_pending: true });
    expect((await redeem(TICKETS.pending, { ignore_unpaid }, { list })).status).toBe(status);
  });

  test('a nonce of 190 characters is one, of 191 it is a 400', async () => {
    const nonce = 'n'.repeat(190);
    expect(outcome(await redeem(nonces.long, { nonce }))).toBe('201 ok: entry');
    expect(outcome(await redeem(nonces.long, { nonce }))).toBe('201 ok: nothing');
    const { status, body, events } = await redeem(nonces.long, { nonce: `${nonce}n` });
    expect({ status, body, events }).toEqual({
      status: 400,
      body: { nonce: ['Ensure this field has no more than 190 characters.'] },
      events: [],
    });
  });
  test('characters of a nonce are code points', async () => {
    const nonce = '🎪'.repeat(190);
    expect(outcome(await redeem(nonces.astral, { nonce }))).toBe('201 ok: entry');
    expect(outcome(await redeem(nonces.astral, { nonce }))).toBe('201 ok: nothing');
  });
  test('a number as nonce is its text', async () => {
    expect(outcome(await redeem(nonces.number, { nonce: 7 }))).toBe('201 ok: entry');
    expect(outcome(await redeem(nonces.number, { nonce: '7' }))).toBe('201 ok: nothing');
    expect(outcome(await redeem(nonces.bigNumber, NO_JSON, json('{"nonce":12345678901234567890}')))).toBe(
      '201 ok: entry',
    );
    expect(outcome(await redeem(nonces.bigNumber, { nonce: '12345678901234567890' }))).toBe('201 ok: nothing');
  });
  test.each([[''], [null], [0], [false], [undefined]].map(([nonce], i) => [nonce, nonces.empty[i]!] as const))(
    'nonce %j is none: no repeat is recognised',
    async (nonce, ticket) => {
      const first = await redeem(ticket, { nonce });
      expect(outcome(first)).toBe('201 ok: entry');
      expect(first.events[0]!.data).toMatchObject({ nonce: null, nonce_present: false });
      expect(outcome(await redeem(ticket, { nonce }))).toBe('400 already_redeemed: refused: already_redeemed');
    },
  );
  test.each([
    [{ nonce: true }, { nonce: ['Not a valid string.'] }],
    [{ nonce: ['a'] }, { nonce: ['Not a valid string.'] }],
    [{ nonce: 'a\u0000b' }, { nonce: ['Null characters are not allowed.'] }],
    [{ nonce: '\ud800' }, { nonce: ['Surrogate characters are not allowed: U+D800.'] }],
  ])('%j is a 400', async (sent, body) => {
    const scanned = await redeem(t.past, sent);
    expect({ status: scanned.status, body: scanned.body, events: scanned.events }).toEqual({
      status: 400,
      body,
      events: [],
    });
  });

  test('no body at all', async () => {
    expect(outcome(await redeem(bodies.none, NO_JSON))).toBe('201 ok: entry');
  });
  test('an empty body of any kind', async () => {
    const empty = (type: string) => ({ body: '', headers: { 'content-type': type } });
    expect(outcome(await redeem(bodies.emptyJson, NO_JSON, empty('application/json')))).toBe('201 ok: entry');
    expect(outcome(await redeem(bodies.emptyForm, NO_JSON, empty('application/x-www-form-urlencoded')))).toBe(
      '201 ok: entry',
    );
  });
  test('a form, whose texts are all on', async () => {
    const form = (body: string) => ({ body, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    const sent = form('nonce=of+a+form&datetime=2027-07-02T12%3A00%3A00%2B02%3A00&answers=%7B%7D');
    const first = await redeem(bodies.form, NO_JSON, sent);
    expect(outcome(first)).toBe('201 ok: entry');
    expect(first.events[0]!.data).toMatchObject({ nonce: 'of a form', datetime: '2027-07-02T10:00:00Z' });
    expect(outcome(await redeem(bodies.form, NO_JSON, form('force=')))).toBe(
      '400 already_redeemed: refused: already_redeemed',
    );
    expect(outcome(await redeem(bodies.form, NO_JSON, form('force=false')))).toBe('201 ok: repeat, forced');
    expect((await redeem(bodies.form, NO_JSON, form('datetime='))).body).toEqual([WRONG]);
  });
  test('a multipart form', async () => {
    const body = '--b\r\nContent-Disposition: form-data; name="nonce"\r\n\r\nof parts\r\n--b--\r\n';
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    const { events } = await redeem(bodies.multipart, NO_JSON, { body, headers });
    expect(events[0]!.data).toMatchObject({ nonce: 'of parts' });
  });
  test('unknown keys are ignored, whatever they hold', async () => {
    const json = { use_order_locale: 'exit', list: 1, position: null, deep: { a: [1, '\u0000'] }, '': 1 };
    expect(outcome(await redeem(bodies.unknownKeys, json))).toBe('201 ok: entry');
  });
  test.each([
    ['[]', 400, { non_field_errors: ['Invalid data. Expected a dictionary, but got list.'] }],
    ['"x"', 400, { non_field_errors: ['Invalid data. Expected a dictionary, but got str.'] }],
    ['7', 400, { non_field_errors: ['Invalid data. Expected a dictionary, but got int.'] }],
    ['null', 400, { non_field_errors: ['No data provided'] }],
    ['{', 400, { detail: expect.stringMatching(/^JSON parse error - ./) }],
  ])('a body of %s: %d', async (body, status, reply) => {
    const scanned = await redeem(t.past, NO_JSON, json(body));
    expect({ status: scanned.status, body: scanned.body, events: scanned.events }).toEqual({
      status,
      body: reply,
      events: [],
    });
  });
  test('another media type is a 415', async () => {
    const scanned = await redeem(t.past, NO_JSON, { body: 'force', headers: { 'content-type': 'text/plain' } });
    expect({ status: scanned.status, body: scanned.body }).toEqual({
      status: 415,
      body: { detail: 'Unsupported media type "text/plain" in request.' },
    });
  });
});

describe('§6.2: what is looked at first', () => {
  const NOT_FOUND = { detail: 'Not found.' };
  const UNKNOWN = ['refused: unknown_ticket'];
  test.each<[string, Parameters<typeof redeem>]>([
    ['an id that nobody has', ['999999']],
    ['a secret that nobody has', ['no such secret'.replaceAll(' ', '%20')]],
    ['a secret in other letters', [TICKETS.ada.secret.toUpperCase()]],
    ['a number beyond every id', ['99999999999999999999']],
    ['a canceled position, by its id', [TICKETS.adasCanceled]],
    ['a canceled position, by its secret', [TICKETS.adasCanceled.secret]],
    ['a ticket of another event', [TICKETS.morning]],
    ['a ticket of another organizer', [TICKETS.fair]],
    ['a ticket of another date', [TICKETS.evening, {}, { event: TOURS, list: LISTS.morning }]],
    ['a ticket of a date on a list without one', [TICKETS.morning, {}, { event: TOURS, list: LISTS.dateless }]],
    ['an unknown ticket with a body that is no JSON', ['999999', NO_JSON, json('{')]],
    [
      'an unknown ticket with a body that is no text',
      ['999999', NO_JSON, { body: 'x', headers: { 'content-type': 'text/plain' } }],
    ],
    ['an unknown ticket with a wrong datetime', ['999999', { datetime: 'x', nonce: 'n'.repeat(191) }]],
  ])('%s: 404, and the refusal is told without the secret', async (_name, [ticket, ...rest]) => {
    const { status, body, events } = await redeem(ticket, ...rest);
    expect({ status, body, told: summaries(events) }).toEqual({ status: 404, body: NOT_FOUND, told: UNKNOWN });
    expect(events[0]!.data).toMatchObject({ position: null, item: null, variation: null });
    if (typeof ticket === 'string') expect(JSON.stringify(events)).not.toContain(ticket);
  });
  test('the refusal of an unknown ticket tells list, date, force, time and whether there was a nonce', async () => {
    const sent = { force: true, nonce: 'secret nonce', datetime: '2027-07-02T12:00:00Z' };
    const { events } = await redeem(TICKETS.evening, sent, { event: TOURS, list: LISTS.morning });
    expect(events.map(({ data }) => data)).toEqual([
      {
        organizer: 'demo',
        event: 'tours',
        list: LISTS.morning,
        position: null,
        item: null,
        variation: null,
        date: DATES.morning,
        reason: 'unknown_ticket',
        forced: true,
        datetime: '2027-07-02T12:00:00Z',
        nonce_present: true,
      },
    ]);
  });
  test.each<[string, number | string]>([
    ['an unknown list', 999_999],
    ['a list of another event', LISTS.morning],
    ['a list that is no number', 'abc'],
    ['a list beyond every id', '99999999999999999999'],
  ])('%s: 404, whatever the ticket, and nothing is told', async (_name, list) => {
    for (const ticket of [TICKETS.ada, { id: 999_999 }]) {
      const { status, body, events } = await redeem(ticket, { datetime: 'x' }, { list: list as number });
      expect({ status, body, events }).toEqual({ status: 404, body: NOT_FOUND, events: [] });
    }
  });
  test('a query filter that does not hold is a 400 before the ticket, one that excludes it a 404', async () => {
    const target = (query: string) => `${OPENAIR}checkinlists/${LISTS.main}/positions/${entered.id}/redeem/?${query}`;
    const post = async (query: string) => {
      const { status, body } = await system.call('POST', target(query), {
        token: TOKENS.admin,
        json: { datetime: 'x' },
      });
      return { status, body };
    };
    const choice = ['Select a valid choice. That choice is not one of the available choices.'];
    expect(await post('item=999999')).toEqual({ status: 400, body: { item: choice } });
    expect(await post('order__status=x&variation=y')).toEqual({
      status: 400,
      body: { order__status: ['Select a valid choice. x is not one of the available choices.'], variation: choice },
    });
    expect(await post(`item=${ITEMS.day}`)).toEqual({ status: 404, body: NOT_FOUND });
    expect(await post('has_checkin=false')).toEqual({ status: 404, body: NOT_FOUND });
    expect(await post(`item=${ITEMS.pass}&has_checkin=true&foo=1`)).toEqual({
      status: 400,
      body: [expect.stringMatching(/^Datetime/)],
    });
  });
  test('filters of the query: the ticket is looked up whatever its status or product', async () => {
    const target = `${OPENAIR}checkinlists/${LISTS.passes}/positions/${TICKETS.pendingShirt.id}/redeem/?item=${ITEMS.shirt}`;
    const { body } = await system.call('POST', target, { token: TOKENS.admin, json: {} });
    expect(body).toMatchObject({ status: 'error', reason: 'product' });
  });

  test.each<[name: string, path: string, id: number]>([
    [
      'a secret with every character that troubles a path, encoded',
      encodeURIComponent(TICKETS.strange.secret),
      TICKETS.strange.id,
    ],
    [
      'the same with its slash as it is',
      encodeURIComponent(TICKETS.strange.secret).replace('%2F', '/'),
      TICKETS.strange.id,
    ],
    [
      'the same with its dot encoded',
      encodeURIComponent(TICKETS.strange.secret).replace('.', '%2E'),
      TICKETS.strange.id,
    ],
    ['a secret of digits', '77777', TICKETS.digits.id],
    ['digits that are one ticket’s id and another’s secret: the id', '1001', TICKETS.ada.id],
    ['an id', String(TICKETS.adasId.id), TICKETS.adasId.id],
  ])('%s', async (_name, path, id) => {
    const { body } = await redeem(path, { force: true });
    expect(body).toMatchObject({ status: 'ok', position: { id } });
  });
  test('a plus that is no plus is a space; one that is goes first', async () => {
    expect((await redeem('spaced+secret', { force: true })).body.position?.id).toBe(spelled.spaced.id);
    expect((await redeem('spaced%20secret', { force: true })).body.position?.id).toBe(spelled.spaced.id);
    expect((await redeem('spaced%2Bsecret', { force: true })).body.position?.id).toBe(spelled.spaced.id);
    expect((await redeem('both+ways', { force: true })).body.position?.id).toBe(spelled.plus.id);
    expect((await redeem('both%20ways', { force: true })).body.position?.id).toBe(spelled.space.id);
  });
  test('with a query filter, too', async () => {
    const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/spaced+secret/redeem/?item=${ITEMS.pass}`;
    const { body } = await system.call('POST', target, { token: TOKENS.admin, json: { force: true } });
    expect(body).toMatchObject({ status: 'ok', position: { id: spelled.spaced.id } });
  });
  test('a NUL in the path is a 404', async () => {
    expect(await redeem('a%00b')).toMatchObject({ status: 404, body: NOT_FOUND });
  });
  test('with and without its slash', async () => {
    const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${t.slashless.id}/redeem`;
    expect((await system.call('POST', target, { token: TOKENS.admin, json: {} })).status).toBe(201);
  });
});

describe('§6.3: the reply', () => {
  const KEYS =
    'id order positionid item variation price attendee_name attendee_name_parts attendee_email voucher tax_rate tax_value secret addon_to subevent checkins downloads answers tax_rule pseudonymization_id seat require_attention order__status';

  test('ok: its keys in order, and the position as before the check-in', async () => {
    const list = await createList(OPENAIR, {});
    const { status, body } = await redeem(TICKETS.ada, {}, { list });
    expect(status).toBe(201);
    expect(Object.keys(body)).toEqual(['status', 'require_attention', 'position']);
    expect(Object.keys(body.position!).join(' ')).toBe(KEYS);
    expect(body.position).toMatchObject({ id: TICKETS.ada.id, checkins: [] });
  });
  test('with pdf_data when it is asked for by exactly `true`', async () => {
    const post = async (query: string) => {
      const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${entered.id}/redeem/?pdf_data=${query}`;
      return (await system.call('POST', target, { token: TOKENS.admin, json: {} })).body as Scanned['body'];
    };
    const shown = Object.keys((await post('true')).position!);
    expect(shown.join(' ')).toBe(KEYS.replace(' seat ', ' pdf_data seat '));
    expect(Object.keys((await post('True')).position!).join(' ')).toBe(KEYS);
  });
  test('already_redeemed: its keys in order, with the earlier check-in', async () => {
    const { status, body } = await redeem(entered);
    expect(status).toBe(400);
    expect(Object.keys(body)).toEqual(['status', 'reason', 'require_attention', 'position']);
    expect(body.position?.checkins).toEqual([
      { datetime: '2027-07-02T08:00:00.250000Z', list: LISTS.main, auto_checked_in: false },
    ]);
  });
  test('a nonce repeat shows the check-in, since it was there before', async () => {
    await redeem(t.shown, { nonce: 'q', datetime: '2027-07-02T13:00:00Z' });
    const { body } = await redeem(t.shown, { nonce: 'q' });
    expect(body.position?.checkins).toEqual([
      { datetime: '2027-07-02T13:00:00Z', list: LISTS.main, auto_checked_in: false },
    ]);
  });
  test('incomplete: its keys in order, with the missing questions', async () => {
    const { status, body } = await redeem(QUESTIONS.S.required.ticket, {}, { event: SURVEY, list: LISTS.survey });
    expect(status).toBe(400);
    expect(Object.keys(body)).toEqual(['status', 'require_attention', 'position', 'questions']);
  });
  test.each([
    ['of the order', TICKETS.attentionOrder.id, true],
    ['of the product', TICKETS.vip.id, true],
    ['of neither', TICKETS.loose.id, false],
  ])('require_attention %s stands at the top and in the position', async (_name, ticket, attention) => {
    const { body } = await redeem({ id: ticket }, { force: true });
    expect(body).toMatchObject({ require_attention: attention, position: { require_attention: attention } });
  });
});

describe('what is recorded', () => {
  const about = { organizer: 'demo', event: 'openair', list: LISTS.main, variation: null, date: null };

  test('an acceptance stands in the stream of the ticket, by who scanned', async () => {
    const { events } = await redeem(t.actor, { nonce: 'r', datetime: '2027-07-02T14:00:00Z' }, device());
    expect(events).toMatchObject([
      {
        stream: `ticket-${t.actor.id}`,
        revision: 0,
        type: 'PositionRedeemed',
        actor: 'device:1',
        data: {
          ...about,
          position: t.actor.id,
          item: ITEMS.pass,
          first: true,
          forced: false,
          auto: false,
          datetime: '2027-07-02T14:00:00Z',
          nonce: 'r',
          nonce_present: true,
        },
      },
    ]);
  });
  test('a refusal stands in a stream of the process, without secret, name and nonce', async () => {
    const { events } = await redeem(t.actor, { nonce: 'another nonce', datetime: '2027-07-02T15:00:00Z' }, device());
    expect(events).toMatchObject([
      { type: 'RedemptionRefused', actor: 'device:1', stream: expect.stringMatching(/^refusals-/) },
    ]);
    expect(events[0]!.data).toEqual({
      ...about,
      position: t.actor.id,
      item: ITEMS.pass,
      reason: 'already_redeemed',
      forced: false,
      datetime: '2027-07-02T15:00:00Z',
      nonce_present: true,
    });
  });
  test('the trace of the request goes with it', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { events } = await redeem(entered, {}, { headers: { traceparent } });
    expect(events[0]!.trace).toBe(traceparent);
  });
});

describe('§1.3: who may redeem', () => {
  const DENIED = { detail: 'You do not have permission to perform this action.' };
  test.each<[keyof typeof TOKENS, number]>([
    ['admin', 201],
    ['changer', 201],
    ['scanner', 201],
    ['newAdmin', 201],
    ['newScanner', 201],
    ['openairOnly', 201],
    ['viewer', 403],
    ['settings', 403],
    ['nothing', 403],
    ['other', 403],
    ['inactive', 401],
  ])('token %s: %d', async (name, status) => {
    const scanned = await redeem(entered, { force: true }, { token: TOKENS[name] });
    expect(scanned.status).toBe(status);
    if (status === 201) expect(scanned.events[0]!.actor).toMatch(/^token:\d+$/);
    if (status === 403) expect(scanned.body).toEqual(DENIED);
    if (status !== 201) expect(scanned.events).toEqual([]);
  });
  test.each<[string, number, string]>([
    ['gate', 201, DEVICES.gate],
    ['fresh', 401, DEVICES.fresh],
    ['revoked', 401, DEVICES.revoked],
    ['of another event', 403, DEVICES.toursOnly],
    ['of another organizer', 403, DEVICES.other],
  ])('device %s: %d', async (_name, status, secret) => {
    expect((await redeem(entered, { force: true }, device(secret))).status).toBe(status);
  });
  test('permission goes before everything in the path and the body', async () => {
    const denied = await redeem('999999', NO_JSON, { ...json('{'), token: TOKENS.viewer, list: 999_999 });
    expect({ status: denied.status, body: denied.body, events: denied.events }).toEqual({
      status: 403,
      body: DENIED,
      events: [],
    });
  });
  test('GET is a 405, and so is every other method, for unknown tickets, too', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const { status, body } = await system.call(method, `${OPENAIR}checkinlists/1/positions/999999/redeem/`, {
        token: TOKENS.admin,
      });
      expect({ status, body }).toEqual({ status: 405, body: { detail: `Method "${method}" not allowed.` } });
    }
  });
});

describe('§1.10: idempotency', () => {
  test('the repeat of a scan is told the same and enters once', async () => {
    const list = await createList(OPENAIR, {});
    const key = { headers: { 'x-idempotency-key': 'gate 1, scan 1' }, list };
    const first = await redeem(TICKETS.test, {}, key);
    const again = await redeem(TICKETS.test, {}, key);
    expect(outcome(first)).toBe('201 ok: entry');
    expect({ status: again.status, text: again.text, events: again.events }).toEqual({
      status: 201,
      text: first.text,
      events: [],
    });
    const refused = { headers: { 'x-idempotency-key': 'gate 1, scan 2' }, list };
    expect(outcome(await redeem(TICKETS.test, {}, refused))).toBe('400 already_redeemed: refused: already_redeemed');
    expect(outcome(await redeem(TICKETS.test, {}, refused))).toBe('400 already_redeemed: nothing');
  });
});

// --- helpers

function json(body: string): Ask {
  return { body, headers: { 'content-type': 'application/json' } };
}

function device(secret: string = DEVICES.gate): Ask {
  return { headers: { authorization: `Device ${secret}` } };
}

async function createList(event: string, fields: object): Promise<number> {
  const sent = { name: 'For one test', ...fields };
  const { body } = await system.call('POST', `${event}checkinlists/`, { token: TOKENS.admin, json: sent });
  return (body as { id: number }).id;
}

async function checkinsOf(ticket: { id: number }, list: number = LISTS.main): Promise<unknown> {
  const target = `${OPENAIR}checkinlists/${list}/positions/${ticket.id}/?ignore_status=true`;
  return ((await system.call('GET', target, { token: TOKENS.viewer })).body as { checkins: unknown }).checkins;
}

/** The festival with another state of an order of a test. */
function changed(ticket: FreshTicket, fields: object) {
  const files = office.addTo(festival(), 'openair');
  const file = 'demo/events/openair/orders.ndjson';
  const orders = files[file] as { code: string }[];
  return { ...files, [file]: orders.map((each) => (each.code === ticket.code ? { ...each, ...fields } : each)) };
}

async function restate(code: string, status: string): Promise<void> {
  const files = office.addTo(festival(), 'openair');
  const file = 'demo/events/survey/orders.ndjson';
  const orders = files[file] as { code: string }[];
  await system.import({ ...files, [file]: orders.map((each) => (each.code === code ? { ...each, status } : each)) });
}
