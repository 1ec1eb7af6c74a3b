import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { droid } from '@gatehouse/test-support/droid';
import {
  DATES,
  DROID_KEYS,
  festival,
  festivalWith,
  ITEMS,
  LISTS,
  NO_QUESTION,
  openairOrder,
  QUESTIONS,
  TICKETS,
  TWO_QUESTIONS,
  VARIATIONS,
  type QuestionType,
} from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import type { Answer } from '@gatehouse/service/testing';

/* The droid API, row by row: contract §3 and the decisions at its head. */

const OPENAIR = '/pretixdroid/api/demo/openair/';
const TOURS = '/pretixdroid/api/demo/tours/';
const HTML = 'text/html; charset=utf-8';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

let system: System;
beforeAll(async () => {
  system = await startSystem([legacyDroid]);
  await system.import(festival());
});
afterAll(() => system.close());

const at = (event: string, key: string) => droid({ call: (...args) => system.call(...args) }, event, key);
const main = at('demo/openair', DROID_KEYS.main);
const pending = at('demo/openair', DROID_KEYS.pending);
const passes = at('demo/openair', DROID_KEYS.passes);
const dayAndShirt = at('demo/openair', DROID_KEYS.dayAndShirt);
const survey = at('demo/survey', DROID_KEYS.survey);

type Ticket = { secret: string; redeemed: boolean } & Record<string, unknown>;
type Results = { version: number; results: Ticket[]; questions?: { id: number; type: string }[] };
type Redeemed = { status: string; reason?: string; data?: Ticket; questions?: Record<string, unknown>[] };

const resultsOf = (answer: Answer): Ticket[] => (answer.body as Results).results;
const secretsOf = (answer: Answer): string[] => resultsOf(answer).map(({ secret }) => secret);
const outcomeOf = ({ status, body }: Answer): unknown => {
  const { status: outcome, reason } = body as Redeemed;
  return [status, reason ?? outcome];
};
const lastEvents = async (n: number) =>
  (await system.events())
    .slice(-n)
    .map(({ type, data, actor, stream }) => ({ type, actor, stream, data: data as Record<string, unknown> }));

