import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { StoreOverloaded, StoreUnavailable } from '@gatehouse/eventing/event-store';
import type { ApiRequest } from './api-request';
import { notFound } from './errors';
import { createHttp, drain, listen, route, type Handler, type Route } from './http';
import { createLog } from './log';
import { idIn } from './path';
import { knownCredentials, knownEvents, startApp, tokenOf, type TestApp } from './testing';

const LISTS = '/api/v1/organizers/demo/events/openair/checkinlists/';
const OTHERS_LISTS = '/api/v1/organizers/demo/events/tours/checkinlists/';

const credentials = knownCredentials({
  full: tokenOf('demo', ['can_view_orders', 'can_change_orders', 'can_change_event_settings']),
  viewer: tokenOf('demo', ['can_view_orders']),
  scanner: tokenOf('demo', ['can_checkin_orders']),
  tours: tokenOf('demo', ['can_view_orders'], ['tours']),
  nobody: tokenOf('other', ['can_view_orders']),
  device: {
    ...tokenOf('demo', ['can_view_orders', 'can_change_orders']),
    kind: 'device',
    actor: 'device:1',
  },
  sleeping: 'inactive',
  fresh: 'uninitialized',
  wiped: 'revoked',
});

const settings = { safe: 'can_view_orders', unsafe: 'can_change_event_settings' } as const;
const echo = async (request: ApiRequest) => ({ status: 200, body: { body: await request.body() } });
const failing = (error: unknown): Handler => {
  return () => {
    throw error;
  };
};

/** A numeric id of the route, as services read it. */
function idOf(request: ApiRequest, name: string): number {
  const id = idIn(request.param(name));
  if (id === null) throw notFound();
  return id;
}

async function rejectedLater(before: () => unknown): Promise<never> {
  before();
  await new Promise(setImmediate);
  throw new Error('the password is swordfish');
}

const routes: Route[] = [
  route('organizers/:organizer/events/:event/checkinlists/', {
    name: 'checkinlists',
    access: settings,
    GET: (request) => ({ status: 200, body: { actor: request.principal.actor, search: request.query.get('search') } }),
    POST: echo,
  }),
  route('organizers/:organizer/events/:event/checkinlists/:list/', {
    name: 'checkinlists',
    access: settings,
    GET: (request) => ({ status: 200, body: { list: idOf(request, 'list') } }),
    DELETE: () => ({ status: 204 }),
  }),
  route('organizers/:organizer/events/:event/checkinlists/:list/positions/:position/redeem/', {
    name: 'redeem',
    access: { safe: 'can_view_orders', unsafe: ['can_change_orders', 'can_checkin_orders'] },
    POST: (request) => ({ status: 201, body: { position: request.param('position') } }),
  }),
  route('organizers/:organizer/events/:event/batches/check/:job/', {
    name: 'check',
    access: settings,
    GET: (request) => ({ status: 200, body: { job: request.param('job') } }),
  }),
  route('organizers/:organizer/events/:event/batches/:id/', {
    name: 'batches',
    access: settings,
    GET: (request) => ({ status: 200, body: { id: idOf(request, 'id') } }),
  }),
  route('links', {
    access: 'anyone',
    GET: (request) => ({
      status: 200,
      body: { base: request.baseUrl, url: request.url, trace: request.trace },
    }),
  }),
  route('bug', { access: 'anyone', GET: failing(new Error('the password is swordfish')) }),
  route('database-bug', {
    access: 'anyone',
    GET: failing(Object.assign(new Error('value "Edith" is wrong'), { severity: 'ERROR', code: '22P02' })),
  }),
  route('away', { access: 'anyone', GET: failing(new StoreUnavailable()) }),
  route('busy', { access: 'anyone', GET: failing(new StoreOverloaded()) }),
  route('no-connection', {
    access: 'anyone',
    GET: failing(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })),
  }),
  route('bad-header', {
    access: 'anyone',
    GET: () => ({ status: 200, body: {}, headers: { 'X-Name': 'a\r\nb' } }),
  }),
  route('file', {
    access: 'anyone',
    GET: () => ({ status: 200, raw: Buffer.from('%PDF'), headers: { 'content-type': 'application/pdf' } }),
  }),
];

