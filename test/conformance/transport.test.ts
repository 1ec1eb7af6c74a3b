import { request as httpRequest } from 'node:http';
import { checkin } from '@gatehouse/checkin/service';
import { captures } from '@gatehouse/test-support/captures';
import {
  CROWD,
  DATES,
  DEVICES,
  festival,
  ITEMS,
  LISTS,
  OPENAIR,
  SURVEY,
  TICKETS,
  TOKENS,
} from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import type { Answer } from '@gatehouse/service/testing';
import fc from 'fast-check';

const captured = captures('4.13');
const captured38 = captures('3.8');
const token = TOKENS.admin;
const lists = `${OPENAIR}checkinlists/`;
const list = `${lists}${LISTS.main}/`;
const positions = `${list}positions/`;
const redeem = `${positions}${TICKETS.ada.id}/redeem/`;
const asJson = { 'content-type': 'application/json' };

let system: System;

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
});
afterAll(() => system.close());

const get = (target: string, headers: Record<string, string> = {}) => system.call('GET', target, { token, headers });
const crowdRedeem = (n: number) => `${CROWD}checkinlists/${LISTS.crowd}/positions/${TICKETS.crowdFirst.id + n}/redeem/`;

/** Every route with a request and its expected reply. */
const routes: [what: string, method: string, target: string, allow: string][] = [
  ['lists', 'GET', lists, 'GET, POST, HEAD, OPTIONS'],
  ['a list', 'GET', list, 'GET, PUT, PATCH, DELETE, HEAD, OPTIONS'],
  ['status', 'GET', `${list}status/`, 'GET, HEAD, OPTIONS'],
  ['positions', 'GET', positions, 'GET, HEAD, OPTIONS'],
  ['a position', 'GET', `${positions}${TICKETS.ada.id}/`, 'GET, HEAD, OPTIONS'],
  ['redeem', 'POST', redeem, 'POST, OPTIONS'],
];

describe('contract §1.1 slashes', () => {
  test.each(routes.filter(([, method]) => method === 'GET'))(
    '%s: GET, HEAD and OPTIONS with and without',
    async (_what, _method, target) => {
      for (const method of ['GET', 'HEAD', 'OPTIONS']) {
        const [slash, none] = [
          await system.call(method, target, { token }),
          await system.call(method, target.slice(0, -1), { token }),
        ];
        expect(none.status).toBe(200);
        expect(none.text.replaceAll(target.slice(0, -1), '')).toBe(slash.text.replaceAll(target.slice(0, -1), ''));
      }
    },
  );

  test('POST, PUT, PATCH and DELETE without: no redirect, no 404', async () => {
    const made = await system.call('POST', lists.slice(0, -1), { token, json: { name: 'No slash' } });
    expect(made.status).toBe(201);
    const one = `${lists}${(made.body as { id: number }).id}`;
    expect(await system.call('PUT', one, { token, json: { name: 'Put' } })).toMatchObject({
      status: 200,
      body: { name: 'Put' },
    });
    expect(await system.call('PATCH', one, { token, json: { name: 'Patch' } })).toMatchObject({
      status: 200,
      body: { name: 'Patch' },
    });
    expect(await system.call('DELETE', one, { token })).toMatchObject({ status: 204 });
    expect(await system.call('POST', crowdRedeem(0).slice(0, -1), { token })).toMatchObject({
      status: 201,
      body: { status: 'ok' },
    });
  });

  test('the query is kept', async () => {
    expect((await get(`${lists.slice(0, -1)}?page_size=1`)).body).toMatchObject({ results: [{ name: 'Auto' }] });
  });
});

