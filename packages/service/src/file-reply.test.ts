import { setTimeout as sleep } from 'node:timers/promises';
import { attachment, fileReply, rangeIn } from './file-reply';
import { route } from './http';
import { connectRaw, knownCredentials, startApp, type TestApp } from './testing';

const CONTENT = '0123456789';
const CHUNK_BYTES = 65_536;
const LARGE_BYTES = 100 * 1_048_576;

/** Bytes that were read of the large file. */
let readBytes = 0;
let ended = 0;

async function* large(from: number, to: number): AsyncGenerator<Buffer> {
  try {
    for (let at = from; at < to; at += CHUNK_BYTES) {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, to - at), 32);
      readBytes += chunk.length;
      yield await Promise.resolve(chunk);
    }
  } finally {
    ended++;
  }
}

async function* small(from: number, to: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to; at += 3)
    yield await Promise.resolve(Buffer.from(CONTENT.slice(at, Math.min(at + 3, to))));
}

async function* failing(): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(CONTENT.slice(0, 3)));
  throw new Error('the password is swordfish');
}

const pdf = { name: 'batch.pdf', type: 'application/pdf', size: CONTENT.length, tag: 'abc-1' };
let app: TestApp;
beforeAll(async () => {
  app = await startApp({
    credentials: knownCredentials({}),
    routes: [
      route('small', {
        access: 'anyone',
        sends: 'application/pdf',
        GET: (request) => fileReply(request, { ...pdf, read: small }),
      }),
      route('large', {
        access: 'anyone',
        GET: (request) => fileReply(request, { ...pdf, size: LARGE_BYTES, read: large }),
      }),
      route('failing', { access: 'anyone', GET: (request) => fileReply(request, { ...pdf, read: failing }) }),
      route('short', {
        access: 'anyone',
        GET: (request) => fileReply(request, { ...pdf, size: 11, read: () => small(0, 10) }),
      }),
      route('long', {
        access: 'anyone',
        GET: (request) => fileReply(request, { ...pdf, size: 8, read: () => small(0, 10) }),
      }),
    ],
  });
});
afterAll(() => app.close());

const get = (headers: Record<string, string> = {}) => app.call('GET', '/api/v1/small', { headers });

test('a file has its type, name and length, and tells that parts may be asked for', async () => {
  expect(await get()).toMatchObject({
    status: 200,
    text: CONTENT,
    headers: {
      'content-type': 'application/pdf',
      'content-disposition': 'attachment; filename="batch.pdf"',
      'content-length': '10',
      'accept-ranges': 'bytes',
      etag: '"abc-1"',
      'x-content-type-options': 'nosniff',
    },
  });
});

test.each(['"abc-1"', 'W/"abc-1"', '"x", "abc-1"', '*'])(
  'a client that has the file already is told so: %s',
  async (tags) => {
    for (const method of ['GET', 'HEAD']) {
      const headers = { 'If-None-Match': tags, Range: 'bytes=2-4' };
      expect(await app.call(method, '/api/v1/small', { headers })).toMatchObject({
        status: 304,
        text: '',
        headers: { etag: '"abc-1"' },
      });
    }
  },
);

test('a client that has another file gets this one', async () => {
  expect(await get({ 'If-None-Match': '"abc-2", abc-1' })).toMatchObject({ status: 200, text: CONTENT });
});

test.each([
  ['bytes=0-', 0, 9],
  ['bytes=0-0', 0, 0],
  ['bytes=2-5', 2, 5],
  ['bytes=8-99', 8, 9],
  ['bytes=-3', 7, 9],
  ['bytes=-99', 0, 9],
  ['Bytes= 4-4 ', 4, 4],
])('%s is a part', async (range, first, last) => {
  expect(await get({ range })).toMatchObject({
    status: 206,
    text: CONTENT.slice(first, last + 1),
    headers: { 'content-range': `bytes ${first}-${last}/10`, 'content-length': String(last - first + 1) },
  });
});

test.each(['bytes=10-', 'bytes=10-20', 'bytes=-0', 'bytes=99999999999999999999999-'])(
  '416 %s begins beyond the end',
  async (range) => {
    expect(await get({ range })).toMatchObject({
      status: 416,
      headers: { 'content-range': 'bytes */10', 'content-type': 'application/json' },
      body: { detail: 'The requested range is beyond the end of the file.' },
    });
  },
);

