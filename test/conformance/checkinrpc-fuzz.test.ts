import { checkin } from '@gatehouse/checkin/service';
import { API, DEVICES, festival, LISTS, QUESTIONS, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { ODD_VALUES } from '@gatehouse/test-support/odd-values';
import { startSystem, type System } from '@gatehouse/test-support/system';
import * as fc from 'fast-check';
import { differences } from '../races/models';

/* Whatever is sent to checkinrpc (contract §10, 4.12 and later), the answer is one of the contract's, and never a 500. */

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
});
afterAll(() => system.close());

const RUNS = { numRuns: 80 };
const FIELDS = [
  ...['lists', 'secret', 'source_type', 'force', 'type', 'ignore_unpaid', 'questions_supported', 'nonce', 'datetime'],
  ...['answers', 'error_explanation', 'use_order_locale', 'canceled_supported', '__proto__'],
];
const secrets = [
  ...Object.values(TICKETS).map(({ secret }) => secret),
  ...Object.values(QUESTIONS).map(({ required }) => required.ticket.secret),
];
const someLists = fc.subarray([LISTS.main, LISTS.survey, LISTS.morning, LISTS.crowd], { minLength: 1 });
const odd = fc.oneof(
  fc.constantFrom<unknown>(...ODD_VALUES, '\u0000', '\ud800', 'constructor', 1e400, -1, 2 ** 31, true, null, [], {}),
  fc.constantFrom<unknown>('exit', 'entry', 'nfc_uid', '2027-07-17T10:00:00Z', '9999-12-31T23:59:59Z', 'x'.repeat(191)),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.jsonValue({ maxDepth: 3 }),
  fc.dictionary(
    fc.constantFrom(...Object.values(QUESTIONS).map(({ required }) => String(required.question))),
    fc.string(),
  ),
);
/** Mostly a scan as it should be, with some fields replaced. */
const scan = fc
  .tuple(
    someLists,
    fc.constantFrom(...secrets),
    fc.dictionary(fc.constantFrom(...FIELDS), odd, { maxKeys: 4, noNullPrototype: true }),
  )
  .map(([lists, secret, more]) => ({ lists, secret, nonce: `${secret} ${lists.length}`, ...more }));
const ask = fc.constantFrom<object>(
  ...[{ token: TOKENS.admin }, { token: TOKENS.scanner }, { headers: { authorization: `Device ${DEVICES.gate}` } }],
);
const path = (what: string) => `${API}demo/checkinrpc/${what}/`;

test('redeem and annul', async () => {
  const property = fc.asyncProperty(
    fc.constantFrom('redeem', 'annul'),
    fc.oneof(scan, odd),
    ask,
    async (what, json, by) => {
      const told = await system.call('POST', path(what), { ...by, json: json ?? null });
      expect(what === 'redeem' ? [201, 400, 404] : [200, 400, 404]).toContain(told.status);
      if (told.status !== 201) return;
      expect(told.body).toMatchObject({ status: 'ok', position: {}, list: {} });
    },
  );
  await fc.assert(property, { numRuns: 200 });
}, 60_000);

test('bodies of any bytes and any type', async () => {
  const type = fc.constantFrom(
    ...['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'image/png', ';'],
  );
  const piece = fc.constantFrom(
    ...['{', '}', '[', ']', '"', '\\', ':', ',', '1', 'null', '--x', '--x--', '\r\n\r\n', '"lists"', '"secret"'],
    ...['lists=501&', 'lists=&', `secret=${TICKETS.ada.secret}&`, 'nonce=x&', 'answers={}&', '%00', '%F'],
  );
  const bytes = fc.array(piece, { maxLength: 20 }).map((parts) => parts.join(''));
  const property = fc.asyncProperty(
    fc.constantFrom('redeem', 'annul'),
    type,
    bytes,
    ask,
    async (what, contentType, body, by) => {
      const headers = { ...(by as { headers?: object }).headers, 'content-type': contentType };
      const { status } = await system.call('POST', path(what), { ...by, body, headers });
      expect([200, 201, 400, 404, 415]).toContain(status);
    },
  );
  await fc.assert(property, RUNS);
}, 60_000);

test('any query of a search, and of a redeem', async () => {
  const name = fc.constantFrom(
    ...[
      'list',
      'search',
      'page',
      'page_size',
      'ordering',
      'expand',
      'pdf_data',
      'ignore_status',
      'item',
      'has_checkin',
      'secret',
    ],
  );
  const value = fc.oneof(
    fc.constantFrom(...[LISTS.main, LISTS.morning, LISTS.passes, LISTS.fair].map(String)),
    fc.constantFrom(
      'true',
      'ada',
      'item',
      'answers.question',
      '-last_checked_in',
      'last',
      '0',
      '-1',
      '%00',
      '%ff',
      '9'.repeat(30),
    ),
    fc.string({ unit: 'binary', maxLength: 10 }).map((raw) => encodeURIComponent(raw.replace(/\p{Surrogate}/gu, '?'))),
  );
  const query = fc
    .tuple(fc.boolean(), fc.array(fc.tuple(name, value), { maxLength: 6 }))
    .map(([isGood, pairs]) =>
      [...(isGood ? [`list=${LISTS.main}`] : []), ...pairs.map((pair) => pair.join('='))].join('&'),
    );
  const property = fc.asyncProperty(query, ask, async (asked, by) => {
    const { status } = await system.call('GET', `${path('search')}?${asked}`, by);
    expect([200, 400, 403, 404]).toContain(status);
    const json = { lists: [LISTS.main], secret: TICKETS.ada.secret };
    expect([201, 400]).toContain((await system.call('POST', `${path('redeem')}?${asked}`, { ...by, json })).status);
  });
  await fc.assert(property, RUNS);
}, 60_000);

test('the read models follow from history', async () => {
  await system.settled();
  expect(await differences(system.databaseUrl)).toEqual([]);
});