let app: TestApp;
let ready = true;

beforeAll(async () => {
  app = await startApp({
    routes,
    credentials,
    events: knownEvents('demo/openair', 'demo/tours'),
    ready: () => ({ ready, reasons: ready ? [] : ['first catch-up'] }),
    hot: [
      (req, res) => req.url === '/hot' && (res.writeHead(201).end('quick'), true),
      (req) => {
        if (req.url === '/hot/throws') throw new Error('the password is swordfish');
        return false;
      },
      (req) => req.url === '/hot/rejects' && Promise.reject(new Error('the password is swordfish')),
      (req, res) =>
        req.url === '/hot/half' && rejectedLater(() => res.writeHead(200, { 'content-length': 9 }).write('half')),
    ],
    mounts: [
      (req, res, next) => (req.url.startsWith('/droid') ? void res.end('droid') : next()),
      (req, _res, next) => {
        if (req.url === '/mount/throws') throw new Error('the password is swordfish');
        next();
      },
      async (req, res, next) => {
        if (req.url === '/mount/rejects') await rejectedLater(() => undefined);
        if (req.url === '/mount/half')
          await rejectedLater(() => res.writeHead(200, { 'content-length': 9 }).write('half'));
        next();
      },
    ],
  });
});
afterAll(() => app.close());