describe('contract §1.1 addresses', () => {
  test('/api/ leads to /api/v1/, as the reference says', async () => {
    const reference = captured38('rest-api-redirect').response;
    expect(await get('/api/')).toMatchObject({
      status: reference.status,
      headers: { location: reference.headers['Location'] },
    });
    expect(await get('/api/v1/')).toMatchObject({
      status: 200,
      body: { organizers: `${system.url}/api/v1/organizers/` },
    });
    expect(captured38('rest-api-root').body).toEqual({ organizers: 'https://pretix.example.org/api/v1/organizers/' });
  });

  test.each([
    '/',
    '/nothing',
    '/api/v2/',
    '/api/v1/nothing/',
    '/apix/v1/organizers/',
    `${OPENAIR}nosuchthing/`,
    `${OPENAIR}checkinlist/${LISTS.main}/`,
    `${lists}/`,
    `${lists}${LISTS.main}//`,
    `${list}nothing/`,
    `${lists.replace('/checkinlists', '//checkinlists')}`,
    '/API/v1/organizers/demo/events/openair/checkinlists/',
    '/%00',
    '/%ff',
    '/..%2f..%2fetc/passwd',
  ])('an unknown route is an HTML 404 whoever asks: %s', async (target) => {
    for (const ask of [
      { token },
      {},
      { headers: { authorization: 'Basic x' } },
      { token, headers: { accept: 'text/csv' } },
    ]) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        const answer = await system.call(method, target, ask);
        expect(answer).toMatchObject({ status: 404, headers: { 'content-type': 'text/html; charset=utf-8' } });
        expect(answer.text).toMatch(/^</);
      }
    }
  });

  test('an unknown object is a JSON 404', async () => {
    for (const target of [
      `${lists}99999/`,
      `${positions}99999/`,
      `${positions}nobody/`,
      `${lists}99999/status/`,
      `${lists}x/positions/`,
    ]) {
      expect(await get(target)).toMatchObject({ status: 404, text: '{"detail":"Not found."}' });
    }
    expect(await system.call('POST', `${positions}nobody/redeem/`, { token })).toMatchObject({
      status: 404,
      text: '{"detail":"Not found."}',
    });
    expect(captured('cart-detail-unknown').response.text).toBe('{"detail":"Not found."}');
  });

  test('HEAD is GET without its body', async () => {
    const [full, head] = [await get(lists), await system.call('HEAD', lists, { token })];
    expect(head).toMatchObject({ status: captured('cart-head').response.status, text: '' });
    expect(head.headers['content-length']).toBe(full.headers['content-length']);
    expect(await system.call('HEAD', `${lists}99999/`, { token })).toMatchObject({ status: 404, text: '' });
  });

  test('OPTIONS tells what is read and written', async () => {
    const { name: _name, actions: _actions, ...reference } = captured('cart-options').body as Record<string, unknown>;
    for (const [, , target, allow] of routes) {
      expect(await system.call('OPTIONS', target, { token })).toMatchObject({
        status: 200,
        body: reference,
        headers: { allow },
      });
    }
  });
});

describe('contract §1.4 405', () => {
  test.each(routes)('%s, with Allow, also for unknown ids', async (_what, _method, target, allow) => {
    const allowed = allow.split(', ');
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((each) => !allowed.includes(each))) {
      for (const at of [
        target,
        target.slice(0, -1),
        target.replace(String(LISTS.main), '99999').replace(String(TICKETS.ada.id), 'x'),
      ]) {
        const answer = await system.call(method, at, { token, body: '{', headers: { 'content-type': 'text/plain' } });
        expect(answer).toMatchObject({
          status: 405,
          text: `{"detail":"Method \\"${method}\\" not allowed."}`,
          headers: { allow },
        });
      }
    }
    expect(captured('cart-patch').response.text).toBe('{"detail":"Method \\"PATCH\\" not allowed."}');
  });

  test('methods that nobody knows', async () => {
    for (const method of ['TRACE', 'PROPFIND', 'REPORT']) {
      expect(await system.call(method, lists, { token })).toMatchObject({
        status: 405,
        body: { detail: `Method "${method}" not allowed.` },
      });
    }
  });
});

