import { checkin } from '@gatehouse/checkin/service';
import { capturedFestival, exchanges, replyOf } from '@gatehouse/test-support/captured-festival';
import type { Exchange } from '@gatehouse/test-support/captures';
import { startSystem, type System } from '@gatehouse/test-support/system';

/*
 * The recorded calls of a real pretix 3.8 about lists, positions and redeem, replayed. Status and JSON body must be equal,
 * except for the differences in the tables of this file.
 */

/**
 * The recordings are sorted by name. These calls change something or read changes of others; their order follows from ids,
 * counts and times in the replies. All other calls came before them, in any order.
 */
const LATER = [
  ...[
    'rest-list-create-full',
    'rest-list-patch-name',
    'rest-list-patch-empty',
    'rest-list-patch-id',
    'rest-list-patch-bad-items',
  ],
  ...['rest-list-put-empty', 'rest-list-put-name-only', 'rest-list-delete', 'rest-list-delete-again'],
  ...['rest-redeem-ok-id', 'rest-redeem-already', 'rest-redeem-force-already', 'rest-redeem-force-string-false'],
  ...[
    'rest-redeem-ok-secret',
    'rest-redeem-ok-device',
    'rest-redeem-nonce',
    'rest-redeem-nonce-repeat',
    'rest-redeem-nonce-other',
  ],
  ...['rest-redeem-datetime', 'rest-redeem-form', 'rest-redeem-pdf-data', 'rest-redeem-no-body'],
  ...['rest-redeem-unpaid', 'rest-redeem-unpaid-ignore', 'rest-redeem-unpaid-force'],
  ...['rest-redeem-unpaid-pending-list', 'rest-redeem-unpaid-ignore-pending-list', 'rest-redeem-attention'],
  ...['rest-redeem-incomplete', 'rest-redeem-questions-unsupported', 'rest-redeem-answers-unknown-question'],
  ...['rest-redeem-answers-bad', 'rest-redeem-answers-partial', 'rest-redeem-answers-null', 'rest-redeem-answers-all'],
  'rest-position-answers-given-by-rest',
  ...['rest-list-create-form', 'rest-list-create-minimal-with-products', 'rest-list-patch-null-products'],
  ...['rest-list-patch-subevent-on-single', 'rest-list-put-omitted-fields', 'rest-list-patch-all-products-false'],
  ...['rest-list-put-omitted-fields-after-patch', 'rest-list-create-unknown-key-with-products'],
  ...['rest-list-create-number-name-with-products', 'rest-list-create-string-bools-with-products'],
  ...['rest-list-create-series-ok-with-products', 'rest-list-create-all-products-false-nothing-listed'],
  ...['rest-list-create-all-products-and-some-listed', 'rest-list-create-duplicate-product'],
  ...['rest-list-create-product-as-string-number', 'rest-list-create-auto-checkin-channels'],
  ...['rest-list-after', 'rest-list-status-after', 'rest-gzip', 'rest-list-get-json-suffix'],
  ...['rest-redeem-answers-lenient', 'rest-position-after-answers-lenient', 'rest-redeem-answers-false-bool'],
  ...['rest-position-after-answers-false-bool', 'rest-redeem-answers-strict', 'rest-position-after-answers-strict'],
  // Refused or crashed there, accepted here: no later call reads their result.
  ...[
    'rest-list-create-minimal',
    'rest-list-create-number-name',
    'rest-list-create-string-bool',
    'rest-list-create-unknown-key',
  ],
  ...['rest-list-create-series-ok', 'rest-list-create-no-slash', 'rest-redeem-datetime-null', 'rest-redeem-no-slash'],
  'rest-list-delete-with-checkins-admin',
];

type Json = Readonly<Record<string, unknown>>;
type Different = {
  readonly why: string;
  readonly status: number;
  readonly body: unknown;
};