describe('200', () => {
  test('with and without the slash at the end, for every method', async () => {
    for (const path of [LISTS, LISTS.slice(0, -1)]) {
      expect(await app.call('GET', path, { token: 'full' })).toMatchObject({ status: 200, body: { actor: 'token:3' } });
      expect(await app.call('POST', path, { token: 'full', json: { a: 1 } })).toMatchObject({
        status: 200,
        body: { body: { a: 1 } },
      });
      expect(await app.call('OPTIONS', path, { token: 'full' })).toMatchObject({ status: 200 });
    }
  });

  test('carries the headers of the reference', async () => {
    const { headers } = await app.call('GET', LISTS, { token: 'full' });
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      allow: 'GET, POST, HEAD, OPTIONS',
      vary: 'Accept, Accept-Language, Cookie, Host',
      'content-language': 'en',
      'x-content-type-options': 'nosniff',
    });
    expect(headers).not.toHaveProperty('etag');
    expect(headers).not.toHaveProperty('x-powered-by');
  });

  test('HEAD is GET without the body', async () => {
    const get = await app.call('GET', LISTS, { token: 'full' });
    const head = await app.call('HEAD', LISTS, { token: 'full' });
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(head.headers['content-length']).toBe(get.headers['content-length']);
  });

  test('OPTIONS tells what is read and written', async () => {
    const { body } = await app.call('OPTIONS', LISTS, { token: 'viewer' });
    expect(body).toMatchObject({ name: 'checkinlists', renders: ['application/json'] });
  });

  test('the scheme of the Authorization header is read in any case', async () => {
    const authorization = 'dEvIcE device';
    expect(await app.call('GET', LISTS, { headers: { authorization } })).toMatchObject({ body: { actor: 'device:1' } });
  });

  test('a word of a route goes before a parameter', async () => {
    const batches = LISTS.replace('checkinlists', 'batches');
    expect(await app.call('GET', `${batches}check/7/`, { token: 'full' })).toMatchObject({ body: { job: '7' } });
    expect(await app.call('GET', `${batches}7/`, { token: 'full' })).toMatchObject({ body: { id: 7 } });
    expect(await app.call('GET', `${batches}check/`, { token: 'full' })).toMatchObject({ status: 404, text: /^{/ });
  });

  test('the address may be in absolute form', async () => {
    expect(await app.call('GET', `http://gate.example${LISTS}`, { token: 'full' })).toMatchObject({ status: 200 });
  });

  test('an empty body is an empty object, whatever its type', async () => {
    for (const headers of [{}, { 'content-type': 'text/plain' }, { 'content-type': 'application/json' }]) {
      expect(await app.call('POST', LISTS, { token: 'full', headers, body: '' })).toMatchObject({ body: { body: {} } });
      const chunked = { ...headers, 'transfer-encoding': 'chunked' };
      expect(await app.call('POST', LISTS, { token: 'full', headers: chunked })).toMatchObject({ body: { body: {} } });
    }
    expect(await app.call('POST', LISTS, { token: 'full' })).toMatchObject({ body: { body: {} } });
  });

  test('forms are read, percent-escapes, plus signs and UTF-8 included', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    const { body } = await app.call('POST', LISTS, { token: 'full', headers, body: 'name=By+f%C3%B6rm&a=1&a=%zz&b' });
    expect(body).toEqual({
      body: {
        pairs: [
          ['name', 'By förm'],
          ['a', '1'],
          ['a', '%zz'],
          ['b', ''],
        ],
      },
    });
  });

  test('multipart forms are read, files are read over', async () => {
    const form = new FormData();
    form.append('name', 'Björn');
    form.append('upload', new Blob(['x'.repeat(1000)]), 'a.txt');
    form.append('name', 'Zoë');
    const answer = await fetch(app.url + LISTS, {
      method: 'POST',
      headers: { authorization: 'Token full' },
      body: form,
    });
    expect(await answer.json()).toEqual({
      body: {
        pairs: [
          ['name', 'Björn'],
          ['name', 'Zoë'],
        ],
      },
    });
  });

  test('links follow the Host header, and a senseless one is not repeated', async () => {
    const links = (headers: Record<string, string>) => app.call('GET', '/api/v1/links/?a=1', { headers });
    expect(await links({ host: 'gate.example:99' })).toMatchObject({
      body: { base: 'http://gate.example:99', url: 'http://gate.example:99/api/v1/links/' },
    });
    expect(await links({ host: '"><script>' })).toMatchObject({ body: { base: app.url } });
    expect(
      await links({ host: 'gate.example', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil' }),
    ).toMatchObject({ body: { base: 'http://gate.example' } });
  });

  test('links follow trusted proxies and PUBLIC_URL', async () => {
    const headers = { host: 'inner', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'gate.example' };
    const proxied = await startApp({
      routes,
      credentials,
      config: { publicUrl: undefined, trustedProxies: ['loopback'] },
    });
    expect(await proxied.call('GET', '/api/v1/links', { headers })).toMatchObject({
      body: { base: 'https://gate.example' },
    });
    await proxied.close();
    const fixed = await startApp({
      routes,
      credentials,
      config: { publicUrl: 'https://x.example/tickets', trustedProxies: [] },
    });
    expect(await fixed.call('GET', '/api/v1/links', { headers })).toMatchObject({
      body: { url: 'https://x.example/tickets/api/v1/links' },
    });
    await fixed.close();
  });

  test('a trace context comes only in its form', async () => {
    const headers = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };
    expect(await app.call('GET', '/api/v1/links', { headers })).toMatchObject({
      body: { trace: headers.traceparent },
    });
    const unreadable = await app.call('GET', '/api/v1/links', { headers: { traceparent: 'x' } });
    expect(unreadable).toMatchObject({ body: { trace: null } });
  });

  test('the hot route is asked first, mounts after the table', async () => {
    expect(await app.call('GET', '/hot')).toMatchObject({ status: 201, text: 'quick' });
    expect(await app.call('GET', '/droid/x')).toMatchObject({ status: 200, text: 'droid' });
  });

  test('bytes keep the type that the route names', async () => {
    const { headers, text } = await app.call('GET', '/api/v1/file');
    expect([headers['content-type'], text]).toEqual(['application/pdf', '%PDF']);
  });

  test('health and readiness', async () => {
    expect(await app.call('GET', '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await app.call('GET', '/readyz')).toMatchObject({ status: 200, body: { ready: true, reasons: [] } });
    ready = false;
    expect(await app.call('GET', '/readyz/')).toMatchObject({ status: 503, body: { reasons: ['first catch-up'] } });
    ready = true;
  });
});

test('204 has no body', async () => {
  const answer = await app.call('DELETE', `${LISTS}1/`, { token: 'full' });
  expect(answer).toMatchObject({ status: 204, text: '' });
  expect(answer.headers).not.toHaveProperty('content-type');
});

test('302 leads from /api/ to /api/v1/, whose list needs a credential', async () => {
  const answer = await app.call('GET', '/api/');
  expect(answer).toMatchObject({ status: 302, headers: { location: '/api/v1/' } });
  expect(await app.call('GET', '/api/v1/')).toMatchObject({ status: 401 });
  const root = await app.call('GET', '/api/v1', { token: 'full', headers: { host: 'pretix.example.org' } });
  expect(root.body).toEqual({ organizers: 'http://pretix.example.org/api/v1/organizers/' });
});

describe('400', () => {
  const post = (body: string | Buffer, type = 'application/json') =>
    app.call('POST', LISTS, { token: 'full', headers: { 'content-type': type }, body });

  test('broken JSON, without the words of our parser', async () => {
    const broken = [
      '{',
      '{"name": ',
      'nope',
      '{"a":NaN}',
      '\ufeff{}',
      '[1,]',
      '00000000000000000001',
      Buffer.from([34, 0xff, 34]),
      gzipSync('{}'),
    ];
    for (const body of broken) {
      expect(await post(body)).toMatchObject({
        status: 400,
        text: '{"detail":"JSON parse error - Expected object or value"}',
      });
    }
  });

  test('JSON nested ten thousand levels deep, open or closed', async () => {
    for (const deep of ['['.repeat(10_000), '['.repeat(10_000) + ']'.repeat(10_000), '{"a":'.repeat(10_000)]) {
      expect(await post(deep)).toMatchObject({ status: 400, body: { detail: expect.stringMatching(/^JSON parse/) } });
    }
    expect(await post(`${'['.repeat(150)}${']'.repeat(150)}`)).toMatchObject({ status: 200 });
    expect(await post(JSON.stringify({ text: '['.repeat(10_000) }))).toMatchObject({ status: 200 });
  });

  test('a multipart body without its boundary, or cut short', async () => {
    for (const type of ['multipart/form-data', 'multipart/form-data; boundary=x']) {
      expect(await post('--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1', type)).toMatchObject({
        status: 400,
        body: { detail: 'Multipart form parse error - Invalid form data' },
      });
    }
  });

  test('a NUL in a query parameter that the route reads; others are ignored', async () => {
    expect(await app.call('GET', `${LISTS}?search=a%00b`, { token: 'full' })).toMatchObject({
      status: 400,
      text: '{"search":["Null characters are not allowed."]}',
    });
    expect(await app.call('GET', `${LISTS}?foo=%00&constructor=1`, { token: 'full' })).toMatchObject({ status: 200 });
  });
});

describe('401', () => {
  test.each([
    [undefined, 'Authentication credentials were not provided.'],
    ['', 'Authentication credentials were not provided.'],
    ['Basic abc', 'Authentication credentials were not provided.'],
    ['Bearer full', 'Authentication credentials were not provided.'],
    ['Token', 'Invalid token header. No credentials provided.'],
    ['Device ', 'Invalid token header. No credentials provided.'],
    ['Token a b', 'Invalid token header. Token string should not contain spaces.'],
    ['Token \xff', 'Invalid token header. Token string should not contain invalid characters.'],
    ['Token nosuch', 'Invalid token.'],
    ['Device full', 'Invalid token.'],
    ['Token device', 'Invalid token.'],
    ['Token sleeping', 'Token inactive or deleted.'],
    ['Device fresh', 'Device has not been initialized.'],
    ['Device wiped', 'Device access has been revoked.'],
  ])('Authorization: %s', async (authorization, detail) => {
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await app.call('GET', LISTS, { headers });
    expect(answer).toMatchObject({ status: 401, body: { detail }, headers: { 'www-authenticate': 'Token' } });
    // A second time, now that the header is cached.
    expect(await app.call('GET', LISTS, { headers })).toMatchObject({ status: 401, body: { detail } });
  });

  test('comes before permission and method', async () => {
    expect(await app.call('PUT', `${LISTS}1/`)).toMatchObject({ status: 401 });
    expect(await app.call('GET', '/api/v1/organizers/no/events/no/checkinlists/')).toMatchObject({ status: 401 });
  });
});

describe('403', () => {
  const denied = { status: 403, text: '{"detail":"You do not have permission to perform this action."}' };
  test.each([
    ['an organizer that does not exist', 'GET', '/api/v1/organizers/no/events/openair/checkinlists/', 'full'],
    ['an event that does not exist', 'GET', '/api/v1/organizers/demo/events/no/checkinlists/', 'full'],
    ['the slug in another case', 'GET', '/api/v1/organizers/Demo/events/openair/checkinlists/', 'full'],
    ['an organizer of somebody else', 'GET', LISTS, 'nobody'],
    ['an event that the token does not cover', 'GET', LISTS, 'tours'],
    ['a missing flag', 'POST', LISTS, 'viewer'],
    ['a missing flag, even for an unknown object', 'DELETE', `${LISTS}99/`, 'viewer'],
    ['a missing flag, even for a method that does not exist', 'PUT', `${LISTS}1/`, 'viewer'],
    ['reading with a token for scanning only', 'GET', LISTS, 'scanner'],
  ])('%s', async (_what, method, path, token) => {
    expect(await app.call(method, path, { token })).toMatchObject(denied);
  });

  test('but an event that the token names is open, and a token for scanning may redeem', async () => {
    expect(await app.call('GET', OTHERS_LISTS, { token: 'tours' })).toMatchObject({ status: 200 });
    const redeem = `${LISTS}1/positions/a/redeem/`;
    expect(await app.call('POST', redeem, { token: 'scanner' })).toMatchObject({ status: 201 });
    expect(await app.call('POST', redeem, { token: 'viewer' })).toMatchObject(denied);
  });

  test('a device may not create a list', async () => {
    expect(await app.call('POST', LISTS, { headers: { authorization: 'Device device' } })).toMatchObject(denied);
  });
});

describe('404', () => {
  test.each([
    '/',
    '/nosuch',
    '/apiary',
    '/api/v2/',
    '/api/v10',
    `${LISTS}1/nosuch/`,
    `${LISTS}/`,
    `${LISTS}1//`,
    `${LISTS}/1/`,
    '*',
  ])('HTML for the unknown route %s, whoever asks and however', async (path) => {
    for (const [method, headers] of [
      ['GET', { accept: 'application/json', authorization: 'Token full' }],
      ['POST', { accept: 'text/xml' }],
    ] as const) {
      const answer = await app.call(method, path, { headers });
      expect(answer).toMatchObject({ status: 404, headers: { 'content-type': 'text/html; charset=utf-8' } });
      expect(answer.text).toMatch(/^</);
    }
  });

  test.each(['abc', '1.5', '-1', '%31x', '9'.repeat(400), 'a%00b', '%00', 'J%C3%BCrgen', '%ff', '%'])(
    'JSON for an object %s that cannot exist',
    async (id) => {
      expect(await app.call('GET', `${LISTS}${id}/`, { token: 'full' })).toMatchObject({
        status: 404,
        text: '{"detail":"Not found."}',
      });
    },
  );

  test('JSON for a NUL anywhere in the path of a route', async () => {
    const paths = ['/api/v1/organizers/d%00/events/openair/checkinlists/', `${LISTS}1/positions/a%00/redeem/`];
    for (const path of paths) {
      expect(await app.call('POST', path, { token: 'full' })).toMatchObject({ status: 404, text: /^{/ });
    }
  });
});

test('a segment is decoded once, as Python would', async () => {
  const secrets: [string, string][] = [
    ['a%2Fb', 'a/b'],
    ['a%252Fb', 'a%2Fb'],
    ['a+b', 'a+b'],
    ['%C3%BC%20%E2%82%AC', 'ü €'],
    ['%zz%4', '%zz%4'],
    ['%ff', '\ufffd'],
    ['a.b;c', 'a.b;c'],
  ];
  for (const [sent, position] of secrets) {
    const answer = await app.call('POST', `${LISTS}1/positions/${sent}/redeem/`, { token: 'full' });
    expect(answer).toMatchObject({ status: 201, body: { position } });
  }
});

describe('405', () => {
  test('with Allow, also for an unknown id', async () => {
    expect(await app.call('PUT', `${LISTS}abc/`, { token: 'full', json: {} })).toMatchObject({
      status: 405,
      text: '{"detail":"Method \\"PUT\\" not allowed."}',
      headers: { allow: 'GET, DELETE, HEAD, OPTIONS' },
    });
    expect(await app.call('GET', `${LISTS}1/positions/a/redeem/`, { token: 'full' })).toMatchObject({
      status: 405,
      headers: { allow: 'POST, OPTIONS' },
    });
    expect(await app.call('HEAD', `${LISTS}1/positions/a/redeem/`, { token: 'full' })).toMatchObject({ status: 405 });
    expect(await app.call('TRACE', LISTS, { token: 'full' })).toMatchObject({ status: 405 });
  });
});

describe('406', () => {
  test.each(['text/html', 'application/xml', 'text/*', 'json', 'application/json/x', '*/', 'image/*;q=1,text/html'])(
    'Accept: %s',
    async (accept) => {
      // Before authentication.
      expect(await app.call('GET', LISTS, { headers: { accept } })).toMatchObject({
        status: 406,
        text: '{"detail":"Could not satisfy the request Accept header."}',
      });
    },
  );

  test.each(['', '*/*', 'application/*', 'application/json; indent=4', 'text/html,*/*;q=0.8', 'Application/JSON'])(
    'not for %s',
    async (accept) => {
      expect(await app.call('GET', LISTS, { token: 'full', headers: { accept } })).toMatchObject({ status: 200 });
    },
  );
});

describe('413', () => {
  const body = Buffer.alloc(3_000_000, 32);

  test('with a length that says so, and without', async () => {
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }] as Record<string, string>[]) {
      const answer = await fetch(app.url + LISTS, {
        method: 'POST',
        headers: { authorization: 'Token full', 'content-type': 'application/json' },
        body: headers['transfer-encoding'] ? new Blob([body]).stream() : body,
        duplex: 'half',
      });
      expect([answer.status, await answer.json()]).toEqual([413, { detail: 'The request body is too large.' }]);
    }
  });

  test('a body of exactly 2.5 MB is read', async () => {
    const fits = Buffer.alloc(2_621_440, 32);
    fits.write('{}');
    const headers = { 'content-type': 'application/json' };
    expect(await app.call('POST', LISTS, { token: 'full', headers, body: fits })).toMatchObject({ status: 200 });
  });
});

