import fc from 'fast-check';
import {
  boolean,
  char,
  decimal,
  email,
  integer,
  jsonObject,
  nullable,
  objects,
  optional,
  pk,
  pks,
  validate,
  words,
  datetime,
} from './drf';
import { booleanFilter, choiceFilter, idFilter, idsFilter, readFilters, readOrdering, textFilter } from './filters';
import { route } from './http';
import { chooseLanguage } from './language';
import { askedPage, pageOf, pageReply } from './pages';
import { idIn } from './path';
import { knownCredentials, startApp, tokenOf, type Ask, type TestApp } from './testing';

/*
 * Any request gets one of the contract's replies, at once, and never a 500. Over real HTTP, with every kind of field and
 * filter behind the route.
 */

const find = (id: number) => (id < 10 ? { id } : undefined);
const findMany = (ids: readonly number[]) => new Map(ids.filter(find).map((id) => [id, { id }]));
const existing = (ids: readonly number[]) => new Set(ids.filter((id) => id < 10));
const SHAPE = {
  name: char({ max: 190 }),
  flag: optional(boolean()),
  amount: optional(integer({ min: 1, max: 10_000 })),
  price: optional(decimal({ digits: 10, places: 2 })),
  mail: optional(nullable(email())),
  item: optional(nullable(pk(find))),
  items: optional(pks(findMany)),
  parts: optional(jsonObject()),
  channels: optional(words()),
  at: optional(datetime()),
  answers: optional(
    objects({ question: pk(find), answer: char(), options: optional(pks(findMany)) }, (answer) => answer),
  ),
};
const FILTERS = {
  item: idFilter(existing),
  item__in: idsFilter(existing),
  status: choiceFilter('n', 'p'),
  has_checkin: booleanFilter,
  search: textFilter,
};
const access = { safe: 'can_view_orders', unsafe: 'can_change_orders' } as const;
const THINGS = '/api/v1/organizers/demo/events/openair/things/';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({
    credentials: knownCredentials({ full: tokenOf('demo', ['can_view_orders', 'can_change_orders']) }),
    routes: [
      route('organizers/:organizer/events/:event/things/', {
        name: 'things',
        access,
        GET: async (request) => {
          const filters = await readFilters(request.query, FILTERS);
          const ordering = readOrdering(request.query, ['a', 'b']);
          const language = chooseLanguage(request.header('accept-language'), ['en', 'de'], 'en');
          return pageReply(request, pageOf(askedPage(request.query), 1000), [filters, ordering, language]);
        },
        POST: async (request) => ({ status: 201, body: await validate(await request.body(), SHAPE) }),
      }),
      route('organizers/:organizer/events/:event/things/:thing/', {
        name: 'things',
        access,
        GET: (request) => ({ status: 200, body: { id: idIn(request.param('thing')) } }),
        PUT: (request) => ({ status: 200, body: { thing: request.param('thing') } }),
      }),
    ],
  });
});
afterAll(() => app.close());

/**
 * Sends a request and measures the CPU time of server and client together, not how long it took. Usual are some milliseconds,
 * on any machine far less than the limit; a body that makes work without end takes minutes.
 */
async function statusOf(method: string, target: string, ask: Ask): Promise<number> {
  const before = process.cpuUsage();
  const { status } = await app.call(method, target, { token: 'full', ...ask });
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(20_000);
  return status;
}

const nasty = fc.constantFrom(
  '\u0000', '\ud800', '__proto__', 'constructor', 'toString', '1e400', '9'.repeat(40), '-0', ' ', '', 'NaN', '٣', '%00', '+',
  '2027-07-16T12:00Z', '0000-00-00T00:00', 'a@b.de', 'null', 'True', '1.10',
); // prettier-ignore
const text = fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 30 }));
const wellFormed = (raw: string) => raw.replace(/\p{Surrogate}/gu, '?');
const json = fc.oneof(
  { depthSize: 'small' },
  nasty,
  fc.double(),
  fc.jsonValue({ maxDepth: 4 }),
  fc.array(fc.oneof(nasty, fc.integer(), fc.jsonValue({ maxDepth: 2 })), { maxLength: 4 }),
);
const field = fc.constantFrom(...Object.keys(SHAPE), 'question', '__proto__', 'unknown');
const RUNS = { numRuns: 300 };

test('bodies of any JSON are 201 or 400', async () => {
  const answers = fc.array(fc.dictionary(fc.constantFrom('question', 'answer', 'options'), json), { maxLength: 3 });
  const bodies = fc.oneof(json, fc.dictionary(field, fc.oneof(json, answers), { noNullPrototype: true }));
  const property = fc.asyncProperty(bodies, async (json) => {
    expect([201, 400]).toContain(await statusOf('POST', THINGS, { json }));
  });
  await fc.assert(property, RUNS);
});

