import { cart } from '@gatehouse/cart/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import {
  batchesOf,
  batchShop,
  ended,
  LAYOUTS,
  made,
  requested,
  targetOf,
  type ShownBatch,
} from '@gatehouse/test-support/batches';
import { DATES, DEVICE, FAIR, HALL, ITEMS, TOKENS, TOURS, VARIATIONS } from '@gatehouse/test-support/cart-shop';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* The resource, the list and one batch: contract §9.1 and §9.2, with permissions (§1.3), credentials (§1.2) and transport (§1.1). */

let system: System;
let first: ShownBatch;
beforeAll(async () => {
  system = await startSystem([offlineSales, cart]);
  await system.import(batchShop());
  first = await made(system);
});
afterAll(() => system.close());

const batches = batchesOf(HALL);
const UNKNOWN = '29891ede-196f-4942-9e26-d055a36e98b8';
const get = (target: string, token: string = TOKENS.viewer) => system.call('GET', target, { token });
const NOT_FOUND = { status: 404, body: { detail: 'Not found.' } };
const DENIED = { status: 403, body: { detail: 'You do not have permission to perform this action.' } };

type Page = { count: number; next: string | null; previous: string | null; results: ShownBatch[] };
const pageAt = async (target: string) => {
  const answer = await get(target);
  expect(answer.status).toBe(200);
  return answer.body as Page;
};

const KEYS = 'id creation testmode sales_channel comment layout subevent item variation amount'.split(' ');

describe('contract §9.1 the resource', () => {
  test('its keys in their order, and what they are', async () => {
    const before = new Date(Date.now() - 2_000).toISOString();
    const batch = await made(system, {
      comment: ' Box office ',
      testmode: true,
      sales_channel: 'boxoffice',
      amount: 7,
    });
    expect(Object.keys(batch)).toEqual([...KEYS, 'orders']);
    expect(batch).toEqual({
      id: expect.any(Number) as unknown,
      creation: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$/) as unknown,
      testmode: true,
      sales_channel: 'boxoffice',
      comment: 'Box office',
      layout: LAYOUTS.hall,
      subevent: null,
      item: ITEMS.pass,
      variation: null,
      amount: 7,
      orders: expect.any(Array) as unknown,
    });
    expect(batch.creation > before && batch.creation < new Date(Date.now() + 2_000).toISOString()).toBe(true);
    expect(new Set(batch.orders).size).toBe(7);
    // Longer than the codes of shops (§2.1); the 0 is that of test mode.
    for (const code of batch.orders) expect(code).toMatch(/^[A-Z0-9]0[A-Z0-9]{5}$/);
  });

  test('of a variation and of a date', async () => {
    const day = { item: ITEMS.day, variation: VARIATIONS.friday, amount: 1 };
    expect(await made(system, day)).toMatchObject({ ...day, subevent: null });
    const tour = { item: ITEMS.tour, layout: LAYOUTS.tours, subevent: DATES.evening, amount: 2 };
    expect(await made(system, tour, TOURS)).toMatchObject({ ...tour, variation: null });
  });

  test('the codes of all tickets are in the list of one batch, not in that of many', async () => {
    const shown = (await get(`${batches}${first.id}/`)).body;
    expect(shown).toEqual(first);
    const { orders: _orders, ...listed } = first;
    const { results } = await pageAt(batches);
    expect(results[0]).toEqual(listed);
    for (const each of results) expect(Object.keys(each)).toEqual(KEYS);
  });
});

describe('contract §9.2 the list', () => {
  test('batches by their ids, page by page (§1.8)', async () => {
    const series = { item: ITEMS.tour, layout: LAYOUTS.tours, subevent: DATES.morning, amount: 1 };
    for (let n = 0; n < 3; n++) await made(system, series, TOURS);
    const all = await pageAt(batchesOf(TOURS));
    const ids = all.results.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(all).toMatchObject({ count: ids.length, next: null, previous: null });
    const paged: number[] = [];
    let link: string | null = `${batchesOf(TOURS)}?page_size=2`;
    while (link) {
      const page: Page = await pageAt(targetOf(link));
      expect(page.count).toBe(ids.length);
      paged.push(...page.results.map(({ id }) => id));
      link = page.next;
    }
    expect(paged).toEqual(ids);
    expect((await pageAt(`${batchesOf(TOURS)}?page_size=1&page=last`)).results.map(({ id }) => id)).toEqual(
      ids.slice(-1),
    );
    const second = await pageAt(`${batchesOf(TOURS)}?page_size=1&page=2`);
    expect(second.previous).toBe(`${system.url}${batchesOf(TOURS)}?page_size=1`);
    expect(second.next).toBe(`${system.url}${batchesOf(TOURS)}?page=3&page_size=1`);
  });

  test.each(['0', '-1', '99', 'x', '', '9'.repeat(30)])('page=%s is no page', async (page) => {
    expect(await get(`${batches}?page=${page}`)).toMatchObject({ status: 404, body: { detail: 'Invalid page.' } });
  });
  test.each(['0', '51', 'x', '-1'])('page_size=%s is 50', async (size) => {
    expect(await pageAt(`${batches}?page_size=${size}`)).toEqual(await pageAt(batches));
  });

  test('an event without batches has an empty page', async () => {
    const none = { count: 0, next: null, previous: null, results: [] };
    expect(await get(batchesOf(FAIR), TOKENS.other)).toMatchObject({ status: 200, body: none });
    expect(await get(`${batchesOf(FAIR)}?page=last`, TOKENS.other)).toMatchObject({ status: 200, body: none });
  });
});