test('415 names the type as it was sent', async () => {
  const post = (type: string) =>
    app.call('POST', LISTS, { token: 'full', headers: { 'content-type': type }, body: 'x' });
  expect(await post('text/plain')).toMatchObject({
    status: 415,
    text: '{"detail":"Unsupported media type \\"text/plain\\" in request."}',
  });
  expect(await post('Text/Plain; a=b')).toMatchObject({
    body: { detail: 'Unsupported media type "Text/Plain; a=b" in request.' },
  });
  expect(await app.call('POST', LISTS, { token: 'full', body: 'x' })).toMatchObject({ status: 415 });
});

describe('500', () => {
  test('tells the client a number, and the log the story', async () => {
    const { status, body, text } = await app.call('GET', '/api/v1/bug');
    expect([status, (body as { detail: string }).detail]).toEqual([500, 'Internal server error.']);
    expect(text).not.toContain('swordfish');
    const line = app.logged.find((entry) => entry.includes((body as { trace_id: string }).trace_id));
    expect(line).toContain('"route":"bug"');
  });

  test.each(['/hot/throws', '/hot/rejects', '/mount/throws', '/mount/rejects'])(
    'for what a handler of its own throws: %s',
    async (path) => {
      const { status, body, text } = await app.call('POST', path, { body: 'x' });
      expect([status, (body as { detail: string }).detail]).toEqual([500, 'Internal server error.']);
      expect(text).not.toContain('swordfish');
      expect(app.logged.at(-1)).toContain((body as { trace_id: string }).trace_id);
    },
  );

  test.each(['/hot/half', '/mount/half'])('%s: an answer that has begun breaks off', async (path) => {
    const before = app.logged.length;
    await expect(app.call('GET', path)).rejects.toThrow();
    expect(app.logged).toHaveLength(before + 1);
    expect(await app.call('GET', '/healthz')).toMatchObject({ status: 200 });
  });

  test('carries the trace of the request', async () => {
    const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    expect(await app.call('GET', '/api/v1/bug', { headers })).toMatchObject({
      body: { trace_id: '0af7651916cd43dd8448eb211c80319c' },
    });
  });

  test("keeps a database's words out of the log", async () => {
    expect(await app.call('GET', '/api/v1/database-bug')).toMatchObject({ status: 500 });
    expect(app.logged.at(-1)).toContain('22P02');
    expect(app.logged.join()).not.toContain('Edith');
  });

  test('for a reply that cannot be written', async () => {
    expect(await app.call('GET', '/api/v1/bad-header')).toMatchObject({ status: 500 });
  });
});

