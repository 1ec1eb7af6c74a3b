import { checkin } from '@gatehouse/checkin/service';
import { reference } from '@gatehouse/reference-service/service';
import { sync } from '@gatehouse/sync-service/service';
import { API, DEVICES, festival, OPENAIR, TOKENS, TOURS } from '@gatehouse/test-support/festival';
import { allResults, REAL_EVENTS, REAL_EXPORT, realFile, realToken } from '@gatehouse/test-support/real-export';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* What a scanner reads before it scans: the shop's small objects, as it sent them (issue 14, clients.md §2 and §7). */

type Listed = Record<string, unknown> & { id: number };
type Page = { count: number; next: string | null; previous: string | null; results: Listed[] };

let system: System;
let token: string;
beforeAll(async () => {
  system = await startSystem([checkin, sync, reference]);
  await system.import(REAL_EXPORT);
  token = realToken();
});
afterAll(() => system.close());

const demo = `${API}demo/`;
const get = (target: string, headers: Record<string, string> = {}) => system.call('GET', target, { token, headers });
const page = async (target: string) => {
  const answer = await get(target);
  expect([target, answer.status]).toEqual([target, 200]);
  return answer.body as Page;
};

describe('every list is the file of its name in a real export, field by field', () => {
  test.each(REAL_EVENTS)('%s', async (event) => {
    const at = `${demo}events/${event}/`;
    for (const name of ['subevents', 'categories', 'items', 'questions', 'revokedsecrets', 'blockedsecrets']) {
      const file = realFile<object[]>(`events/${event}/${name}.json`);
      expect([name, await allResults(system, `${at}${name}/`, token)]).toEqual([name, file]);
    }
    expect((await get(at)).body).toEqual(realFile(`events/${event}/event.json`));
    expect((await get(`${at}settings/`)).body).toEqual(realFile(`events/${event}/settings.json`));
    for (const name of ['badgelayouts', 'badgeitems']) {
      expect(await page(`${at}${name}/`)).toEqual({ count: 0, next: null, previous: null, results: [] });
    }
  });

  test('the events of the organizer, and the dates of all of them', async () => {
    const [openair, tours] = REAL_EVENTS.map((event) => realFile(`events/${event}/event.json`));
    expect((await page(`${demo}events/`)).results).toEqual([openair, tours]);
    const dates = REAL_EVENTS.flatMap((event) => realFile<object[]>(`events/${event}/subevents.json`));
    expect((await page(`${demo}subevents/`)).results).toEqual(dates);
    expect(await page(`${demo}reusablemedia/`)).toEqual({ count: 0, next: null, previous: null, results: [] });
  });

  test('and each object by its id', async () => {
    const [item] = realFile<Listed[]>('events/openair/items.json');
    expect((await get(`${demo}events/openair/items/${item!.id}/`)).body).toEqual(item);
    // Of the other event.
    expect(await get(`${demo}events/tours/items/${item!.id}/`)).toMatchObject({
      status: 404,
      body: { detail: 'Not found.' },
    });
  });
});

describe('what apps ask for (clients.md §2)', () => {
  test.each([
    ['?ends_after=2027-07-18T20:59:59Z&ordering=date_from', ['openair']],
    ['?ends_after=2027-07-18T21:00:01Z', []],
    ['?ordering=date_from&live=true', []],
    ['?live=false&ordering=-date_from', ['openair', 'tours']],
    ['?ordering=-slug', ['tours', 'openair']],
    ['?has_subevents=true', ['tours']],
    ['?is_future=maybe&nonsense=1', ['openair', 'tours']],
  ])('events/%s', async (query, slugs) => {
    expect((await page(`${demo}events/${query}`)).results.map(({ slug }) => slug)).toEqual(slugs);
  });

  test('subevents/ with an end', async () => {
    const all = realFile<Listed[]>('events/tours/subevents.json');
    const from = all[1]!['date_to'] ?? all[1]!['date_from'];
    const query = `ends_after=${encodeURIComponent(String(from))}&ordering=date_from&active=true`;
    const later = all.filter((date) => String(date['date_to'] ?? date['date_from']) >= String(from));
    expect((await page(`${demo}subevents/?${query}`)).results.map(({ id }) => id)).toEqual(later.map(({ id }) => id));
    expect(await get(`${demo}subevents/?ends_after=soon`)).toMatchObject({
      status: 400,
      body: { ends_after: ['Enter a valid date/time.'] },
    });
  });

  test('pages, their links, and fields that are left out', async () => {
    const items = `${demo}events/openair/items/`;
    const first = await page(`${items}?page_size=10&exclude=description&exclude=variations.value`);
    expect(first).toMatchObject({ count: 17, previous: null });
    expect(first.next).toMatch(/\/items\/\?exclude=description&exclude=variations.value&page=2&page_size=10$/);
    expect(first.results).toHaveLength(10);
    expect(first.results.some((item) => 'description' in item || !('name' in item))).toBe(false);
    const variations = first.results.flatMap(({ variations: each }) => each as object[]);
    expect(variations.length).toBeGreaterThan(0);
    expect(variations.some((each) => 'value' in each || !('id' in each))).toBe(false);
    expect((await page(`${items}?include=id&include=name.en&page_size=1`)).results).toEqual([
      { id: 1, name: { en: expect.any(String) as string } },
    ]);
    expect(await get(`${items}?page=9`)).toMatchObject({ status: 404, body: { detail: 'Invalid page.' } });
  });

  test('both forms of a path; an unknown path is HTML, an unknown object JSON', async () => {
    for (const path of ['events', 'events/openair', 'events/openair/items', 'events/openair/items/1', 'subevents']) {
      expect((await get(`${demo}${path}`)).body).toEqual((await get(`${demo}${path}/`)).body);
    }
    expect((await get(`${demo}events/openair/nosuch/`)).text).toMatch(/^</);
    expect((await get(`${demo}events/openair/items/999/`)).text).toMatch(/^{/);
    expect(await system.call('POST', `${demo}events/openair/items/`, { token, json: {} })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD, OPTIONS' },
    });
  });

  test('check-in lists without their counts', async () => {
    const { results } = await page(`${demo}events/openair/checkinlists/?exclude=checkin_count&exclude=position_count`);
    expect(results).toHaveLength(8);
    for (const list of results) {
      expect(list).toMatchObject({ limit_products: expect.any(Array) as unknown, name: expect.any(String) as unknown });
      expect('checkin_count' in list || 'position_count' in list).toBe(false);
    }
  });

  test('blockedsecrets/ since its newest', async () => {
    const [newest] = realFile<Listed[]>('events/openair/blockedsecrets.json');
    const query = `?ordering=-updated&updated_since=${encodeURIComponent(String(newest!['updated']))}`;
    expect((await page(`${demo}events/openair/blockedsecrets/${query}`)).results).toEqual([newest]);
  });
});