describe('contract §1.4 406', () => {
  test.each(['text/html', 'application/xml', 'text/*', 'x'])('Accept: %s', async (accept) => {
    for (const [, method, target] of routes) {
      expect(await system.call(method, target, { token, headers: { accept } })).toMatchObject({
        status: 406,
        body: captured('cart-list-html').body,
      });
    }
  });

  test('comes before authentication', async () => {
    expect(await system.call('GET', lists, { headers: { accept: 'text/html' } })).toMatchObject({ status: 406 });
  });

  test.each([
    '*/*',
    'application/json',
    'application/json, text/javascript',
    'application/*',
    'text/html, */*;q=0.1',
    'APPLICATION/JSON',
    '',
  ])('Accept: %s is fine', async (accept) => {
    expect(await get(lists, { accept })).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json' },
    });
  });
});

describe('contract §1.4 headers', () => {
  test.each(routes)('%s', async (_what, method, target, allow) => {
    const { headers } = await system.call(method, target, { token, json: {} });
    expect(headers).toMatchObject({ allow, 'content-type': 'application/json', 'content-language': 'en' });
    for (const name of ['Accept', 'Accept-Language', 'Cookie', 'Host']) expect(headers['vary']).toContain(name);
    expect(headers['x-powered-by']).toBeUndefined();
  });

  test('errors carry them, too', async () => {
    expect((await system.call('GET', lists)).headers).toMatchObject({
      allow: 'GET, POST, HEAD, OPTIONS',
      'www-authenticate': 'Token',
    });
    expect((await get(`${lists}99999/`)).headers['vary']).toContain('Accept');
  });
});

describe('contract, Transport: the order of checks', () => {
  const html = { accept: 'text/html' };
  const text = { 'content-type': 'text/plain' };

  test('Accept, authentication, permission, method, objects, query, body', async () => {
    const target = `${lists}99999/positions/1/redeem/?item=x`;
    const ask = (method: string, at: string, headers: Record<string, string>, withToken?: string) =>
      system.call(method, at, { ...(withToken && { token: withToken }), headers, body: '{' });
    expect(await ask('GET', target, { ...html, ...text })).toMatchObject({ status: 406 });
    expect(await ask('GET', target, text)).toMatchObject({ status: 401 });
    expect(await ask('GET', target, text, TOKENS.nothing)).toMatchObject({ status: 403 });
    expect(await ask('GET', target, text, token)).toMatchObject({ status: 405 });
    expect(await ask('POST', target, text, token)).toMatchObject({ status: 404 });
    expect(await ask('POST', `${positions}99999/redeem/?item=x`, text, token)).toMatchObject({
      status: 400,
      body: { item: expect.anything() },
    });
    expect(await ask('POST', `${positions}99999/redeem/`, text, token)).toMatchObject({ status: 404 });
    expect(await ask('POST', redeem, text, token)).toMatchObject({ status: 415 });
    expect(await ask('POST', redeem, asJson, token)).toMatchObject({
      status: 400,
      body: { detail: expect.stringMatching(/^JSON parse error - /) },
    });
  });

  test('objects before the body in lists, too', async () => {
    for (const method of ['PUT', 'PATCH']) {
      expect(await system.call(method, `${lists}99999/`, { token, body: '{', headers: text })).toMatchObject({
        status: 404,
      });
    }
  });
});