const listOf = (id: number, name: string, more: Json = {}) => ({
  id,
  name,
  all_products: true,
  limit_products: [],
  subevent: null,
  checkin_count: 0,
  position_count: 34,
  include_pending: false,
  auto_checkin_sales_channels: [],
  ...more,
});
const fieldless = (text: string) => ({ non_field_errors: [text] });
const page = (name: string, next: string, size: number) => {
  const recorded = replyOf<{ results: unknown[] }>(name);
  return { ...recorded, next: `https://pretix.example.org${next}`, results: recorded.results.slice(0, size) };
};
/** A position as listed by the main gate, entered at some time. */
const entered = (id: number, ...checkins: Json[]) => {
  const listed = replyOf<{ results: { id: number; checkins: Json[] }[] }>('rest-positions').results;
  const position = listed.find((each) => each.id === id)!;
  return { ...position, checkins: [...position.checkins, ...checkins] };
};
const NO_DATE = fieldless('Subevent cannot be null for event series.');
const NO_LIMIT = 'limit_products absent is [] (§12 row 21)';
const NO_SLASH = 'every route answers with and without its slash (decisions, Transport)';
const RESET = 'PUT resets what is omitted (§12 row 9)';
const PAGES = 'page_size is heard (§1.8, [L4])';
const EVENT = '/api/v1/organizers/demo/events/openair';
/** Placeholder for ids of lists that the reference did not create, and for the time of a scan in this test. */
const NEW = 0;
const NOW = 'now';

/** Differences from the reference that the contract decided. */
const DIFFERENT: Readonly<Record<string, Different>> = {
  'rest-list-create-minimal': { why: NO_LIMIT, status: 201, body: listOf(NEW, 'Minimal') },
  'rest-list-create-number-name': { why: NO_LIMIT, status: 201, body: listOf(NEW, '5') },
  'rest-list-create-string-bool': {
    why: NO_LIMIT,
    status: 201,
    body: listOf(NEW, 'String bools', { all_products: false, include_pending: true, position_count: 0 }),
  },
  'rest-list-create-unknown-key': { why: NO_LIMIT, status: 201, body: listOf(NEW, 'Unknown key') },
  'rest-list-create-series-ok': {
    why: NO_LIMIT,
    status: 201,
    body: listOf(NEW, 'Tour 2', { subevent: 2, position_count: 1 }),
  },
  'rest-list-create-series-null-subevent': { why: NO_LIMIT, status: 400, body: NO_DATE },
  'rest-list-create-series-without-subevent': { why: NO_LIMIT, status: 400, body: NO_DATE },
  'rest-list-create-subevent-on-single': {
    why: NO_LIMIT,
    status: 400,
    body: fieldless('The subevent does not belong to this event.'),
  },
  'rest-list-create-bad-json': {
    why: "the parser's words are Python's (§1.4)",
    status: 400,
    body: { detail: expect.stringMatching(/^JSON parse error - ./) },
  },
  'rest-list-options': {
    why: 'the metadata of OPTIONS are rarely used (§1.1)',
    status: 200,
    body: expect.objectContaining({ renders: ['application/json'] }),
  },
  'rest-list-create-no-slash': { why: NO_SLASH, status: 201, body: listOf(NEW, 'x') },
  'rest-lists-no-slash': { why: NO_SLASH, status: 200, body: replyOf('rest-lists') },
  'rest-redeem-no-slash': {
    why: NO_SLASH,
    status: 400,
    body: {
      status: 'error',
      reason: 'already_redeemed',
      require_attention: false,
      position: entered(9, { datetime: NOW, list: 1, auto_checked_in: false }),
    },
  },
  'rest-lists-page-size': {
    why: PAGES,
    status: 200,
    body: page('rest-lists-page-size', `${EVENT}/checkinlists/?page=2&page_size=1`, 1),
  },
  'rest-positions-page-size': {
    why: PAGES,
    status: 200,
    body: page('rest-positions-page-size', `${EVENT}/checkinlists/1/positions/?page=2&page_size=2`, 2),
  },
  'rest-list-put-name-only': { why: RESET, status: 200, body: listOf(5, 'Put') },
  'rest-list-put-omitted-fields-after-patch': { why: RESET, status: 200, body: listOf(7, 'Put again') },
  'rest-gzip': { why: RESET, status: 200, body: withListReset('rest-gzip') },
  'rest-list-get-json-suffix': {
    why: 'a .json suffix is optional (§1.1): an unknown route here',
    status: 404,
    body: 'HTML',
  },
  'rest-list-delete-with-checkins-admin': {
    why: 'a list goes with its check-ins (§12 row 7)',
    status: 204,
    body: null,
  },
  'rest-redeem-product': {
    why: '400 product instead of 404 (§12 row 14)',
    status: 400,
    body: { status: 'error', reason: 'product', require_attention: false, position: entered(32) },
  },
  'rest-redeem-list-body': {
    why: 'a crash of the reference (§1.4)',
    status: 400,
    body: fieldless('Invalid data. Expected a dictionary, but got list.'),
  },
  'rest-redeem-answers-null': {
    why: 'null is as if absent (§6.1)',
    status: 400,
    body: replyOf('rest-redeem-answers-unknown-question'),
  },
  'rest-redeem-datetime-null': {
    why: 'null is now (§12 row 6)',
    status: 201,
    body: { status: 'ok', require_attention: false, position: entered(32) },
  },
  'rest-redeem-secret-slash': {
    why: 'any character may stand in a secret (decisions, Lists)',
    status: 400,
    body: { status: 'error', reason: 'already_redeemed', require_attention: false, position: entered(12) },
  },
};