test.each(['bytes=5-2', 'bytes=-', 'bytes=a-b', 'bytes', 'items=0-1', 'bytes=0-1,4-5', 'bytes=1--2', ''])(
  'the Range "%s" is ignored',
  async (range) => {
    expect(await get({ range })).toMatchObject({ status: 200, text: CONTENT });
  },
);

test('If-Range: a part only of the same file', async () => {
  expect(await get({ range: 'bytes=2-', 'if-range': '"abc-1"' })).toMatchObject({ status: 206 });
  for (const other of ['"abc-2"', 'W/"abc-1"', 'Sat, 28 Nov 2026 10:00:00 GMT']) {
    expect(await get({ range: 'bytes=2-', 'if-range': other })).toMatchObject({ status: 200, text: CONTENT });
  }
});

test('HEAD has the same headers, of the whole, and reads nothing', async () => {
  const before = readBytes;
  for (const headers of [{}, { range: 'bytes=1-2' }] as Record<string, string>[]) {
    expect(await app.call('HEAD', '/api/v1/large', { headers })).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': String(LARGE_BYTES), 'content-type': 'application/pdf' },
    });
  }
  expect(readBytes).toBe(before);
});

test('its type may be asked for in place of JSON', async () => {
  for (const accept of ['application/pdf', 'text/html, application/PDF;q=0.5', 'application/json', '*/*']) {
    expect(await get({ accept })).toMatchObject({ status: 200 });
  }
  expect(await get({ accept: 'text/html, application/pdfx' })).toMatchObject({ status: 406 });
  expect(await app.call('GET', '/api/v1/large', { headers: { accept: 'application/pdf' } })).toMatchObject({
    status: 406,
  });
});

test('a second request on the same connection is answered after it', async () => {
  const ask = 'GET /api/v1/small HTTP/1.1\r\nHost: x\r\n\r\n';
  const client = await connectRaw(app.url, ask + ask);
  expect(await client.answers(2)).toEqual([200, 200]);
  client.socket.destroy();
});

test('no more is read than the client takes, and nothing any more when it is gone', async () => {
  [readBytes, ended] = [0, 0];
  const client = await connectRaw(app.url);
  client.socket.pause();
  client.socket.write('GET /api/v1/large HTTP/1.1\r\nHost: x\r\n\r\n');
  let before = -1;
  while (readBytes === 0 || readBytes !== before) {
    before = readBytes;
    await sleep(100);
  }
  // What fits into the buffers of both sockets.
  expect(readBytes).toBeLessThan(LARGE_BYTES / 4);
  client.socket.destroy();
  while (ended === 0) await sleep(5);
  expect(readBytes).toBeLessThan(LARGE_BYTES / 4);
});

test.each([
  ['failing', 'the password is swordfish'],
  ['short', 'did not have the 11 bytes'],
  ['long', 'did not have the 8 bytes'],
])('a %s file cuts the connection and is logged', async (which, logged) => {
  await expect(app.call('GET', `/api/v1/${which}`)).rejects.toThrow();
  expect(app.logged.at(-1)).toContain(logged);
  expect(await get()).toMatchObject({ status: 200 });
});

test('a part begins and ends within the file, whatever is asked for', () => {
  for (const first of ['', '0', '1', '9', '10', '11', '9'.repeat(400)]) {
    for (const last of ['', '0', '1', '9', '10', '11', '9'.repeat(400)]) {
      for (const size of [0, 1, 10]) {
        const range = rangeIn(`bytes=${first}-${last}`, size);
        if (range === undefined || range === 'beyond') continue;
        expect(range.from).toBeGreaterThanOrEqual(0);
        expect(range.to).toBeGreaterThan(range.from);
        expect(range.to).toBeLessThanOrEqual(size);
      }
    }
  }
});

test.each([
  ['a.pdf', 'attachment; filename="a.pdf"'],
  [
    'Sommernächte (1).pdf',
    `attachment; filename="Sommern_chte (1).pdf"; filename*=UTF-8''Sommern%C3%A4chte%20%281%29.pdf`,
  ],
  ['a"\\/\r\nX: y', `attachment; filename="a_____X: y"; filename*=UTF-8''a%22%5C%2F%0D%0AX%3A%20y`],
  ['\ud800', `attachment; filename="_"; filename*=UTF-8''_`],
])('the name %j', (name, header) => {
  expect(attachment(name)).toBe(header);
});
