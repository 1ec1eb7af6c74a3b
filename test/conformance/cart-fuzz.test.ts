import { cart } from '@gatehouse/cart/service';
import { cartShop, DATES, HALL, ITEMS, OPTIONS, QUESTIONS, TOKENS, TOURS } from '@gatehouse/test-support/cart-shop';
import { ODD_VALUES } from '@gatehouse/test-support/odd-values';
import { startSystem, type System } from '@gatehouse/test-support/system';
import * as fc from 'fast-check';

/* Whatever is sent to carts, quotas and uploads, the answer is one of the contract's, and never a 500. */

let system: System;
beforeAll(async () => {
  system = await startSystem([cart]);
  await system.import(cartShop());
});
afterAll(() => system.close());

const RUNS = { numRuns: 150 };
const token = TOKENS.admin;
const FIELDS =
  'cart_id item price variation attendee_name attendee_name_parts attendee_email expires includes_tax seat voucher sales_channel subevent answers addon_to __proto__'.split(
    ' ',
  );

const good = fc.constantFrom<unknown>(
  ...[...Object.values(ITEMS), ...Object.values(DATES), ...Object.values(QUESTIONS), ...OPTIONS.M, 201, 202],
  ...['A-1', 'A-4', 'bare', 'FREE', 'once', 'WRONGSEAT', 'x@api', '10.00', 'a@example.org', '2027-07-17T10:00:00Z'],
  ...['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z', 'boxoffice', 'file:3e4c1f0a-1111-4222-8333-444455556666'],
);
const odd = fc.oneof(
  fc.constantFrom(...ODD_VALUES, '\u0000', '\ud800', 'constructor', 'toString', 'NaN', '1e400', '-0.00', true, null),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.jsonValue({ maxDepth: 3 }),
);
const value = fc.oneof({ weight: 3, arbitrary: good }, { weight: 1, arbitrary: odd });
const answer = fc.oneof(
  fc.dictionary(fc.constantFrom('question', 'answer', 'options'), fc.oneof(value, fc.array(value, { maxLength: 3 })), {
    noNullPrototype: true,
  }),
  odd,
);
const field = fc.constantFrom(...FIELDS);
/** Mostly a position as it should be, with some fields replaced. */
const position = fc
  .tuple(
    fc.boolean(),
    fc.dictionary(field, fc.oneof(value, fc.array(answer, { maxLength: 3 })), { maxKeys: 4, noNullPrototype: true }),
  )
  .map(([isGood, more]) => (isGood ? { item: ITEMS.pass, price: '1.00', ...more } : more));
const event = fc.constantFrom(HALL, TOURS);

test('one position: 201 or 400, and what was made is shown as it was answered', async () => {
  const property = fc.asyncProperty(event, fc.oneof(position, odd), async (at, json) => {
    const made = await system.call('POST', `${at}cartpositions/`, { token, json: json ?? null });
    expect([201, 400]).toContain(made.status);
    if (made.status === 400) return;
    const { id } = made.body as { id: number };
    const shown = await system.call('GET', `${at}cartpositions/${id}/`, { token });
    // A position may be born so long expired that it is purged at once.
    if (shown.status !== 404) expect(shown.body).toEqual(made.body);
    expect((await system.call('GET', `${at}cartpositions/`, { token })).status).toBe(200);
    expect([204, 404]).toContain((await system.call('DELETE', `${at}cartpositions/${id}/`, { token })).status);
  });
  await fc.assert(property, RUNS);
});

test('many positions: a result for each', async () => {
  const property = fc.asyncProperty(event, fc.array(fc.oneof(position, odd), { maxLength: 8 }), async (at, json) => {
    const made = await system.call('POST', `${at}cartpositions/bulk_create/`, { token, json });
    // Too deep for any parser.
    if (made.status === 400) return expect(made.body).toEqual({ detail: expect.any(String) as unknown });
    expect(made.status).toBe(200);
    const { results } = made.body as { results: { success: boolean; data: unknown; errors: unknown }[] };
    expect(results.length).toBe(json.length);
    for (const { success, data, errors } of results)
      expect([data === null, errors === null]).toEqual([!success, success]);
  });
  await fc.assert(property, RUNS);
});

test('bodies of any bytes and any type', async () => {
  const type = fc.constantFrom(
    ...['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'image/png', ';'],
  );
  const piece = fc.constantFrom(
    ...['{', '}', '[', ']', '"', '\\', ':', ',', '1', 'null', '--x', '--x--', '\r\n\r\n', '"item"', '"price"'],
    ...['item=101&', 'price=1&', 'answers=[', 'answers={}', 'subevent=&', '%00', '%F'],
  );
  const bytes = fc.array(piece, { maxLength: 20 }).map((parts) => parts.join(''));
  const target = fc.constantFrom(`${HALL}cartpositions/`, `${HALL}cartpositions/bulk_create/`);
  const property = fc.asyncProperty(target, type, bytes, async (at, contentType, body) => {
    const { status } = await system.call('POST', at, { token, body, headers: { 'content-type': contentType } });
    expect([200, 201, 400, 415]).toContain(status);
  });
  await fc.assert(property, RUNS);
});

test('any file under any name', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 30 }).map((raw) => raw.replace(/[^ -~\u00a0-\u00ff]/g, ''));
  const disposition = fc.oneof(
    text,
    text.map((name) => `attachment; filename="${name}.png"`),
    text.map((name) => `attachment; filename*=UTF-8''${name}.png`),
  );
  const type = fc.oneof(text, fc.constantFrom('image/png', 'image/png; a=b', 'application/pdf'));
  const property = fc.asyncProperty(type, disposition, fc.uint8Array(), async (contentType, name, content) => {
    const headers = { 'content-type': contentType, 'content-disposition': name };
    const { status } = await system.call('POST', '/api/v1/upload', { token, body: Buffer.from(content), headers });
    expect([201, 400]).toContain(status);
  });
  await fc.assert(property, RUNS);
});

test('any path and query below carts and quotas', async () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 10 }).map((raw) => encodeURIComponent(raw.replace(/\p{Surrogate}/gu, '?'))),
    fc.constantFrom(
      '1000000001',
      '2147483648',
      '9'.repeat(30),
      '%',
      '%00',
      '%ff',
      '..',
      '',
      'bulk_create',
      'availability',
    ),
  );
  const query = fc
    .array(
      fc.tuple(fc.constantFrom('page', 'page_size', 'ordering', 'subevent', 'subevent__in', 'with_availability'), part),
      { maxLength: 3 },
    )
    .map((pairs) => pairs.map((pair) => pair.join('=')).join('&'));
  const target = fc
    .tuple(event, fc.constantFrom('cartpositions', 'quotas'), fc.array(part, { maxLength: 2 }), query)
    .map(([at, what, parts, asked]) => `${at}${[what, ...parts].join('/')}?${asked}`);
  const property = fc.asyncProperty(fc.constantFrom('GET', 'PUT', 'DELETE'), target, async (method, at) => {
    const { status } = await system.call(method, at, { token });
    expect([200, 400, 404, 405]).toContain(status);
  });
  await fc.assert(property, { numRuns: 300 });
});