test('503 with Retry-After while the store is away or full', async () => {
  for (const path of ['away', 'busy', 'no-connection']) {
    expect(await app.call('GET', `/api/v1/${path}`)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { detail: expect.any(String) },
    });
  }
});

test('a client that goes away in the middle of its body leaves nothing behind', async () => {
  const before = app.logged.length;
  const { port } = new URL(app.url);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      const head =
        'Host: x\r\nAuthorization: Token full\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{';
      socket.write(`POST ${LISTS} HTTP/1.1\r\n${head}`);
      setTimeout(() => socket.destroy(), 50);
    });
    socket.on('close', () => setTimeout(resolve, 50));
  });
  expect(app.logged.length).toBe(before);
  expect(await app.call('GET', LISTS, { token: 'full' })).toMatchObject({ status: 200 });
});

test('draining lets a request finish and then closes', async () => {
  let finish: (() => void) | undefined;
  const slow = route('slow', {
    access: 'anyone',
    GET: () => new Promise((resolve) => (finish = () => resolve({ status: 200, body: 'done' }))),
  });
  const { server } = createHttp({
    config: { publicUrl: undefined, trustedProxies: [] },
    log: createLog('silent'),
    credentials,
    events: knownEvents(),
    routes: [slow],
    ready: () => ({ ready: true, reasons: [] }),
  });
  const { port } = await listen(server, { port: 0, host: '127.0.0.1' });
  const answer = fetch(`http://127.0.0.1:${port}/api/v1/slow`);
  while (finish === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  const drained = drain(server, 60_000);
  finish();
  expect(await (await answer).json()).toBe('done');
  await drained;
});

test('registering a route twice is refused at start', () => {
  const twice = [route('a/:b', { access: 'anyone' }), route('a/:c/', { access: 'anyone' })];
  expect(() =>
    createHttp({
      config: { publicUrl: undefined, trustedProxies: [] },
      log: createLog('silent'),
      credentials,
      events: knownEvents(),
      routes: twice,
      ready: () => ({ ready: true, reasons: [] }),
    }),
  ).toThrow('twice');
});