describe('what has been seen is not sent again (If-Modified-Since)', () => {
  test('304 until something changes, also within the same second', async () => {
    const target = `${demo}events/openair/categories/`;
    for (const path of [target, `${demo}events/openair/`, `${demo}events/openair/settings/`]) {
      const first = await get(path);
      const seen = first.headers['last-modified']!;
      expect(new Date(seen).toUTCString()).toBe(seen);
      const again = await get(path, { 'if-modified-since': seen });
      expect(again).toMatchObject({ status: 304, text: '' });
      expect(again.headers['last-modified']).toBe(seen);
    }
    for (let n = 0; n < 3; n++) {
      const seen = (await get(target)).headers['last-modified']!;
      const files = { name: { en: `Renamed ${n}` }, id: 1, position: 0 };
      await system.import({
        'organizer.json': realFile('organizer.json'),
        'events/openair/event.json': realFile('events/openair/event.json'),
        'events/openair/settings.json': realFile('events/openair/settings.json'),
        'events/openair/categories.json': [files],
      });
      const changed = await get(target, { 'if-modified-since': seen });
      expect(changed.status).toBe(200);
      expect((changed.body as Page).results[0]).toEqual(files);
      expect(Date.parse(changed.headers['last-modified']!)).toBeGreaterThan(Date.parse(seen));
    }
    // Nothing else has changed.
    const items = (await get(`${demo}events/openair/items/`)).headers['last-modified']!;
    expect((await get(`${demo}events/openair/items/`, { 'if-modified-since': items })).status).toBe(304);
    expect((await get(target, { 'if-modified-since': 'yesterday' })).status).toBe(200);
  });
});

describe('who may read it (contract §1.3)', () => {
  let other: System;
  beforeAll(async () => {
    other = await startSystem([sync, reference]);
    await other.import(festival());
  });
  afterAll(() => other.close());

  const status = async (target: string, by: string, kind = 'Token') =>
    (await other.call('GET', target, { headers: { authorization: `${kind} ${by}` } })).status;

  test('whoever is there for the event reads its objects; orders and secrets need a permission', async () => {
    expect(await status(`${OPENAIR}items/`, TOKENS.nothing)).toBe(200);
    expect(await status(`${OPENAIR}settings/`, TOKENS.nothing)).toBe(200);
    expect(await status(`${OPENAIR}orders/`, TOKENS.nothing)).toBe(403);
    expect(await status(`${OPENAIR}orders/NOSUCH/`, TOKENS.nothing)).toBe(403);
    expect(await status(`${OPENAIR}revokedsecrets/`, TOKENS.nothing)).toBe(403);
    expect(await status(`${OPENAIR}orders/`, TOKENS.viewer)).toBe(200);
    expect(await status(`${TOURS}items/`, TOKENS.openairOnly)).toBe(403);
    expect(await status(`${OPENAIR}items/`, TOKENS.other)).toBe(403);
    expect(await status(`${API}nobody/events/`, TOKENS.admin)).toBe(403);
    expect(await status(`${API}demo/events/nosuch/`, TOKENS.admin)).toBe(403);
    expect((await other.call('GET', `${OPENAIR}items/`)).status).toBe(401);
  });

  test('devices read everything of their events', async () => {
    for (const path of ['', 'items/', 'orders/', 'blockedsecrets/', 'settings/']) {
      expect([path, await status(`${OPENAIR}${path}`, DEVICES.gate, 'Device')]).toEqual([path, 200]);
    }
    expect(await status(`${OPENAIR}items/`, DEVICES.toursOnly, 'Device')).toBe(403);
    const { text, status: refused } = await other.call('GET', `${OPENAIR}items/`, {
      headers: { authorization: `Device ${DEVICES.revoked}` },
    });
    expect([refused, text]).toEqual([401, '{"detail":"Device access has been revoked."}']);
  });

  test('lists of an organizer show only the events of the caller', async () => {
    const { body } = await other.call('GET', `${API}demo/events/`, { token: TOKENS.openairOnly });
    expect((body as Page).results.map(({ slug }) => slug)).toEqual(['openair']);
    const { body: dates } = await other.call('GET', `${API}demo/subevents/`, { token: TOKENS.openairOnly });
    expect((dates as Page).count).toBe(0);
  });
});