describe('contract §1.4 bodies', () => {
  const targets: [string, () => string][] = [
    ['a list', () => lists],
    ['a redeem', () => redeem],
  ];

  test.each(targets)('%s: 415 names the type as it was sent', async (_what, target) => {
    for (const type of ['text/plain', 'application/xml', 'application/json-patch+json', 'Text/Plain; charset=utf-8']) {
      expect(
        await system.call('POST', target(), { token, body: 'x', headers: { 'content-type': type } }),
      ).toMatchObject({
        status: 415,
        body: { detail: `Unsupported media type "${type}" in request.` },
      });
    }
    expect(captured('cart-create-text-plain').body).toEqual({
      detail: 'Unsupported media type "text/plain" in request.',
    });
  });

  test.each(targets)('%s: 400 for broken JSON, as the reference', async (_what, target) => {
    for (const body of ['{', 'nope', '{"a":1,}', '"\\', '{"a":\u0001}', Buffer.from([0x22, 0xff, 0x22])]) {
      expect(await system.call('POST', target(), { token, body, headers: asJson })).toMatchObject({
        status: 400,
        body: captured('cart-create-bad-json').body,
      });
    }
  });

  test.each(targets)('%s: 400 for JSON that is nested ten thousand levels deep', async (_what, target) => {
    for (const body of [
      '['.repeat(10_000) + ']'.repeat(10_000),
      `{"name":"x","answers":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`,
      `{"name":"x","unknown":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
      '['.repeat(1_000_000),
    ]) {
      expect(await system.call('POST', target(), { token, body, headers: asJson })).toMatchObject({ status: 400 });
    }
  });

  test.each(targets)('%s: 413 beyond 2.5 MB, told in advance or not', async (_what, target) => {
    const big = Buffer.alloc(10_000_000, ' ');
    for (const type of ['application/json', 'application/x-www-form-urlencoded']) {
      const answer = await system.call('POST', target(), { token, body: big, headers: { 'content-type': type } });
      expect(answer).toMatchObject({ status: 413, headers: { 'content-type': 'application/json' } });
      expect(answer.body).toEqual({ detail: expect.any(String) });
    }
    expect(await chunked(target(), big)).toBe(413);
  });

  test.each(targets)('%s: nothing sent is an empty object, whatever its type', async (_what, target) => {
    const empty = await system.call('POST', target(), { token });
    const typed = await system.call('POST', target(), {
      token,
      headers: { 'content-type': 'text/plain', 'content-length': '0' },
    });
    expect([empty.status, typed.status]).not.toContain(415);
  });

  test('a redeem takes forms, too', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    expect(await system.call('POST', crowdRedeem(1), { token, body: 'nonce=f%C3%BCr', headers: form })).toMatchObject({
      status: 201,
    });
    expect(await system.call('POST', crowdRedeem(1), { token, json: { nonce: 'für' } })).toMatchObject({ status: 201 });
    const multipart = { 'content-type': 'multipart/form-data; boundary=edge' };
    const part = '--edge\r\nContent-Disposition: form-data; name="nonce"\r\n\r\nm\r\n--edge--\r\n';
    expect(await system.call('POST', crowdRedeem(2), { token, body: part, headers: multipart })).toMatchObject({
      status: 201,
    });
    expect(await system.call('POST', crowdRedeem(2), { token, json: { nonce: 'm' } })).toMatchObject({ status: 201 });
    expect(await system.call('POST', crowdRedeem(3), { token, body: '--edge\r\nx', headers: multipart })).toMatchObject(
      { status: 400 },
    );
  });

  test.each(['[]', '"x"', '5', 'true'])('a redeem with a root of %s is a 400', async (body) => {
    expect(await system.call('POST', crowdRedeem(4), { token, body, headers: asJson })).toMatchObject({ status: 400 });
  });

  test('unknown keys are ignored, __proto__ and its like included', async () => {
    const body =
      '{"__proto__":{"force":true},"constructor":{"prototype":{}},"toString":1,"hasOwnProperty":null,"valueOf":[]}';
    expect(await system.call('POST', crowdRedeem(5), { token, body, headers: asJson })).toMatchObject({ status: 201 });
    expect(await system.call('POST', crowdRedeem(5), { token, body, headers: asJson })).toMatchObject({
      status: 400,
      body: { reason: 'already_redeemed' },
    });
  });

  /** Sends a body without Content-Length. */
  function chunked(target: string, body: Buffer): Promise<number> {
    const { hostname, port } = new URL(system.url);
    const headers = { ...asJson, authorization: `Token ${token}`, 'transfer-encoding': 'chunked' };
    return new Promise((resolve, reject) => {
      const sent = httpRequest({ hostname, port, method: 'POST', path: target, headers, agent: false }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode!));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }
});

describe('contract, Transport: NUL and surrogates', () => {
  test('in a path: 404 JSON', async () => {
    for (const [method, target] of [
      ['GET', `${lists}%00/`],
      ['GET', `${positions}a%00b/`],
      ['POST', `${positions}a%00b/redeem/`],
      ['GET', `${OPENAIR.replace('demo', 'de%00mo')}checkinlists/`],
    ] as const) {
      expect(await system.call(method, target, { token })).toMatchObject({
        status: 404,
        text: '{"detail":"Not found."}',
      });
    }
  });

  test('in a query parameter: 400 under its name; in an unknown one it is ignored', async () => {
    expect(await get(`${positions}?search=a%00`)).toMatchObject({
      status: 400,
      text: '{"search":["Null characters are not allowed."]}',
    });
    expect(await get(`${positions}?nothing=%00`)).toMatchObject({ status: 200 });
  });

  test('in a field', async () => {
    expect(await system.call('POST', lists, { token, json: { name: 'a\u0000' } })).toMatchObject({
      status: 400,
      body: { name: ['Null characters are not allowed.'] },
    });
    expect(await system.call('POST', crowdRedeem(6), { token, json: { nonce: '\u0000' } })).toMatchObject({
      status: 400,
      body: { nonce: ['Null characters are not allowed.'] },
    });
  });

  test('a lone surrogate in a field', async () => {
    const body = '{"name":"a\\ud800","nonce":"a\\ud800"}';
    const messages = ['Surrogate characters are not allowed: U+D800.'];
    expect(await system.call('POST', lists, { token, body, headers: asJson })).toMatchObject({
      status: 400,
      body: { name: messages },
    });
    expect(await system.call('POST', crowdRedeem(6), { token, body, headers: asJson })).toMatchObject({
      status: 400,
      body: { nonce: messages },
    });
  });

  test('bytes that are no UTF-8 find nothing', async () => {
    expect(await get(`${positions}%ff%fe/`)).toMatchObject({ status: 404, text: '{"detail":"Not found."}' });
    expect(await get(`${positions}?search=%ff`)).toMatchObject({ status: 200 });
    expect(await get(`${positions}?search=%`)).toMatchObject({ status: 200 });
  });
});

describe('contract, Transport: ids of any length', () => {
  test.each([
    ['2^31', '2147483648'],
    ['2^63 - 1', '9223372036854775807'],
    ['2^63', '9223372036854775808'],
    ['60 digits', '1'.repeat(60)],
    ['4,000 digits', '1'.repeat(4_000)],
  ])('%s', async (_what, id) => {
    for (const target of [
      `${lists}${id}/`,
      `${lists}${id}/status/`,
      `${lists}${id}/positions/`,
      `${positions}${id}/`,
    ]) {
      expect(await get(target)).toMatchObject({ status: 404, text: '{"detail":"Not found."}' });
    }
    expect(await system.call('POST', `${positions}${id}/redeem/`, { token })).toMatchObject({ status: 404 });
    expect(await get(`${positions}?item=${id}`)).toMatchObject({ status: 400, body: { item: [expect.any(String)] } });
    expect(await get(`${positions}?page=${id}`)).toMatchObject({ status: 404, text: '{"detail":"Invalid page."}' });
  });
});

test('contract §1.5 message texts stay English', async () => {
  const ask = { token, json: {}, headers: { 'accept-language': 'de' } };
  expect(await system.call('POST', lists, ask)).toMatchObject({
    status: 400,
    body: { name: ['This field is required.'] },
  });
});

test('large requests are no reason to fall over: headers of 20 kB, a path of 10 kB, 2,000 parameters', async () => {
  expect((await get(lists, { 'x-large': 'x'.repeat(20_000) })).status).toBe(431);
  expect((await get(`${positions}${'x'.repeat(10_000)}/`)).status).toBe(404);
  expect((await get(`${lists}?${'a=1&'.repeat(2_000)}`)).status).toBe(200);
});

describe('whatever is sent', () => {
  const words = [
    'api', 'v1', 'organizers', 'demo', 'other', 'events', 'openair', 'survey', 'tours', 'checkinlists', 'positions', 'redeem', 'status',
    String(LISTS.main), String(LISTS.survey), String(LISTS.pending), String(TICKETS.ada.id), TICKETS.ada.secret, TICKETS.pending.secret, '__proto__',
    '..', '.', '', '%00', '%2F', '%ff', '-1', '1e9', '9'.repeat(30), '%F0%9F%98%80', '%ED%A0%80', "'--", '"', 'null', 'NaN',
  ]; // prettier-ignore
  const parameters = [
    'page', 'page_size', 'ordering', 'search', 'item', 'item__in', 'variation', 'variation__in', 'subevent', 'subevent__in', 'addon_to',
    'addon_to__in', 'voucher', 'voucher__code', 'secret', 'pseudonymization_id', 'order', 'order__status', 'order__status__in',
    'attendee_name', 'has_checkin', 'ignore_status', 'pdf_data', 'key', '__proto__',
  ]; // prettier-ignore
  const fields = [
    'name', 'all_products', 'limit_products', 'subevent', 'include_pending', 'auto_checkin_sales_channels', 'datetime', 'force', 'nonce',
    'ignore_unpaid', 'questions_supported', 'canceled_supported', 'answers', '__proto__', 'constructor',
  ]; // prettier-ignore

  const word = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...words) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map(escaped) },
  );
  const anyPath = fc.array(word, { maxLength: 10 }).map((parts) => `/${parts.join('/')}`);
  const tail = fc.constantFrom('', '/status/', '/positions/', `/positions/`, '/');
  const knownPath = fc.oneof(
    fc.constant(lists),
    fc.tuple(word, tail).map(([id, rest]) => `${lists}${id}${rest}`),
    fc
      .tuple(
        fc.constantFrom(LISTS.main, LISTS.pending, LISTS.passes),
        word,
        fc.constantFrom('/', '/redeem/', '/redeem'),
      )
      .map(([at, id, rest]) => `${lists}${at}/positions/${id}${rest}`),
    fc
      .tuple(fc.integer({ min: 0, max: 30 }), fc.constantFrom('', 'redeem/'))
      .map(([i, rest]) => `${SURVEY}checkinlists/${LISTS.survey}/positions/${3001 + i}/${rest}`),
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom(
      '',
      'true',
      '0',
      'p,n',
      '-attendee_name,last_checked_in',
      '101,102',
      '1'.repeat(300),
      'last',
      '2027-07-16T20:00:00Z',
      '%',
      '\u0000',
    ),
    fc.integer().map(String),
  );
  const query = fc
    .array(fc.tuple(fc.constantFrom(...parameters), text), { maxLength: 4 })
    .map((pairs) =>
      pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${escaped(value)}`).join('&')}`,
    );
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    text,
    fc.constantFrom(ITEMS.pass, [ITEMS.pass], DATES.morning, null, true, -0, 1e308, '\ud800', ['web'], {
      301: '1',
      307: true,
      309: [3025],
      311: ['x'],
    }),
    fc.dictionary(fc.integer({ min: 300, max: 330 }).map(String), fc.oneof(text, fc.jsonValue({ maxDepth: 1 })), {
      maxKeys: 5,
    }),
  );
  const object = fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 6 }).map((body) => JSON.stringify(body));
  const jsonText = fc.oneof(
    { weight: 5, arbitrary: object },
    { weight: 1, arbitrary: fc.jsonValue().map((root) => JSON.stringify(root)) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  );
  const formText = fc
    .array(fc.tuple(fc.constantFrom(...fields, 'answers[301]'), text), { maxLength: 5 })
    .map((pairs) => pairs.map(([name, each]) => `${name}=${escaped(each)}`).join('&'));
  const body = fc.oneof(
    { weight: 5, arbitrary: jsonText.map((sent) => ({ type: 'application/json', sent })) },
    { weight: 2, arbitrary: formText.map((sent) => ({ type: 'application/x-www-form-urlencoded', sent })) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom('text/plain', 'multipart/form-data; boundary=x', 'multipart/form-data', ''), fc.string())
        .map(([type, sent]) => ({ type, sent })),
    },
  );
  const authorization = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(`Token ${token}`, `Device ${DEVICES.gate}`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        'Token',
        `Token ${TOKENS.nothing}`,
        `Token ${TOKENS.scanner}`,
        'Bearer x',
        `Device ${DEVICES.revoked}`,
      ),
    },
  );
  const request = fc.record({
    method: fc.constantFrom('GET', 'GET', 'POST', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'),
    path: fc.oneof({ weight: 1, arbitrary: anyPath }, { weight: 4, arbitrary: knownPath }),
    query,
    body,
    authorization,
    accept: fc.oneof(
      { weight: 9, arbitrary: fc.constant('*/*') },
      { weight: 1, arbitrary: fc.constantFrom('text/html', '', ';q=', 'application/json;q=2') },
    ),
    language: fc.constantFrom('en', 'de', 'x;q=9, ,', '*'),
  });

  function escaped(raw: string): string {
    return encodeURIComponent(raw.replace(/[\ud800-\udfff]/g, ''));
  }

  /** Never a 500, and always JSON, an empty body or the HTML page. */
  function checkAnswer(method: string, answer: Answer): void {
    expect(answer.status).toBeLessThan(500);
    const empty = method === 'HEAD' || answer.status === 204 || answer.status === 302;
    if (empty) expect(answer.text).toBe('');
    else if (answer.headers['content-type'] === 'text/html; charset=utf-8')
      expect(answer).toMatchObject({ status: 404, text: expect.stringMatching(/^</) });
    else expect(typeof JSON.parse(answer.text)).toBe('object');
  }

  const STATUSES = [200, 201, 400, 401, 403, 404, 405, 406, 415];

  test('no request makes a 500, replies are JSON or the HTML 404, and /healthz answers meanwhile', async () => {
    let done = false;
    let slowest = 0;
    const health = (async () => {
      while (!done) {
        const began = performance.now();
        expect(await system.call('GET', '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
        slowest = Math.max(slowest, performance.now() - began);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    const statuses = new Map<number, number>();
    const property = fc.asyncProperty(fc.array(request, { minLength: 8, maxLength: 8 }), async (requests) => {
      await Promise.all(
        requests.map(async (asked) => {
          const headers: Record<string, string> = {
            authorization: asked.authorization,
            accept: asked.accept,
            'accept-language': asked.language,
            'content-type': asked.body.type,
          };
          const answer = await system.call(asked.method, asked.path + asked.query, {
            headers,
            body: asked.body.sent,
          });
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
          checkAnswer(asked.method, answer);
        }),
      );
    });
    const missing = () => STATUSES.filter((status) => !statuses.has(status));
    // Rarely chance leaves one out.
    for (let rounds = 0; rounds === 0 || (rounds < 5 && missing().length > 0); rounds++) {
      await fc.assert(property, { numRuns: 300 });
    }
    done = true;
    await health;
    // Of a request that blocks the process, /healthz would hear for minutes; a busy machine takes seconds.
    expect(slowest).toBeLessThan(15_000);
    // The requests were varied enough to get all of these.
    expect(missing()).toEqual([]);
    expect((await get(`${OPENAIR}checkinlists/`)).status).toBe(200);
  });
});