describe('contract §9.2 addresses', () => {
  test.each([
    ['unknown', '99999999'],
    ['too large', '2147483648'],
    ['of another form', '01'],
    ['no number', 'first'],
    ['a fraction', '1.5'],
    ['a UUID', UNKNOWN],
  ])('404 a batch whose id is %s', async (_what, id) => {
    expect(await get(`${batches}${id}/`)).toMatchObject(NOT_FOUND);
    expect(await system.call('POST', `${batches}${id}/render/`, { token: TOKENS.changer })).toMatchObject(NOT_FOUND);
    expect(await get(`${batches}${id}/download/${UNKNOWN}/${UNKNOWN}/`)).toMatchObject(NOT_FOUND);
  });

  test('404 a batch of another event', async () => {
    expect(await get(`${batchesOf(TOURS)}${first.id}/`)).toMatchObject(NOT_FOUND);
    const render = `${batchesOf(TOURS)}${first.id}/render/`;
    expect(await system.call('POST', render, { token: TOKENS.changer })).toMatchObject(NOT_FOUND);
  });

  test('all routes answer with and without a slash (§1.1)', async () => {
    for (const target of [batches, `${batches}${first.id}/`]) {
      const [slash, none] = [await get(target), await get(target.slice(0, -1))];
      expect(none).toMatchObject({ status: 200, body: slash.body });
      expect((await system.call('HEAD', target, { token: TOKENS.viewer })).status).toBe(200);
    }
    const link = targetOf(await requested(system));
    expect(link.endsWith('/')).toBe(true);
    expect([200, 409]).toContain((await get(link.slice(0, -1))).status);
    const json = { item: ITEMS.pass, layout: LAYOUTS.hall, amount: 1 };
    const without = await system.call('POST', batches.slice(0, -1), { token: TOKENS.changer, json });
    expect(without.status).toBe(202);
    expect((without.body as { check: string }).check).toMatch(
      new RegExp(`^${system.url}${batches}check/[0-9a-f-]{36}/$`),
    );
    const render = await system.call('POST', `${batches}${first.id}/render`, { token: TOKENS.changer });
    expect(render.status).toBe(202);
    expect((render.body as { download: string }).download).toMatch(
      new RegExp(`^${system.url}${batches}${first.id}/download/[0-9a-f-]{36}/[0-9a-f-]{36}/$`),
    );
  });

  test('links have the scheme and host of the request', async () => {
    const headers = { host: 'tickets.example.org' };
    const json = { item: ITEMS.pass, layout: LAYOUTS.hall, amount: 1 };
    const asked = await system.call('POST', batches, { token: TOKENS.changer, json, headers });
    expect((asked.body as { check: string }).check).toMatch(/^http:\/\/tickets\.example\.org\/api\/v1\//);
    const render = await system.call('POST', `${batches}${first.id}/render/`, { token: TOKENS.changer, headers });
    expect((render.body as { download: string }).download).toMatch(/^http:\/\/tickets\.example\.org\/api\/v1\//);
  });

  const link = `${UNKNOWN}/${UNKNOWN}/`;
  test.each([
    ['list', batches, ['GET', 'POST'], 'GET, POST, HEAD, OPTIONS'],
    ['batch', `${batches}1/`, ['GET'], 'GET, HEAD, OPTIONS'],
    ['unknown batch', `${batches}99999/`, ['GET'], 'GET, HEAD, OPTIONS'],
    ['check', `${batches}check/${UNKNOWN}/`, ['GET'], 'GET, HEAD, OPTIONS'],
    ['render', `${batches}1/render/`, ['POST'], 'POST, OPTIONS'],
    ['download', `${batches}1/download/${link}`, ['GET'], 'GET, HEAD, OPTIONS'],
  ])('405 for the other methods: %s', async (_what, target, allowed, allow) => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      if (allowed.includes(method)) continue;
      for (const at of [target, target.slice(0, -1)]) {
        const answer = await system.call(method, at, { token: TOKENS.admin, json: {} });
        expect(answer).toMatchObject({
          status: 405,
          headers: { allow },
          body: { detail: `Method "${method}" not allowed.` },
        });
      }
    }
    expect(await system.call('OPTIONS', target, { token: TOKENS.admin })).toMatchObject({ status: 200 });
  });

  test.each([
    `${batches}check/${UNKNOWN}/x/`,
    `${batches}1/x/`,
    `${batches}1/download/`,
    `${batches}1/download/${UNKNOWN}/`,
  ])('%s is no route', async (target) => {
    const headers = { 'content-type': 'text/html; charset=utf-8' };
    expect(await get(target)).toMatchObject({ status: 404, headers });
  });

  test('`check` alone is no batch, and `check/render/` no batch that could be rendered', async () => {
    expect(await get(`${batches}check/`)).toMatchObject(NOT_FOUND);
    expect(await get(`${batches}check/render/`)).toMatchObject(NOT_FOUND);
    expect(await system.call('POST', `${batches}check/render/`, { token: TOKENS.changer })).toMatchObject({
      status: 405,
    });
  });

  test('406 for what is neither JSON nor, at the download, a PDF (§1.4)', async () => {
    const accept = { headers: { accept: 'text/csv' }, token: TOKENS.viewer };
    const pdf = { headers: { accept: 'application/pdf' }, token: TOKENS.viewer };
    const download = `${batches}1/download/${link}`;
    for (const target of [batches, `${batches}1/`, `${batches}check/${UNKNOWN}/`, download]) {
      expect(await system.call('GET', target, accept)).toMatchObject({ status: 406 });
      expect((await system.call('GET', target, pdf)).status).toBe(target === download ? 404 : 406);
    }
  });
});

