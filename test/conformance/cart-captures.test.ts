import { cart } from '@gatehouse/cart/service';
import { cartExchanges as exchanges, cartFestival } from '@gatehouse/test-support/captured-carts';
import type { Exchange } from '@gatehouse/test-support/captures';
import { startSystem, type System } from '@gatehouse/test-support/system';

/*
 * The recorded calls of a real pretix 4.13 at cart positions and quotas, replayed. What is not in the tables of this file must be equal:
 * the status, and the body as JSON, but for ids, random cart ids and the clock.
 */

/** The file is sorted by name. These calls come last, in this order; it follows from the ids, counts and times in the replies. */
const LATER = [
  ...['cart-create-ok', 'cart-create-ok-cart-id', 'cart-create-ok-expires', 'cart-create-expires-in-the-past'],
  ...['cart-create-ok-variation', 'cart-create-attendee-name', 'cart-create-attendee-name-null'],
  ...['cart-create-no-names', 'cart-create-email', 'cart-create-price-number', 'cart-create-price-float'],
  ...['cart-create-price-negative', 'cart-create-cart-id-null', 'cart-create-cart-id-empty'],
  ...['cart-create-subevent-omitted', 'cart-create-includes-tax-false', 'cart-create-includes-tax-null'],
  ...['cart-create-unknown-key', 'cart-create-sales-channel-web', 'cart-create-sales-channel-unknown'],
  ...['cart-create-answer-number', 'cart-create-answer-bool', 'cart-create-answer-choice'],
  ...['cart-create-answer-multiple', 'cart-create-answer-date', 'cart-create-answer-time'],
  ...['cart-create-answer-datetime', 'cart-create-answer-country', 'cart-create-answer-country-bad'],
  ...['cart-create-answer-phone', 'cart-create-answer-phone-bad', 'cart-create-seat-ok', 'cart-create-seat-taken'],
  ...['cart-create-seat-with-voucher', 'cart-create-voucher-ok', 'cart-create-voucher-used-up-by-cart'],
  ...['cart-create-voucher-lower-case', 'cart-create-voucher-null'],
  ...[1, 2, 3, 4, 5, 6].map((n) => `cart-create-small-quota-${n}-of-5`),
  ...['cart-create-as-device', 'cart-create-series-ok', 'cart-bulk-ok', 'cart-bulk-mixed', 'cart-bulk-voucher-twice'],
  ...['cart-bulk-seat-twice', 'cart-bulk-different-carts'],
  ...[...exchanges.keys()].filter((name) => /^cart-(list|detail|head|quota)/.test(name)),
  ...['cart-idempotent-first', 'cart-idempotent-repeat', 'cart-idempotent-other-body'],
  ...['cart-delete-viewer', 'cart-delete', 'cart-delete-again'],
  // Refused or crashed there, done here: nothing after them looks at it.
  ...['cart-delete-no-slash', 'cart-create-no-slash', 'cart-create-form', 'cart-create-answers-omitted'],
  ...['cart-create-answer-without-options-key', 'cart-bulk-no-slash', 'cart-bulk-answers-omitted'],
];

type Json = Readonly<Record<string, unknown>>;
type Different = { readonly why: string; readonly status: number; readonly body: unknown };

const bodyOf = (name: string): Json => JSON.parse(exchanges.get(name)!.response.body) as Json;
const NO_SLASH = 'every route answers with and without its slash (decisions, Transport)';
const ABSENT = 'what is absent is an empty list (§12 row 19)';
/** Stands for an id that the reference did not give, for a random cart id, and for the time of this test. */
const [NEW, RANDOM, NOW] = ['new', 'random', 'now'];
const made = (more: Json = {}): Json => ({ ...bodyOf('cart-create-ok'), id: NEW, ...more });

/** Where the contract decides otherwise than the reference did. */
const DIFFERENT: Readonly<Record<string, Different>> = {
  'cart-create-no-slash': { why: NO_SLASH, status: 201, body: made() },
  'cart-bulk-no-slash': {
    why: NO_SLASH,
    status: 200,
    body: { results: [{ success: true, data: made(), errors: null }] },
  },
  'cart-list-no-slash': { why: NO_SLASH, status: 200, body: bodyOf('cart-list') },
  'cart-delete-no-slash': { why: NO_SLASH, status: 404, body: { detail: 'Not found.' } },
  'cart-list-json-suffix': {
    why: 'a .json suffix is optional (§1.1): an unknown route here',
    status: 404,
    body: 'HTML',
  },
  'cart-create-answers-omitted': { why: ABSENT, status: 201, body: made() },
  'cart-bulk-answers-omitted': {
    why: ABSENT,
    status: 200,
    body: { results: [{ success: true, data: made(), errors: null }] },
  },
  'cart-create-answer-without-options-key': {
    why: ABSENT,
    status: 201,
    body: { ...bodyOf('cart-create-answer-number'), id: NEW },
  },
  'cart-create-form': {
    why: ABSENT,
    status: 201,
    body: made({ attendee_name: null, attendee_name_parts: {} }),
  },
  'cart-create-name-parts-string': {
    why: 'a crash of the reference (§8.3)',
    status: 400,
    body: { attendee_name_parts: ['Value must be valid JSON.'] },
  },
  'cart-create-name-parts-unknown-scheme': {
    why: 'a crash of the reference (§2.2)',
    status: 400,
    body: { attendee_name_parts: ['The name scheme is not known.'] },
  },
  'cart-create-bad-json': {
    why: "the parser's words are Python's (§1.4)",
    status: 400,
    body: { detail: expect.stringMatching(/^JSON parse error - ./) },
  },
  'cart-options': {
    why: 'the metadata of OPTIONS are rarely used (§1.1)',
    status: 200,
    body: expect.objectContaining({ renders: ['application/json'] }),
  },
  'cart-quota-availability': {
    why: 'who waits is counted (§2.7)',
    status: 200,
    body: { ...bodyOf('cart-quota-availability'), available_number: 423 },
  },
  'cart-quota-availability-unlimited': {
    why: 'what is taken of an unlimited quota is told, too',
    status: 200,
    body: { ...bodyOf('cart-quota-availability-unlimited'), cart_positions: 1 },
  },
  'cart-quotas-with-availability': {
    why: 'who waits is counted (§2.7), and newer shops have a key more',
    status: 200,
    body: mapped(bodyOf('cart-quotas-with-availability'), (key, value, parent) =>
      key === 'available_number' && parent['id'] === 1 ? 423 : value,
    ),
  },
};