test('bodies of any bytes and any type are 201, 400 or 415', async () => {
  const type = fc.constantFrom(
    'application/json', 'application/json; charset=latin1', 'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x', 'multipart/form-data; boundary=', 'multipart/form-data', 'text/plain', ';', '/',
  ); // prettier-ignore
  const pieces = fc.constantFrom(
    '{', '}', '[', ']', '"', '\\', ':', ',', '1', '12345678901234567890', '-', '.', 'e', 'null', '--x', '--x--', '\r\n', '\r\n\r\n',
    'Content-Disposition: form-data; name="name"', 'name=', '&', '=', '%', '%F', '%00', '+', 'items=1&items=2', 'parts={', 'answers=[',
  ); // prettier-ignore
  const bytes = fc.oneof(
    fc.array(pieces, { maxLength: 40 }).map((parts) => Buffer.from(parts.join(''))),
    fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array)),
  );
  const property = fc.asyncProperty(type, bytes, async (contentType, body) => {
    const status = await statusOf('POST', THINGS, { body, headers: { 'content-type': contentType } });
    expect([201, 400, 415]).toContain(status);
  });
  await fc.assert(property, RUNS);
});

test('any query is 200, 400 or 404', async () => {
  const name = fc.constantFrom(...Object.keys(FILTERS), 'page', 'page_size', 'ordering', 'x', '__proto__');
  const value = text.map((raw) => encodeURIComponent(wellFormed(raw).replaceAll('%', '')));
  const rawValue = fc.oneof(value, fc.constantFrom('%', '%0', '%ff%fe', '1,2', ',', '1,%00', '-a,b', 'last', '%E2%82'));
  const queries = fc.array(fc.tuple(name, rawValue), { maxLength: 5 });
  const property = fc.asyncProperty(queries, async (pairs) => {
    const query = pairs.map((pair) => pair.join('=')).join('&');
    expect([200, 400, 404]).toContain(await statusOf('GET', `${THINGS}?${query}`, {}));
  });
  await fc.assert(property, RUNS);
});

test('any path is 200, 403, 404 or 405', async () => {
  const part = fc.oneof(
    text.map((raw) => encodeURIComponent(wellFormed(raw))),
    fc.constantFrom('api', 'v1', 'organizers', 'demo', 'events', 'openair', 'things', '..', '.', '', '%2F', '%2e%2e', '%', '%ff', '~'),
  ); // prettier-ignore
  const paths = fc.oneof(
    part.map((id) => `${THINGS}${id}/`),
    fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join('/')}`),
    fc.tuple(part, part).map(([organizer, event]) => `/api/v1/organizers/${organizer}/events/${event}/things`),
  );
  const property = fc.asyncProperty(fc.constantFrom('GET', 'PUT', 'PATCH'), paths, async (method, path) => {
    expect([200, 302, 403, 404, 405]).toContain(await statusOf(method, path, {}));
  });
  await fc.assert(property, RUNS);
});

test('any headers are answered', async () => {
  const name = fc.constantFrom(
    'accept',
    'authorization',
    'accept-language',
    'host',
    'traceparent',
    'cookie',
    'x-idempotency-key',
  );
  const value = fc.string({ maxLength: 40 }).map((raw) => raw.trim());
  const property = fc.asyncProperty(fc.dictionary(name, value, { noNullPrototype: true }), async (headers) => {
    expect([200, 401, 406]).toContain(await statusOf('GET', THINGS, { headers: { accept: '*/*', ...headers } }));
  });
  await fc.assert(property, RUNS);
});

test.each([
  ['two and a half megabytes of brackets', '['.repeat(2_600_000)],
  ['a million short fields', 'a&'.repeat(1_200_000)],
  ['a number of a million digits', `{"item":${'9'.repeat(1_000_000)}}`],
  ['a text of a million blanks', `{"name":"a${' '.repeat(1_000_000)}b"}`],
  ['an address of a million letters', `{"mail":"${'a.'.repeat(500_000)}@x"}`],
  ['a million numbers', `{"items":[${'1,'.repeat(1_000_000)}1]}`],
  ['ten thousand empty answers', `{"answers":[${'{},'.repeat(9_999)}{}]}`],
  ['a million empty answers', `{"answers":[${'{},'.repeat(800_000)}{}]}`],
  ['long numbers all over', `{"parts":{"a":[${'12345678901234567890,'.repeat(100_000)}1]}}`],
])('%s block nothing', async (_what, body) => {
  for (const type of ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const slow = statusOf('POST', THINGS, { body, headers: { 'content-type': type } });
    expect([201, 400]).toContain(await slow);
  }
});