/** Every route, with what it answers to those who may. */
const ROUTES: readonly [method: string, target: string, allowed: number][] = [
  ['GET', batches, 200],
  ['GET', `${batches}99999/`, 404],
  ['GET', `${batches}check/${UNKNOWN}/`, 404],
  ['GET', `${batches}99999/download/${UNKNOWN}/${UNKNOWN}/`, 404],
  ['POST', batches, 400],
  ['POST', `${batches}99999/render/`, 404],
];

describe('contract §1.3 permissions', () => {
  test.each([
    ['a token with every flag', { token: TOKENS.admin }, ['GET', 'POST']],
    ['can_view_orders', { token: TOKENS.viewer }, ['GET']],
    ['can_change_orders', { token: TOKENS.changer }, ['POST']],
    ['a device', { headers: { authorization: `Device ${DEVICE}` } }, ['GET', 'POST']],
    ['a token without flags', { token: TOKENS.nothing }, []],
    ['a token for another event', { token: TOKENS.toursOnly }, []],
    ["another organizer's token", { token: TOKENS.other }, []],
  ])('%s', async (_who, who, may) => {
    for (const [method, target, allowed] of ROUTES) {
      const answer = await system.call(method, target, { ...who, json: method === 'POST' ? {} : undefined });
      if (may.includes(method)) expect([target, answer.status]).toEqual([target, allowed]);
      else expect(answer).toMatchObject(DENIED);
    }
  });

  test('403 for an unknown organizer or event, never 404', async () => {
    for (const event of ['demo/events/nothere/', 'nobody/events/hall/', 'demo/events/fair/', 'demo/events/HALL/']) {
      for (const [method, target] of ROUTES) {
        const at = target.replace(HALL, `/api/v1/organizers/${event}`);
        expect(await system.call(method, at, { token: TOKENS.admin, json: {} })).toMatchObject(DENIED);
      }
    }
  });

  test('comes before the method, the objects and the body', async () => {
    const broken = { body: '{', headers: { 'content-type': 'text/plain' }, token: TOKENS.viewer };
    expect(await system.call('POST', batches, broken)).toMatchObject(DENIED);
    expect(await system.call('DELETE', `${batches}1/`, { token: TOKENS.viewer })).toMatchObject(DENIED);
    expect(await system.call('DELETE', `${batches}1/`, { token: TOKENS.changer })).toMatchObject({ status: 405 });
    expect(await system.call('POST', `${batches}99999/render/`, { ...broken })).toMatchObject(DENIED);
  });
});

test.each([
  [undefined, 'Authentication credentials were not provided.'],
  ['Token nobody', 'Invalid token.'],
  ['Device nobody', 'Invalid token.'],
])('contract §1.2 401 for %s, before everything else', async (authorization, detail) => {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  for (const [method, target] of [...ROUTES, ['PUT', batches], ['DELETE', `${batches}1/`]] as const) {
    expect(await system.call(method, target, { headers })).toMatchObject({
      status: 401,
      body: { detail },
      headers: { 'www-authenticate': 'Token' },
    });
  }
});

test('contract §9.4: to look changes nothing', async () => {
  const link = await requested(system);
  await ended(system, link);
  const before = await system.events();
  for (const target of [batches, `${batches}${first.id}/`, targetOf(link), `${batches}check/${UNKNOWN}/`]) {
    for (let n = 0; n < 3; n++) await get(target);
    await system.call('HEAD', target, { token: TOKENS.viewer });
  }
  expect(await system.events()).toHaveLength(before.length);
});