/** The lists after a PUT, of which Gatehouse resets one more field. */
function withListReset(name: string): unknown {
  const recorded = replyOf<{ results: { id: number }[] }>(name);
  const reset = (list: { id: number }) => (list.id === 7 ? { ...list, all_products: true, position_count: 34 } : list);
  return { ...recorded, results: recorded.results.map(reset) };
}

let system: System;
const begin = new Date().toISOString();
/** Gatehouse's ids of the lists created in this test, by the recorded ids. */
const ids = new Map<number, number>();

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(capturedFestival({ scanned: true }));
});
afterAll(() => system.close());

const rest = [...exchanges.values()].filter(({ name }) => name.startsWith('rest-'));
const before = rest.filter(({ name }) => !LATER.includes(name));

test('every name in the tables of this file is the name of a call, once', () => {
  expect([...LATER, ...Object.keys(DIFFERENT)].filter((name) => !exchanges.has(name))).toEqual([]);
  expect(new Set(LATER).size).toBe(LATER.length);
});

test.each([...before, ...LATER.map((name) => exchanges.get(name)!)])('$name', async (exchange) => {
  const { request, response } = exchange;
  const { status, body: expected } = DIFFERENT[exchange.name] ?? {
    status: response.status,
    body: recordedBody(exchange),
  };
  const answer = await system.call(request.method, ours(request.path), {
    headers: request.headers,
    ...(request.body === null ? {} : { body: request.body }),
  });
  if (/\/checkinlists\/?$/.test(request.path) && answer.status === 201) {
    ids.set(idOf(expected), idOf(answer.body));
  }
  expect({ status: answer.status, body: settled(seen(answer), exchange.name) }).toEqual({
    status,
    body: settled(asWeSend({ expected })['expected'], exchange.name),
  });
});

const idOf = (list: unknown): number => (list as { id: number }).id;

/** JSON, `null` for an empty body, or the kind of another body. */
function recordedBody({ response, request }: Exchange): unknown {
  if (response.status === 302) return null;
  if (response.body === '' || request.method === 'HEAD') return null;
  return response.body.startsWith('<') ? 'HTML' : JSON.parse(response.body);
}

