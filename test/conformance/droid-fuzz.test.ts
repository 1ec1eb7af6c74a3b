import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { DROID_KEYS, festival, LISTS, OPENAIR, QUESTIONS, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import * as fc from 'fast-check';

/* Any request to the droid API, and any target of either API, is answered, and never with a 500. */

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
  await system.import(festival());
});
afterAll(() => system.close());

const BASE = '/pretixdroid/api/demo/';
const RUNS = { numRuns: 100 };

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom(
    '',
    '\u0000',
    '%',
    '\\',
    '_',
    "'",
    '0',
    '-1',
    '9'.repeat(30),
    'true',
    'True',
    'null',
    '[]',
    '\ufeff',
    '\ud800',
  ),
  fc.constantFrom(...Object.values(TICKETS).map(({ secret }) => secret)),
);
/** Percent-escapes of any bytes, including invalid UTF-8. */
const anyBytes = fc
  .uint8Array({ maxLength: 30 })
  .map((bytes) => [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
const escaped = fc.oneof(
  anyText.map((text) => encodeURIComponent(Buffer.from(text).toString())),
  anyBytes,
  fc.constantFrom('%', '%zz', '+', '%2'),
);

const key = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.constantFrom(DROID_KEYS.main, DROID_KEYS.pending, DROID_KEYS.dayAndShirt, DROID_KEYS.survey),
  },
  { weight: 1, arbitrary: escaped },
);
const name = fc.oneof(
  fc.constantFrom('secret', 'force', 'ignore_unpaid', 'questions_supported', 'nonce', 'datetime', 'query'),
  fc.constantFrom(...Object.values(QUESTIONS).map(({ required }) => `answer_${required.question}`)),
  escaped,
);
const form = fc
  .array(fc.tuple(name, escaped), { maxLength: 8 })
  .map((pairs) => pairs.map((pair) => pair.join('=')).join('&'));
const endpoint = fc.constantFrom('redeem', 'search', 'download', 'status');
const event = fc.constantFrom('openair', 'survey', 'tours');

async function ask(
  method: string,
  target: string,
  ask: { body?: string | Buffer; headers?: Record<string, string> } = {},
) {
  const answer = await system.call(method, target, ask);
  expect(answer.status).toBeLessThan(500);
  return answer;
}

test('forms', async () => {
  const types = fc.constantFrom(
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=b',
    'multipart/form-data',
    'application/json',
    '',
    ';',
  );
  await fc.assert(
    fc.asyncProperty(event, key, form, types, async (slug, known, body, type) => {
      await ask('POST', `${BASE}${slug}/redeem/?key=${known}`, { body, headers: { 'content-type': type } });
    }),
    RUNS,
  );
});

test('scans of tickets that exist, with any fields', async () => {
  const secret = fc.constantFrom(
    ...Object.values(TICKETS).map((ticket) => ticket.secret),
    ...Object.values(QUESTIONS).map(({ required }) => required.ticket.secret),
  );
  await fc.assert(
    fc.asyncProperty(event, key, secret, form, async (slug, known, sent, more) => {
      const body = `${more}&secret=${encodeURIComponent(sent)}`;
      const answer = await ask('POST', `${BASE}${slug}/redeem/?key=${known}`, {
        body,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      if (answer.status === 200) expect(answer.body).toMatchObject({ version: 3 });
    }),
    RUNS,
  );
});

test('multipart forms, also broken ones', async () => {
  const part = fc.tuple(
    name,
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('', '; charset=utf-16le', '; charset=nonsense'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 5 }), fc.nat({ max: 400 }), async (parts, cut) => {
      const text = parts
        .map(
          ([field, value, charset]) =>
            `--b\r\nContent-Disposition: form-data; name="${field}"\r\nContent-Type: text/plain${charset}\r\n\r\n${value}\r\n`,
        )
        .join('');
      await ask('POST', `${BASE}openair/redeem/?key=${DROID_KEYS.main}`, {
        body: Buffer.from(`${text}--b--\r\n`).subarray(0, cut),
        headers: { 'content-type': 'multipart/form-data; boundary=b' },
      });
    }),
    RUNS,
  );
});

test('queries', async () => {
  await fc.assert(
    fc.asyncProperty(event, endpoint, key, form, async (slug, what, known, query) => {
      const answer = await ask('GET', `${BASE}${slug}/${what}/?${query}&key=${known}`);
      if (answer.status === 200) expect(answer.body).toMatchObject({ version: 3 });
    }),
    RUNS,
  );
});