let system: System;
/** Our ids by the recorded ones. */
const ids = new Map<number, number>();

beforeAll(async () => {
  system = await startSystem([cart]);
  await system.import(cartFestival());
});
afterAll(() => system.close());

const carts = [...exchanges.values()].filter(({ name }) => name.startsWith('cart-'));
const before = carts.filter(({ name }) => !LATER.includes(name));

test('every name in the tables of this file is the name of a call, once', () => {
  expect([...LATER, ...Object.keys(DIFFERENT)].filter((name) => !exchanges.has(name))).toEqual([]);
  expect(new Set(LATER).size).toBe(LATER.length);
});

test.each([...before, ...LATER.map((name) => exchanges.get(name)!)])('$name', async (exchange) => {
  const { request, response, name } = exchange;
  const { status, body: expected } = DIFFERENT[name] ?? { status: response.status, body: recordedBody(exchange) };
  const answer = await system.call(request.method, ours(request.path), {
    headers: request.headers,
    ...(request.body === null ? {} : { body: request.body }),
  });
  if (request.method === 'POST') learnIds(expected, answer.body);
  expect({ status: answer.status, body: settled(seen(answer), name) }).toEqual({
    status,
    body: settled(asWeSend(expected), name),
  });
});

/** Remembers which position of ours is which recorded one. */
function learnIds(recorded: unknown, own: unknown): void {
  for (const [one, other] of pairsOf(recorded, own)) {
    if (typeof one?.['id'] === 'number' && typeof other?.['id'] === 'number') ids.set(one['id'], other['id']);
  }
}

function pairsOf(recorded: unknown, own: unknown): [Json | undefined, Json | undefined][] {
  const [one, other] = [recorded, own] as [Json, Json];
  if (!isObject(one) || !isObject(other)) return [];
  if ('cart_id' in one) return [[one, other]];
  const [all, our] = [one['results'], other['results']] as [{ data?: Json }[], { data?: Json }[]];
  if (!Array.isArray(all) || !Array.isArray(our)) return [];
  return all.map((each, i) => [each.data, our[i]?.data]);
}

/** JSON, `null` when there is nothing, or the kind of another body. */
function recordedBody({ response, request }: Exchange): unknown {
  if (response.body === '' || request.method === 'HEAD') return null;
  return response.body.startsWith('<') ? 'HTML' : JSON.parse(response.body);
}

function seen(answer: { text: string; headers: Readonly<Record<string, string>> }): unknown {
  if (answer.text === '') return null;
  if (answer.headers['content-type']?.startsWith('text/html')) return 'HTML';
  const recorded = new Map([...ids].map(([theirs, own]) => [own, theirs]));
  return mapped(JSON.parse(answer.text), (key, value, parent) => {
    if (key === 'id' && 'cart_id' in parent) return recorded.get(value as number) ?? NEW;
    if (key === 'ignore_for_event_availability') return undefined;
    return withoutChance(key, value);
  });
}

/** A recorded path with our ids. */
const ours = (path: string): string =>
  path.replace(/(?<=\/cartpositions\/)\d+/, (id) => String(ids.get(Number(id)) ?? id));

/** What is different in many replies, and always in the same way. */
function asWeSend(recorded: unknown): unknown {
  return mapped({ recorded }, (key, value) => {
    // The zone of that server was Berlin's, ours is UTC (§1.6).
    if (value === '2027-07-18 22:00:00+02:00') return '2027-07-18 20:00:00+00:00';
    const shown = typeof value === 'string' ? value.replace('https://pretix.example.org', system.url) : value;
    return withoutChance(key, shown);
  })['recorded' as never];
}

/** A cart id of 48 random characters, and what the clock says. */
function withoutChance(key: string, value: unknown): unknown {
  // A set; an import sorts it.
  if (key === 'items') return (value as number[]).toSorted((a, b) => a - b);
  if (key === 'cart_id' && /^\w{48}@api$/.test(String(value))) return RANDOM;
  if (typeof value !== 'string' || (key !== 'datetime' && key !== 'expires')) return value;
  const isChosen = /^(2020-01-01|2027-12-31)/.test(value);
  return isChosen ? new Date(value).toISOString() : NOW;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A copy in which `change` has replaced every value of an object, the outer ones first; undefined drops the key. */
function mapped<T>(value: T, change: (key: string, value: unknown, parent: Json) => unknown): T {
  if (Array.isArray(value)) return value.map((each: unknown) => mapped(each, change)) as T;
  if (!isObject(value) || value.constructor !== Object) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, each]) => [key, mapped(change(key, each, value), change)] as const)
      .filter(([, each]) => each !== undefined),
  ) as T;
}

/** Random cart ids come in another order; and what a page is cut from is the same. */
function settled(body: unknown, name: string): unknown {
  if (name !== 'cart-list-ordering-cart-id' || !isObject(body)) return body;
  const results = body['results'] as { id: number; cart_id: string }[];
  return { ...body, results: results.toSorted((a, b) => a.id - b.id) };
}