function seen(answer: { text: string; headers: Readonly<Record<string, string>> }): unknown {
  if (answer.text === '') return null;
  if (answer.headers['content-type']?.startsWith('text/html')) return 'HTML';
  const known = [...ids].reduce(
    (text, [recorded, own]) => text.replaceAll(`"id":${own},`, `"id":${recorded},`),
    answer.text,
  );
  return mapped(JSON.parse(known), (key, value) =>
    key === 'now_date' || key === 'now_datetime' || (key === 'datetime' && isNow(value)) ? NOW : value,
  );
}

const isNow = (value: unknown): boolean =>
  typeof value === 'string' && value >= begin && value <= new Date().toISOString();

/** A recorded path with Gatehouse's ids. */
const ours = (path: string): string =>
  path.replace(/(?<=\/checkinlists\/)\d+/, (id) => String(ids.get(Number(id)) ?? id));

/** The times at which the recorded droid calls checked tickets in: imported history here. */
const SCANNED = new Set(
  replyOf<{ results: { checkins: { datetime: string }[] }[] }>('rest-positions-ignore-status')
    .results.concat(
      replyOf<{ results: { checkins: { datetime: string }[] }[] }>('rest-positions-of-pending-list').results,
    )
    .flatMap((position) => position.checkins.map((row) => row.datetime)),
);

/** Printed for badges by 3.8, not by the version of the seed (§5.1). */
const NEWER_PDF_DATA = /^(question_\d+|invoice_city|attendee_company)$/;

/** Differences that occur in many replies. */
function asWeSend(recorded: Json): Json {
  return mapped(recorded, (key, value, parent) => {
    if (key === 'datetime') return SCANNED.has(String(value)) ? utc(String(value)) : NOW;
    if (key === 'now_date' || key === 'now_datetime') return NOW;
    // A key of newer question objects (§6.3 lists them without).
    if (key === 'help_text' && 'ask_during_checkin' in parent) return undefined;
    if (NEWER_PDF_DATA.test(key)) return undefined;
    if (typeof value === 'string') return value.replace('https://pretix.example.org', system.url);
    // The seed's version of the reference omitted the key here (§12 row 10).
    if (isObject(value) && 'pseudonymization_id' in value) return { ...value, seat: null };
    return value;
  }) as Json;
}

/** UTC is printed as Z; that server printed its own time zone (§1.6). */
const utc = (text: string): string => {
  const micros = /\.\d{6}/.exec(text)?.[0] ?? '';
  return new Date(text.replace(micros, '')).toISOString().slice(0, 19) + micros + 'Z';
};

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A copy in which `change` has replaced every value of an object, the outer ones first; undefined drops the key. */
function mapped(value: unknown, change: (key: string, value: unknown, parent: object) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => mapped(change('', each, value), change));
  if (!isObject(value) || value.constructor !== Object) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, each]) => [key, mapped(change(key, each, value), change)] as const)
      .filter(([, each]) => each !== undefined),
  );
}

type Listed = {
  id: number;
  positionid: number;
  attendee_name: string | null;
  checkins: readonly { datetime: string }[];
};
/** They are listed without a name, but shown with the name of another ticket or of the invoice. */
const NAMED_BY_OTHERS = new Set([2, 7]);
const isNamed = (each: Listed) => each.attendee_name !== null && !NAMED_BY_OTHERS.has(each.id);

/** The order of tickets that an ordering leaves undefined is arbitrary: here it is by id. */
function settled(body: unknown, name: string): unknown {
  if (!isObject(body) || !Array.isArray(body['results'])) return body;
  const [first, ...others] = body['results'] as Listed[];
  if (first?.positionid === undefined) return body;
  const placeOf = (each: Listed): string => {
    if (name === 'rest-positions-ordering') return each.checkins[0]?.datetime ?? 'never';
    return isNamed(each) ? each.attendee_name! : `nameless ${each.positionid}`;
  };
  const runs = [[first]];
  for (const each of others) {
    const run = runs.at(-1)!;
    if (placeOf(run[0]!) === placeOf(each)) run.push(each);
    else runs.push([each]);
  }
  return { ...body, results: runs.flatMap((run) => run.sort((a, b) => a.id - b.id)) };
}