describe('§3.1 addresses', () => {
  test.each(['status/', 'status', 'status/and/more?', 'status/?x=1&'])('%s is the status', async (path) => {
    const joint = path.includes('?') ? '' : '?';
    expect(await system.call('GET', `${OPENAIR}${path}${joint}key=${DROID_KEYS.main}`)).toMatchObject({
      status: 200,
      body: { version: 3 },
    });
  });

  test.each(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'])(
    'no slash is as good as one: %s',
    async (method) => {
      for (const endpoint of ['redeem', 'search', 'status']) {
        const [with_, without] = [`${OPENAIR}${endpoint}/`, `${OPENAIR}${endpoint}`].map(
          (path) => `${path}?key=${DROID_KEYS.main}`,
        );
        const expected = await system.call(method, with_!);
        const { status, text } = await system.call(method, without!);
        expect({ status, text }).toEqual({ status: expected.status, text: expected.text });
      }
    },
  );

  test.each(['', 'statuses/', 'x/status/', 'status_/'])('an unknown route %p is an HTML page', async (path) => {
    const answer = await system.call('GET', `${OPENAIR}${path}?key=${DROID_KEYS.main}`);
    expect({ status: answer.status, first: answer.text[0] }).toEqual({ status: 404, first: '<' });
  });

  test('JSON has one space behind commas and colons, and Unicode as it is', async () => {
    const { text, headers } = await main.get('search/', { query: 'Groß' });
    expect(text).toMatch(/^\{"version": 3, "results": \[\{"secret": "invo1pass", "order": "INVO1", /);
    expect(text).toContain('"attendee_name": "Jürgen Groß", ');
    expect(headers['content-type']).toBe('application/json');
  });
});

describe('§3.1 order of checks', () => {
  test.each([
    ['an unknown organizer', '/pretixdroid/api/nobody/openair/', 404, 'Unknown event'],
    ['an unknown event', '/pretixdroid/api/demo/nothing/', 404, 'Unknown event'],
    ['the slug in another case', '/pretixdroid/api/demo/Openair/', 404, 'Unknown event'],
    ['the event of another organizer', '/pretixdroid/api/other/openair/', 404, 'Unknown event'],
    ['a NUL in the path', '/pretixdroid/api/demo/open%00air/', 404, 'Unknown event'],
    ['a date outside of a series', `${OPENAIR}601/`, 403, 'Subevents not enabled.'],
  ])('%s', async (_name, base, status, text) => {
    for (const [method, endpoint] of [
      ['GET', 'status/'],
      ['POST', 'redeem/'],
      ['DELETE', 'search/'],
      ['GET', 'download/'],
    ]) {
      const answer = await system.call(method!, `${base}${endpoint}?key=${DROID_KEYS.main}`);
      expect(answer).toMatchObject({ status, text });
      expect(answer.headers['content-type']).toBe(HTML);
    }
  });

  test.each([
    ['no key', ''],
    ['an empty key', '?key='],
    ['an unknown key', '?key=wrong'],
    ['the key in another case', `?key=${DROID_KEYS.main.toLowerCase()}`],
    ['the key of another event', `?key=${DROID_KEYS.survey}`],
    ['a NUL in the key', '?key=Droid%00Main'],
    ['a NUL behind the key', `?key=${DROID_KEYS.main}%00`],
    ['the right key, then a wrong one', `?key=${DROID_KEYS.main}&key=wrong`],
    ['the hash of the key', '?key=b6d5b6d5'],
  ])('%s is 403 before the method is looked at', async (_name, query) => {
    for (const [method, endpoint] of [
      ['GET', 'status/'],
      ['POST', 'redeem/'],
      ['PUT', 'redeem/'],
      ['POST', 'search/'],
      ['GET', 'download/'],
    ]) {
      const answer = await system.call(method!, `${OPENAIR}${endpoint}${query}`, {
        body: 'secret=ada1pass',
        headers: FORM,
      });
      expect(answer).toMatchObject({ status: 403, text: 'Invalid key' });
      expect(answer.headers['content-type']).toBe(HTML);
    }
  });

  test('a key in the body is no key', async () => {
    const answer = await system.call('POST', `${OPENAIR}redeem/`, {
      body: `secret=ada1pass&key=${DROID_KEYS.main}`,
      headers: FORM,
    });
    expect(answer).toMatchObject({ status: 403, text: 'Invalid key' });
  });

  test.each([
    ['GET', 'redeem/', 'POST, OPTIONS'],
    ['HEAD', 'redeem/', 'POST, OPTIONS'],
    ['PUT', 'redeem/', 'POST, OPTIONS'],
    ['POST', 'search/', 'GET, HEAD, OPTIONS'],
    ['POST', 'download/', 'GET, HEAD, OPTIONS'],
    ['DELETE', 'status/', 'GET, HEAD, OPTIONS'],
  ])('%s %s is 405 without a body', async (method, endpoint, allow) => {
    const answer = await system.call(method, `${OPENAIR}${endpoint}?key=${DROID_KEYS.main}`);
    expect(answer).toMatchObject({ status: 405, text: '' });
    expect(answer.headers).toMatchObject({ allow, 'content-length': '0' });
  });

  test('an unreadable body is looked at after the key', async () => {
    const form = { headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: 'no parts at all' };
    expect(await system.call('POST', `${OPENAIR}redeem/?key=wrong`, form)).toMatchObject({ status: 403 });
    const answer = await system.call('POST', `${OPENAIR}redeem/?key=${DROID_KEYS.main}`, form);
    expect(answer).toMatchObject({ status: 400, text: 'The form cannot be read.' });
  });
});

describe('§3.1 dates of a series', () => {
  test.each([
    ['a list with a date, its date', DROID_KEYS.morning, `${DATES.morning}/`, 200, undefined],
    ['a list with a date, none', DROID_KEYS.morning, '', 200, undefined],
    ['a list with a date, another', DROID_KEYS.morning, `${DATES.evening}/`, 403, 'Invalid subevent selected.'],
    [
      'a list with a date, an unknown one',
      DROID_KEYS.morning,
      '99999999999999999999/',
      403,
      'Invalid subevent selected.',
    ],
    ['a list without a date, none', DROID_KEYS.dateless, '', 403, 'No subevent selected.'],
    ['a list without a date, one of another event', DROID_KEYS.dateless, '1/', 404, undefined],
    ['a list without a date, a number too long', DROID_KEYS.dateless, '99999999999999999999/', 404, undefined],
    ['a list without a date, a date', DROID_KEYS.dateless, `${DATES.evening}/`, 200, undefined],
  ])('%s', async (_name, key, date, status, text) => {
    for (const [method, endpoint] of [
      ['GET', 'status/'],
      ['POST', 'redeem/'],
    ]) {
      const answer = await system.call(method!, `${TOURS}${date}${endpoint}?key=${key}`, {
        body: 'secret=x',
        headers: FORM,
      });
      expect(answer.status).toBe(status);
      if (text !== undefined) expect(answer.text).toBe(text);
      if (status === 404) expect(answer.text).toMatch(/^<!doctype html>/);
    }
  });

  test('redeem and status are about the date, search and download about the list', async () => {
    const evening = at(`demo/tours/${DATES.evening}`, DROID_KEYS.dateless);
    expect(outcomeOf(await evening.redeem({ secret: TICKETS.morning.secret }))).toEqual([200, 'unknown_ticket']);
    expect(outcomeOf(await evening.redeem({ secret: TICKETS.evening.secret }))).toEqual([200, 'ok']);
    await system.settled();
    expect((await evening.get('status/')).body).toMatchObject({
      event: {
        name: 'Evening tour',
        list: 'Any date',
        subevent: DATES.evening,
        date_from: '2027-07-02T16:00:00Z',
        date_to: null,
      },
      checkins: 1,
      total: 1,
    });
    expect(secretsOf(await evening.get('search/', { query: 'Tour' }))).toEqual([]);
    expect(secretsOf(await evening.get('download/'))).toEqual([]);
    const morning = at(`demo/tours/${DATES.morning}`, DROID_KEYS.dateless);
    expect((await morning.get('status/')).body).toMatchObject({ checkins: 0, total: 1 });
  });

  test('a ticket of another date is unknown', async () => {
    const morning = at('demo/tours', DROID_KEYS.morning);
    expect(outcomeOf(await morning.redeem({ secret: TICKETS.evening.secret }))).toEqual([200, 'unknown_ticket']);
    expect(outcomeOf(await morning.redeem({ secret: TICKETS.morning.secret }))).toEqual([200, 'ok']);
    expect(secretsOf(await morning.get('search/', { query: 'Tour Adult' }))).toEqual([TICKETS.morning.secret]);
    expect(secretsOf(await morning.get('download/'))).toEqual([TICKETS.morning.secret]);
  });
});

describe('§3.2 the ticket object', () => {
  const found = async (query: string, headers = {}) => resultsOf(await main.get('search/', { query }, headers))[0]!;

  test('has its keys in their order', async () => {
    expect(Object.keys(await found('ada1pass'))).toEqual([
      ...['secret', 'order', 'item', 'item_id', 'variation', 'variation_id', 'attendee_name', 'attention', 'redeemed'],
      ...['paid', 'checkin_allowed', 'addons_text'],
    ]);
  });

  test('add-ons by their internal names, with variations, in their order', async () => {
    expect(await found('ada1pass')).toMatchObject({
      item: 'Festival pass',
      variation: null,
      addons_text: 'P1, T-Shirt - Red',
    });
  });

  test('names in the language of the request, the item by its internal name', async () => {
    const german = { 'accept-language': 'de-AT' };
    expect(await found('frid1day', german)).toMatchObject({
      item: 'Tagesticket',
      item_id: ITEMS.day,
      variation: 'Freitag',
      variation_id: VARIATIONS.friday,
    });
    expect(await found('ada2parking', german)).toMatchObject({ item: 'P1' });
    expect(await found('frid1day', { 'accept-language': 'fr' })).toMatchObject({
      item: 'Day ticket',
      variation: 'Friday',
    });
  });

  test.each([
    ['its own', 'ada3shirt', 'Grace Hopper'],
    ["its parent's", 'ada2parking', 'Ada Lovelace'],
    ["the invoice address's", 'invo1pass', 'Jürgen Groß'],
    ['empty with a nameless invoice address', 'name1pass', ''],
    ['null without any', 'null1pass', null],
  ])('the name: %s', async (_name, secret, name) => {
    expect(await found(secret)).toMatchObject({ attendee_name: name });
  });

  test.each([
    ['ada1pass', false],
    ['vipp1vip', true],
    ['atte1pass', true],
  ])('attention of %s: %s', async (secret, attention) => {
    expect(await found(secret)).toMatchObject({ attention });
  });

  test.each([
    ['ada1pass', true, true, true],
    ['pend1pass', false, false, true],
    ['expi1pass', false, false, false],
    ['canc1pass', false, false, false],
  ])('%s: paid %s, may enter %s, and %s where pending is let in', async (secret, paid, allowed, allowedPending) => {
    expect(await found(secret)).toMatchObject({ paid, checkin_allowed: allowed });
    expect(resultsOf(await pending.get('search/', { query: secret }))[0]).toMatchObject({
      paid,
      checkin_allowed: allowedPending,
    });
  });
});

describe('§3.3 redeem', () => {
  test('ok, then already redeemed; both are 200 and both say redeemed', async () => {
    const { secret, order } = TICKETS.loose;
    const first = await main.redeem({ secret });
    expect(first).toMatchObject({
      status: 200,
      body: { version: 3, status: 'ok', data: { secret, order, item: 'Badge', redeemed: true, paid: true } },
    });
    expect(Object.keys(first.body as object)).toEqual(['version', 'status', 'data']);
    const again = await main.redeem({ secret });
    expect(Object.keys(again.body as object)).toEqual(['version', 'status', 'reason', 'data']);
    expect(again).toMatchObject({
      status: 200,
      body: { status: 'error', reason: 'already_redeemed', data: { secret, redeemed: true } },
    });
  });

  test.each([
    ['none', undefined],
    ['empty', ''],
    ['unknown', 'nosuchticket'],
    ['in another case', TICKETS.ada.secret.toUpperCase()],
    ['with a NUL', `${TICKETS.ada.secret}\u0000`],
    ['a canceled ticket', TICKETS.adasCanceled.secret],
    ['of another event', TICKETS.fair.secret],
    ['a number that is an id', String(TICKETS.ada.id + 1)],
  ])('a secret that is %s: unknown, without data', async (_name, secret) => {
    const answer = await main.redeem(secret === undefined ? {} : { secret });
    expect(answer.text).toBe('{"version": 3, "status": "error", "reason": "unknown_ticket"}');
    expect(await lastEvents(1)).toMatchObject([
      {
        type: 'RedemptionRefused',
        actor: expect.stringMatching(/^droidkey:\d+$/),
        data: { reason: 'unknown_ticket', position: null, list: LISTS.main, app: 'pretixdroid' },
      },
    ]);
  });

  test('any character may stand in a secret', async () => {
    expect(outcomeOf(await main.redeem({ secret: TICKETS.strange.secret }))).toEqual([200, 'ok']);
  });

  test('the last of several secrets counts', async () => {
    const body = `secret=nosuchticket&secret=${TICKETS.digits.secret}`;
    expect(
      outcomeOf(await system.call('POST', `${OPENAIR}redeem/?key=${DROID_KEYS.main}`, { body, headers: FORM })),
    ).toEqual([200, 'ok']);
  });

  test('a multipart form is a form; JSON and text are not', async () => {
    const url = `${OPENAIR}redeem/?key=${DROID_KEYS.main}`;
    const { secret } = TICKETS.adasId;
    for (const type of ['application/json', 'text/plain', 'application/xml']) {
      const answer = await system.call('POST', url, {
        body: JSON.stringify({ secret }),
        headers: { 'content-type': type },
      });
      expect(outcomeOf(answer)).toEqual([200, 'unknown_ticket']);
    }
    const broken = await system.call('POST', url, {
      body: '{"secret',
      headers: { 'content-type': 'application/json' },
    });
    expect(outcomeOf(broken)).toEqual([200, 'unknown_ticket']);
    const body = `--x\r\nContent-Disposition: form-data; name="secret"\r\n\r\n${secret}\r\n--x--\r\n`;
    const answer = await system.call('POST', url, {
      body,
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
    expect(outcomeOf(answer)).toEqual([200, 'ok']);
  });

  test('no body at all', async () => {
    expect(outcomeOf(await system.call('POST', `${OPENAIR}redeem/?key=${DROID_KEYS.main}`))).toEqual([
      200,
      'unknown_ticket',
    ]);
  });

  test('what is told of a scan names the key and the app, never the key itself', async () => {
    const { secret } = TICKETS.voucher;
    for (const outcome of ['ok', 'already_redeemed']) {
      expect(outcomeOf(await passes.redeem({ secret }))).toEqual([200, outcome]);
    }
    const recorded = await lastEvents(2);
    const by = { actor: expect.stringMatching(/^droidkey:\d+$/), data: { app: 'pretixdesk', list: LISTS.passes } };
    expect(recorded).toMatchObject([
      { type: 'PositionRedeemed', ...by },
      { type: 'RedemptionRefused', ...by },
    ]);
    expect(JSON.stringify(recorded)).not.toContain(DROID_KEYS.passes);
  });

  describe('flags', () => {
    const { secret } = TICKETS.vip;
    beforeAll(() => main.redeem({ secret }));

    test.each([
      ['true', 'ok'],
      ['True', 'ok'],
      ['TRUE', 'already_redeemed'],
      ['1', 'already_redeemed'],
      ['yes', 'already_redeemed'],
      ['false', 'already_redeemed'],
      ['', 'already_redeemed'],
    ])('force=%s: %s', async (force, outcome) => {
      expect(outcomeOf(await main.redeem({ secret, force }))).toEqual([200, outcome]);
    });

    test('a forced repeat is told, and is no second check-in', async () => {
      await main.redeem({ secret, force: 'true' });
      expect(await lastEvents(1)).toMatchObject([{ type: 'PositionRedeemed', data: { first: false, forced: true } }]);
    });

    test.each([
      ['true', 'incomplete'],
      ['false', 'incomplete'],
      ['0', 'incomplete'],
    ])('questions_supported=%s: %s', async (questions_supported, outcome) => {
      expect(outcomeOf(await survey.redeem({ secret: TWO_QUESTIONS.ticket.secret, questions_supported }))).toEqual([
        200,
        outcome,
      ]);
    });

    test('an empty questions_supported is off', async () => {
      const { secret: asked } = QUESTIONS.S.required.ticket;
      expect(outcomeOf(await survey.redeem({ secret: asked, questions_supported: '' }))).toEqual([200, 'ok']);
    });
  });

  describe('unpaid', () => {
    const { secret } = TICKETS.pending;
    test.each([
      ['a list without pending', () => main, {}, 'unpaid', false],
      ['ignore_unpaid on a list without pending', () => main, { ignore_unpaid: 'true' }, 'unpaid', false],
      ['a list with pending', () => pending, {}, 'unpaid', false],
      ['ignore_unpaid=1', () => pending, { ignore_unpaid: '1' }, 'unpaid', false],
      ['ignore_unpaid=true', () => pending, { ignore_unpaid: 'true' }, 'ok', false],
      ['force', () => main, { force: 'True' }, 'ok', true],
    ])('%s', async (_name, scanner, fields, outcome, redeemed) => {
      const answer = await scanner().redeem({ secret, ...fields });
      expect(outcomeOf(answer)).toEqual([200, outcome]);
      // Not whether it has entered, but whether it is paid or was forced.
      expect((answer.body as Redeemed).data).toMatchObject({ redeemed, paid: false });
    });

    test.each([TICKETS.expired, TICKETS.canceledOrder])(
      'an order that is over is unpaid, forced or not: $secret',
      async ({ secret: over }) => {
        expect(outcomeOf(await main.redeem({ secret: over }))).toEqual([200, 'unpaid']);
        const forced = await main.redeem({ secret: over, force: 'true' });
        expect(forced.body).toMatchObject({ reason: 'unpaid', data: { redeemed: true } });
      },
    );
  });

  describe('product', () => {
    const { secret } = TICKETS.old;
    test('not on the list', async () => {
      expect(outcomeOf(await passes.redeem({ secret }))).toEqual([200, 'product']);
      expect(outcomeOf(await passes.redeem({ secret, force: 'true' }))).toEqual([200, 'product']);
    });
    test('kept from the key goes before every other check', async () => {
      expect(outcomeOf(await dayAndShirt.redeem({ secret }))).toEqual([200, 'product']);
      expect(outcomeOf(await dayAndShirt.redeem({ secret, force: 'true' }))).toEqual([200, 'product']);
      expect(outcomeOf(await dayAndShirt.redeem({ secret: TICKETS.expired.secret }))).toEqual([200, 'product']);
      expect(outcomeOf(await dayAndShirt.redeem({ secret: TICKETS.friday.secret }))).toEqual([200, 'ok']);
    });
  });

  describe('nonce', () => {
    const { secret } = TICKETS.saturday;
    test('the same again is ok and writes nothing; another is refused; an empty one is none', async () => {
      expect(outcomeOf(await main.redeem({ secret, nonce: 'n1' }))).toEqual([200, 'ok']);
      const written = (await system.events()).length;
      expect(outcomeOf(await main.redeem({ secret, nonce: 'n1' }))).toEqual([200, 'ok']);
      expect(await system.events()).toHaveLength(written);
      expect(outcomeOf(await main.redeem({ secret, nonce: 'n2' }))).toEqual([200, 'already_redeemed']);
      expect(outcomeOf(await main.redeem({ secret, nonce: '' }))).toEqual([200, 'already_redeemed']);
    });

    test.each([
      ['191 characters', 'n'.repeat(191), 'The nonce has more than 190 characters.'],
      ['a NUL', 'n\u0000', 'The nonce has characters that are not allowed.'],
    ])('%s: 400 before the ticket is looked up', async (_name, nonce, text) => {
      for (const each of [secret, 'nosuchticket']) {
        const answer = await main.redeem({ secret: each, nonce });
        expect(answer).toMatchObject({ status: 400, text });
        expect(answer.headers['content-type']).toBe(HTML);
      }
    });

    test('190 characters are 190 characters, whatever they take in UTF-16', async () => {
      const { secret: other } = TICKETS.nameless;
      expect(outcomeOf(await main.redeem({ secret: other, nonce: '😀'.repeat(190) }))).toEqual([200, 'ok']);
      expect(outcomeOf(await main.redeem({ secret: other, nonce: '😀'.repeat(190) }))).toEqual([200, 'ok']);
    });
  });

  describe('datetime', () => {
    test.each([
      ['minutes, as the app sends it', TICKETS.ada, '2027-07-01T10:15Z', '2027-07-01T10:15:00Z'],
      ['a zone', TICKETS.adasParking, '2027-07-01T12:15:30+02:00', '2027-07-01T10:15:30Z'],
      ['no zone: the server’s', TICKETS.graceShirt, '2027-07-01 10:15', '2027-07-01T10:15:00Z'],
      ['microseconds', TICKETS.invoice, '2027-07-01T10:15:00.123456Z', '2027-07-01T10:15:00.123456Z'],
      ['how people write it', TICKETS.namelessInvoice, '1 July 2027 10:15', '2027-07-01T10:15:00Z'],
    ])('%s', async (_name, { secret, id }, datetime, told) => {
      expect(outcomeOf(await main.redeem({ secret, datetime }))).toEqual([200, 'ok']);
      expect(await lastEvents(1)).toMatchObject([{ stream: `ticket-${id}`, data: { datetime: told } }]);
    });

    test.each(['yesterday', '2027-13-01T10:00Z', '10:15', ' ', '2027-07-01T10:15Z\u0000', '9'.repeat(5000)])(
      'unreadable: %j',
      async (datetime) => {
        for (const secret of [TICKETS.voucher.secret, 'nosuchticket']) {
          const answer = await main.redeem({ secret, datetime });
          expect(answer).toMatchObject({ status: 400, text: 'The datetime cannot be read.' });
          expect(answer.headers['content-type']).toBe(HTML);
        }
      },
    );

    test('empty is absent', async () => {
      const before = new Date().toISOString();
      expect(outcomeOf(await main.redeem({ secret: TICKETS.voucher.secret, datetime: '' }))).toEqual([200, 'ok']);
      const [event] = await lastEvents(1);
      expect(String(event!.data['datetime']) >= before).toBe(true);
    });
  });

  describe('questions', () => {
    test('are asked in their order, with their keys in order and items (§12 row 1)', async () => {
      const answer = await survey.redeem({ secret: TWO_QUESTIONS.ticket.secret, questions_supported: 'true' });
      expect(Object.keys(answer.body as object)).toEqual(['version', 'status', 'questions', 'data']);
      expect((answer.body as Redeemed).questions).toEqual([
        {
          id: 390,
          type: 'S',
          question: 'Question 390?',
          required: true,
          position: 1,
          options: [],
          items: [TWO_QUESTIONS.item],
        },
        {
          id: 391,
          type: 'B',
          question: 'Question 391?',
          required: false,
          position: 2,
          options: [],
          items: [TWO_QUESTIONS.item],
        },
      ]);
      expect(Object.keys((answer.body as Redeemed).questions![0]!)).toEqual([
        'id',
        'type',
        'question',
        'required',
        'position',
        'options',
        'items',
      ]);
    });

    test('options are text in the language of the request', async () => {
      const { ticket, question, options } = QUESTIONS.C.required;
      const answer = await survey.redeem(
        { secret: ticket.secret, questions_supported: '1' },
        { 'accept-language': 'de' },
      );
      expect((answer.body as Redeemed).questions).toMatchObject([
        {
          question: `Frage ${question}?`,
          options: [
            { id: options[0], answer: 'Klein' },
            { id: options[1], answer: 'Medium' },
            { id: options[2], answer: 'Large' },
          ],
        },
      ]);
    });

    const answers: [QuestionType, string, string][] = [
      ['N', '3.50', '3.50'],
      ['T', 'two\nlines', 'two\nlines'],
      ['B', 'true', 'True'],
      ['F', 'any text', 'any text'],
      ['D', '18.07.2027', '2027-07-18'],
      ['H', '6pm', '18:00:00'],
      ['W', '2027-07-18T20:00', '2027-07-18 20:00:00+02:00'],
    ];
    test.each(answers)('an answer of type %s: %j is kept as %j', async (type, sent, kept) => {
      const { ticket, question } = QUESTIONS[type].required;
      const fields = { secret: ticket.secret, questions_supported: 'true' };
      expect(outcomeOf(await survey.redeem(fields))).toEqual([200, 'incomplete']);
      expect(outcomeOf(await survey.redeem({ ...fields, [`answer_${question}`]: sent }))).toEqual([200, 'ok']);
      expect(await lastEvents(2)).toMatchObject([
        { type: 'PositionRedeemed' },
        { type: 'AnswersGiven', data: { answers: [{ question, answer: kept }] } },
      ]);
    });

    test('several options, by ids and commas', async () => {
      const { ticket, question, options } = QUESTIONS.M.required;
      const [first, , third] = options;
      const fields = { secret: ticket.secret, questions_supported: 'true' };
      expect(outcomeOf(await survey.redeem({ ...fields, [`answer_${question}`]: `${third},99` }))).toEqual([
        200,
        'incomplete',
      ]);
      expect(outcomeOf(await survey.redeem({ ...fields, [`answer_${question}`]: `${third},${first}` }))).toEqual([
        200,
        'ok',
      ]);
      expect(await lastEvents(1)).toMatchObject([
        { data: { answers: [{ answer: 'Small, Large', options: [first, third] }] } },
      ]);
    });

    test('an answer with a NUL is none', async () => {
      const { ticket, question } = QUESTIONS.S.optional;
      const answer = await survey.redeem({
        secret: ticket.secret,
        questions_supported: 'true',
        [`answer_${question}`]: 'a\u0000',
      });
      expect(outcomeOf(answer)).toEqual([200, 'incomplete']);
    });

    test('types that crash old scanners are not asked', async () => {
      for (const type of ['CC', 'TEL'] as const) {
        const { ticket } = QUESTIONS[type].required;
        expect(outcomeOf(await survey.redeem({ secret: ticket.secret, questions_supported: 'true' }))).toEqual([
          200,
          'ok',
        ]);
      }
    });

    test('answers too large for history: 400', async () => {
      const { ticket, question } = QUESTIONS.T.optional;
      const answer = await survey.redeem({ secret: ticket.secret, [`answer_${question}`]: 'x'.repeat(1_500_000) });
      expect(answer).toMatchObject({ status: 400, text: 'The answers are too large.' });
    });

    test('without any', async () => {
      expect(
        outcomeOf(await survey.redeem({ secret: NO_QUESTION.ticket.secret, questions_supported: 'true' })),
      ).toEqual([200, 'ok']);
    });
  });

  test('what is decided is told with the key’s id and the trace, never with the key', async () => {
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await main.redeem({ secret: TICKETS.attentionOrder.secret }, { traceparent: trace });
    const [event] = (await system.events()).slice(-1);
    expect(event).toMatchObject({ actor: expect.stringMatching(/^droidkey:\d+$/), trace, data: { list: LISTS.main } });
    expect(JSON.stringify(await system.events())).not.toContain('DroidMain');
  });
});

describe('§3.4 search', () => {
  test.each([
    ['the start of a secret', 'ada1', ['ada1pass']],
    ['in another case', 'ADA1P', ['ada1pass']],
    ['not the end of a secret', '1pass', []],
    ['a part of a name, and of the parent’s', 'lovelac', ['ada1pass', 'ada2parking', 'ada3shirt']],
    ['a name with letters beyond ASCII', 'ærøskøbing', ['frid1day']],
    ['an order code', 'inVO', ['invo1pass']],
    ['an invoice address’s name', 'JÜRGEN GROSS', ['invo1pass']],
    ['no e-mail of the ticket', 'lovelace@', []],
    ['no e-mail of the order', 'ada@example', []],
    ['an order of any status', 'noether', ['expi1pass']],
    ['an order in test mode', 'tester', ['test1pass']],
    ['no canceled ticket', 'ada4', []],
    ['three characters', 'Ada', []],
    ['four characters that are more in UTF-16', '😀😀😀', []],
    ['what a pattern would match', 'ad%pass', []],
    ['another one', 'a_a1', []],
    ['a backslash', '\\\\\\\\', []],
    ['a NUL', 'ada1\u0000', []],
    ['nothing', '', []],
  ])('%s', async (_name, query, secrets) => {
    expect(secretsOf(await main.get('search/', { query }))).toEqual(secrets);
  });

  test('no query', async () => {
    expect((await main.get('search/')).text).toBe('{"version": 3, "results": []}');
  });

  test('by positionid, then id (at most 25: droid-captures.test.ts)', async () => {
    const found = resultsOf(await survey.get('search/', { query: 'asked' }));
    expect(found).toHaveLength(24);
    const key = (ticket: Ticket) =>
      Object.values(QUESTIONS)
        .flatMap(({ required, optional }) => [required, optional])
        .find((each) => each.ticket.secret === ticket.secret)!.ticket.id;
    expect(found.map(key)).toEqual(found.map(key).sort((a, b) => a - b));
  });

  test('only what is on the list, and not kept from the key', async () => {
    expect(secretsOf(await passes.get('search/', { query: 'frid1' }))).toEqual([]);
    expect(secretsOf(await passes.get('search/', { query: 'ada1' }))).toEqual(['ada1pass']);
    expect(secretsOf(await dayAndShirt.get('search/', { query: 'lovelace' }))).toEqual(['ada3shirt']);
  });

  test('a key that may not search finds secrets alone', async () => {
    const noSearch = at('demo/openair', DROID_KEYS.noSearch);
    expect(secretsOf(await noSearch.get('search/', { query: 'lovelace' }))).toEqual([]);
    expect(secretsOf(await noSearch.get('search/', { query: 'ADA01' }))).toEqual([]);
    expect(secretsOf(await noSearch.get('search/', { query: 'ada1' }))).toEqual(['ada1pass']);
  });

  test('redeemed: has entered by this list', async () => {
    expect(resultsOf(await main.get('search/', { query: 'ente1' }))[0]).toMatchObject({ redeemed: true });
    expect(resultsOf(await pending.get('search/', { query: 'ente1' }))[0]).toMatchObject({ redeemed: false });
  });
});

describe('§3.5 download', () => {
  const openairSecrets = Object.values(TICKETS).map(({ secret }) => secret);

  test('paid tickets without test mode, by positionid and id', async () => {
    const secrets = secretsOf(await main.get('download/'));
    expect(secrets).not.toContain(TICKETS.test.secret);
    expect(secrets).not.toContain(TICKETS.pending.secret);
    expect(secrets).not.toContain(TICKETS.adasCanceled.secret);
    expect(secrets.indexOf('ada2parking')).toBeGreaterThan(secrets.indexOf('ente1pass'));
    expect(secrets.at(-1)).toBe('ada3shirt');
    expect(secrets.every((secret) => openairSecrets.includes(secret as never))).toBe(true);
  });

  test('pending ones where the list lets them in; only what the key shows', async () => {
    expect(secretsOf(await pending.get('download/'))).toEqual(expect.arrayContaining(['pend1pass', 'pens2shirt']));
    expect(secretsOf(await passes.get('download/'))).not.toContain('frid1day');
    expect(secretsOf(await dayAndShirt.get('download/'))).toEqual(['frid1day', 'satu2day', 'ada3shirt']);
  });

  test('is what search shows, ticket by ticket', async () => {
    for (const [scanner, headers] of [
      [main, {}],
      [main, { 'accept-language': 'de' }],
      [pending, {}],
    ] as const) {
      for (const ticket of resultsOf(await scanner.get('download/', {}, headers))) {
        const found = resultsOf(await scanner.get('search/', { query: ticket.secret.padEnd(4) }, headers));
        expect(found.find(({ secret }) => secret === ticket.secret)).toEqual(ticket);
      }
    }
  });

  test('shows an entry the moment it is told, and a ticket the moment it is known', async () => {
    const gate = at('other/fair', DROID_KEYS.fair);
    const { secret } = TICKETS.fair;
    expect(resultsOf(await gate.get('download/'))).toMatchObject([{ secret, redeemed: false }]);
    expect(outcomeOf(await gate.redeem({ secret }))).toEqual([200, 'ok']);
    expect(resultsOf(await gate.get('download/'))).toMatchObject([{ secret, redeemed: true }]);
    expect(
      resultsOf(await main.get('download/')).find((ticket) => ticket.secret === TICKETS.entered.secret),
    ).toMatchObject({ redeemed: true });
  });

  test('questions with their items, without types that crash old scanners', async () => {
    const { questions } = (await survey.get('download/')).body as Results;
    expect(questions!.map(({ type }) => type)).not.toEqual(expect.arrayContaining(['CC']));
    expect(questions).toHaveLength(22);
    expect(questions).toContainEqual({
      ...{
        id: 390,
        type: 'S',
        question: 'Question 390?',
        required: true,
        position: 1,
        options: [],
        items: [TWO_QUESTIONS.item],
      },
    });
    // Not asked at check-in.
    expect(questions!.map(({ id }) => id)).not.toContain(392);
  });

  test('is compressed for who takes that, and nothing for who has it', async () => {
    const plain = await main.get('download/');
    expect(plain.headers).toMatchObject({
      'content-length': String(Buffer.byteLength(plain.text)),
      'content-type': 'application/json',
    });
    const { etag } = plain.headers;
    const raw = await fetch(`${system.url}${OPENAIR}download/?key=${DROID_KEYS.main}`, {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect(raw.headers.get('content-encoding')).toBe('gzip');
    expect(raw.headers.get('etag')).toBe(etag);
    expect(await raw.json()).toEqual(plain.body);
    expect(
      (await main.get('download/', {}, { 'accept-encoding': 'gzip;q=0, identity' })).headers['content-encoding'],
    ).toBeUndefined();
    for (const known of [etag!, '*', `"other", ${etag!}`, etag!.replace('W/', '')]) {
      expect(await main.get('download/', {}, { 'if-none-match': known })).toMatchObject({ status: 304, text: '' });
    }
    expect(await main.get('download/', {}, { 'if-none-match': '"other"' })).toMatchObject({ status: 200 });
    const head = await system.call('HEAD', `${OPENAIR}download/?key=${DROID_KEYS.main}`);
    expect(head).toMatchObject({
      status: 200,
      text: '',
      headers: { etag, 'content-length': plain.headers['content-length'] },
    });
  });

  test('follows what the shop changes', async () => {
    const before = resultsOf(await main.get('download/'));
    const order = openairOrder(TICKETS.pending.order);
    const paid = { ...order, status: 'p' as const };
    await system.import(festivalWith([paid]));
    const after = resultsOf(await main.get('download/'));
    const added = after.filter(({ secret }) => !before.some((ticket) => ticket.secret === secret));
    // Its pass was forced in by this list above.
    expect(added).toMatchObject([
      { secret: TICKETS.pending.secret, paid: true, redeemed: true },
      { secret: TICKETS.pendingShirt.secret, paid: true, redeemed: false },
    ]);
    expect(after).toEqual(resultsOf(await at('demo/openair', DROID_KEYS.main).get('download/')));
    await system.import(festivalWith([order]));
    expect(resultsOf(await main.get('download/'))).toEqual(before);
  });
});

describe('§3.6 status', () => {
  test('has its keys in their order', async () => {
    const { body } = await main.get('status/');
    const { event, items } = body as { event: object; items: { variations: object[] }[] };
    expect(Object.keys(body as object)).toEqual(['version', 'event', 'checkins', 'total', 'items']);
    expect(Object.keys(event)).toEqual([
      'name',
      'list',
      'slug',
      'organizer',
      'subevent',
      'date_from',
      'date_to',
      'timezone',
      'url',
    ]);
    expect(Object.keys(items[1]!)).toEqual(['id', 'name', 'admission', 'checkins', 'total', 'variations']);
    expect(Object.keys(items[1]!.variations[0]!)).toEqual(['id', 'name', 'checkins', 'total']);
  });

  test('of an event', async () => {
    expect((await main.get('status/', {}, { 'accept-language': 'de' })).body).toMatchObject({
      event: {
        name: 'Freiluft',
        list: 'Main gate',
        slug: 'openair',
        organizer: { name: 'Demo Festival Society', slug: 'demo' },
        subevent: 'Freiluft',
        date_from: '2027-07-01T16:00:00Z',
        date_to: '2027-07-04T22:00:00Z',
        timezone: 'UTC',
        url: `${system.url}/demo/openair/`,
      },
    });
  });

  test('all items by id, their variations by position, zeros included', async () => {
    const { items } = (await passes.get('status/')).body as {
      items: { id: number; total: number; variations: { id: number }[] }[];
    };
    const own = [ITEMS.pass, ITEMS.day, ITEMS.shirt, ITEMS.parking, ITEMS.vip, ITEMS.old, ITEMS.loose];
    expect(items.map(({ id }) => id)).toEqual(own);
    expect(items[1]!.variations.map(({ id }) => id)).toEqual([VARIATIONS.friday, VARIATIONS.saturday]);
    // `limit_products` zeroes what is not on the list.
    expect(items.filter(({ total }) => total > 0).map(({ id }) => id)).toEqual([ITEMS.pass, ITEMS.vip]);
  });

  test('the key’s own restriction is not applied', async () => {
    await system.settled();
    const [all, restricted] = await Promise.all([main.get('status/'), dayAndShirt.get('status/')]);
    expect(restricted.body).toEqual(all.body);
  });

  test('numbers are those of the tickets; rows of canceled tickets count as check-ins', async () => {
    await system.settled();
    const { checkins, total, items } = (await main.get('status/')).body as {
      checkins: number;
      total: number;
      items: { id: number; checkins: number; total: number; variations: { checkins: number; total: number }[] }[];
    };
    const download = resultsOf(await main.get('download/'));
    const sum = (numbers: number[]) => numbers.reduce((all, each) => all + each, 0);
    // The ticket in test mode is counted, but not downloaded.
    expect(total).toBe(download.length + 1);
    expect(checkins).toBe(download.filter(({ redeemed }) => redeemed).length + 1);
    expect([sum(items.map((item) => item.checkins)), sum(items.map((item) => item.total))]).toEqual([checkins, total]);
    const day = items.find(({ id }) => id === ITEMS.day)!;
    expect([sum(day.variations.map((each) => each.checkins)), sum(day.variations.map((each) => each.total))]).toEqual([
      day.checkins,
      day.total,
    ]);
  });
});