test('paths, methods and headers', async () => {
  const path = fc.array(fc.oneof(escaped, endpoint, event, fc.constantFrom('demo', '601', '..', '.')), {
    maxLength: 6,
  });
  const method = fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'DELETE', 'PATCH');
  const header = fc.string({ unit: fc.constantFrom(...'abcdefghij-,;=*q0.5 "W/\\'), maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(path, method, key, header, async (segments, called, known, value) => {
      const headers = {
        'accept-language': value,
        'accept-encoding': value,
        'if-none-match': value,
        traceparent: value,
      };
      const answer = await ask(called, `/pretixdroid/api/${segments.join('/')}?key=${known}`, { headers });
      if (answer.status === 404) expect(answer.text).toMatch(called === 'HEAD' ? /^$/ : /^(<|Unknown event$)/);
    }),
    RUNS,
  );
});

/** Sends a target with any bytes, which HTTP clients do not allow. Returns status and body. */
async function raw(
  method: string,
  target: Buffer,
  headers: readonly string[],
): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(system.url);
  const socket = connect(Number(port), hostname);
  const head = ['Host: gate', 'Connection: close', 'Content-Length: 0', ...headers]
    .map((line) => `\r\n${line}`)
    .join('');
  socket.write(Buffer.concat([Buffer.from(`${method} `), target, Buffer.from(` HTTP/1.1${head}\r\n\r\n`)]));
  const reply = await text(socket);
  const end = reply.indexOf('\r\n\r\n');
  return { status: Number(reply.split(' ', 2)[1]), body: reply.slice(end + 4) };
}

/** Targets of both APIs: well-known parts, escapes, any bytes, odd slashes. */
const piece = fc.oneof(
  fc.constantFrom(
    ...['/', '//', '/redeem', '/redeem/', '/positions/', '/checkinlists/', `${LISTS.main}`, '0', '01', `${TICKETS.ada.id}`, TICKETS.ada.secret],
    ...['%2F', '%2f%2F', '%00', '%', '%zz', '%25', '+', '%2B', '%20', '%0D%0A', '%ff', '%C3%BC', '..', '.', '\\', '#', '?', '&', '=', ';', '*'],
    ...['untrusted_input=true', 'item=', 'ignore_status=true', 'page=last', 'key=', 'status', 'search', '@', ':', '[', 'http://', 'ü', 'Ã¼'],
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
).map((part) => Buffer.from(part)); // prettier-ignore
const bytes = fc.uint8Array({ maxLength: 6 }).map((array) => Buffer.from(array));
const start = fc.constantFrom(
  ...[`${OPENAIR}checkinlists/${LISTS.main}/positions/`, OPENAIR, '/api/v1/', '/', '', `${BASE}openair/`, '/pretixdroid/'],
  ...['http://x/api/v1/', '//', '/%61pi/v1/organizers/demo/events/openair/'],
).map((text) => Buffer.from(text)); // prettier-ignore
const anyTarget = fc
  .tuple(start, fc.array(fc.oneof({ weight: 6, arbitrary: piece }, bytes), { maxLength: 6 }))
  .map(([first, parts]) => Buffer.concat([first, ...parts]))
  // A target ends at these bytes.
  .map((target) => Buffer.from(target.filter((byte) => ![0x0a, 0x0d].includes(byte))));

test('any target is answered, and means the same with and without an idempotency key', async () => {
  const method = fc.constantFrom('POST', 'POST', 'GET', 'DELETE');
  const ending = fc.constantFrom(
    '',
    '/redeem/',
    '/redeem',
    '/redeem/?untrusted_input=true',
    `/redeem/?key=${DROID_KEYS.main}`,
  );
  const credential = fc.constantFrom([`Authorization: Token ${TOKENS.scanner}`], []);
  await fc.assert(
    fc.asyncProperty(anyTarget, method, ending, credential, async (begin, called, end, headers) => {
      const target = Buffer.concat([begin, Buffer.from(end)]);
      const plain = await raw(called, target, headers);
      expect(plain.status).toBeGreaterThanOrEqual(100);
      expect(plain.status).toBeLessThan(500);
      const keyed = await raw(called, target, [...headers, `X-Idempotency-Key: ${randomUUID()}`]);
      // The first request may have checked the ticket in.
      const then = plain.status === 201 ? [201, 400] : [plain.status];
      expect(then).toContain(keyed.status);
      if (plain.status !== 201) expect(withoutCheckins(keyed.body)).toBe(withoutCheckins(plain.body));
    }),
    { numRuns: 400 },
  );
});

const withoutCheckins = (body: string): string => body.replace(/"checkins":\[[^\]]*\]/, '');
