import { cart } from '@gatehouse/cart/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import {
  batchesOf,
  batchShop,
  ended,
  LAYOUTS,
  linkIn,
  made,
  rendered,
  targetOf,
} from '@gatehouse/test-support/batches';
import { DATES, HALL, ITEMS, TOKENS, TOURS, VARIATIONS } from '@gatehouse/test-support/cart-shop';
import { ODD_VALUES } from '@gatehouse/test-support/odd-values';
import { startSystem, type System } from '@gatehouse/test-support/system';
import * as fc from 'fast-check';

/* Whatever is sent to batches (contract §9), the answer is one of the contract's, and never a 500. */

let system: System;
beforeAll(async () => {
  system = await startSystem([offlineSales, cart]);
  await system.import(batchShop());
});
afterAll(() => system.close());

const RUNS = { numRuns: 150 };
const token = TOKENS.admin;
const FIELDS =
  'item layout amount sales_channel testmode variation subevent comment orders id creation __proto__'.split(' ');

const good = fc.constantFrom<unknown>(
  ...[...Object.values(ITEMS), ...Object.values(DATES), ...Object.values(VARIATIONS), ...Object.values(LAYOUTS)],
  ...[1, 2, '3', 10_000, 10_001, 'web', 'boxoffice', 'true', 'on', 'off', 'Box office', '2027-07-17T10:00:00Z'],
);
const odd = fc.oneof(
  fc.constantFrom(...ODD_VALUES, '\u0000', '\ud800', 'constructor', 'toString', 'NaN', '1e400', '-0.00', true, null),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.jsonValue({ maxDepth: 3 }),
);
const value = fc.oneof({ weight: 2, arbitrary: good }, { weight: 1, arbitrary: odd });
/** Mostly a request as it should be, with some fields replaced. */
const wanted = fc
  .tuple(fc.boolean(), fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 3, noNullPrototype: true }))
  .map(([isGood, more]) => (isGood ? { item: ITEMS.pass, layout: LAYOUTS.hall, amount: 1, ...more } : more));
const event = fc.constantFrom(HALL, TOURS);

test('a request: 202 or 400, and what was taken ends as a batch or with a reason', async () => {
  const property = fc.asyncProperty(event, fc.oneof(wanted, odd), async (at, json) => {
    const answer = await system.call('POST', batchesOf(at), { token, json: json ?? null });
    expect([202, 400]).toContain(answer.status);
    if (answer.status === 400) return;
    const { answer: last } = await ended(system, linkIn(answer, 'check'));
    expect([200, 410]).toContain(last.status);
    if (last.status === 410) return;
    const { id } = last.body as { id: number };
    expect((await system.call('GET', `${batchesOf(at)}${id}/`, { token })).body).toEqual(last.body);
  });
  await fc.assert(property, RUNS);
}, 60_000);

test('bodies of any bytes and any type', async () => {
  const { id } = await made(system, { amount: 1 });
  const type = fc.constantFrom(
    ...['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'image/png', ';'],
  );
  const piece = fc.constantFrom(
    ...['{', '}', '[', ']', '"', '\\', ':', ',', '1', 'null', '--x', '--x--', '\r\n\r\n', '"item"', '"amount"'],
    ...['item=101&', 'amount=1&', 'layout=123&', 'subevent=&', '%00', '%F'],
  );
  const bytes = fc.array(piece, { maxLength: 20 }).map((parts) => parts.join(''));
  const target = fc.constantFrom(batchesOf(HALL), `${batchesOf(HALL)}${id}/render/`);
  const property = fc.asyncProperty(target, type, bytes, async (at, contentType, body) => {
    const { status } = await system.call('POST', at, { token, body, headers: { 'content-type': contentType } });
    expect([202, 400, 415]).toContain(status);
  });
  await fc.assert(property, RUNS);
});

test('any path and query below batches', async () => {
  const { id } = await made(system, { amount: 1 });
  const link = targetOf(await rendered(system, id));
  const [job, file] = link.split('/').slice(-3) as [string, string];
  const part = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 10 }).map((raw) => encodeURIComponent(raw.replace(/\p{Surrogate}/gu, '?'))),
    fc.constantFrom(
      ...[
        String(id),
        job,
        file,
        '2147483648',
        '9'.repeat(30),
        '%',
        '%00',
        '%ff',
        '..',
        '',
        'check',
        'render',
        'download',
      ],
    ),
  );
  const query = fc
    .array(fc.tuple(fc.constantFrom('page', 'page_size', 'ordering', 'format'), part), { maxLength: 3 })
    .map((pairs) => pairs.map((pair) => pair.join('=')).join('&'));
  const target = fc
    .tuple(event, fc.array(part, { maxLength: 4 }), query)
    .map(([at, parts, asked]) => `${[batchesOf(at).slice(0, -1), ...parts].join('/')}?${asked}`);
  const property = fc.asyncProperty(fc.constantFrom('GET', 'HEAD', 'PUT', 'DELETE'), target, async (method, at) => {
    const { status } = await system.call(method, at, { token });
    expect([200, 400, 404, 405, 409]).toContain(status);
  });
  await fc.assert(property, { numRuns: 300 });
});

test('any part of a file', async () => {
  const { id } = await made(system, { amount: 2 });
  const link = targetOf(await rendered(system, id));
  const size = Number((await system.call('HEAD', link, { token })).headers['content-length']);
  const number = fc.oneof(fc.nat(size + 10), fc.constantFrom('', '-', 'x', '9'.repeat(40)));
  const range = fc.oneof(
    fc.tuple(number, number).map(([from, to]) => `bytes=${from}-${to}`),
    fc.string({ maxLength: 20 }).map((text) => `bytes=${text.replace(/[^ -~]/g, '')}`),
  );
  const property = fc.asyncProperty(range, async (asked) => {
    const { status, headers } = await system.call('GET', link, { token, headers: { range: asked } });
    expect([200, 206, 416]).toContain(status);
    const length = Number(headers['content-length']);
    if (status === 200) expect(length).toBe(size);
    if (status !== 206) return;
    const [, first, last] = /^bytes (\d+)-(\d+)\/\d+$/.exec(headers['content-range']!)!.map(Number) as [
      number,
      number,
      number,
    ];
    expect(last - first + 1).toBe(length);
    expect(last).toBeLessThan(size);
  });
  await fc.assert(property, RUNS);
});
