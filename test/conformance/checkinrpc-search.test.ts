import { checkin } from '@gatehouse/checkin/service';
import type { Answer } from '@gatehouse/service/testing';
import { API, CROWD, DEVICES, festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* `GET checkinrpc/search/`: the positions of several lists at once (contract §10, 4.12). */

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
});
afterAll(() => system.close());

const token = TOKENS.admin;
const search = (query: string, ask: object = { token }, slash = '/'): Promise<Answer> =>
  system.call('GET', `${API}demo/checkinrpc/search${slash}?${query}`, ask);
type Row = { id: number; attendee_name: string | null; secret: string; checkins: object[] };
type Page = { count: number; next: string | null; previous: string | null; results: Row[] };
const pageOf = async (answer: Promise<Answer>): Promise<Page> => {
  const { status, body, text } = await answer;
  expect([status, text]).toEqual([200, text]);
  return body as Page;
};
const idsOf = ({ results }: Page) => results.map(({ id }) => id);
const list = (...ids: number[]) => ids.map((id) => `list=${id}`).join('&');
const BOTH = list(LISTS.main, LISTS.crowd);

test('what one list finds, several find as well, and each position is that of the route of its list', async () => {
  for (const slash of ['', '/']) {
    const found = await pageOf(
      search(`${list(LISTS.main, LISTS.morning)}&search=ada1&ignore_status=true&page=1`, { token }, slash),
    );
    expect(found).toMatchObject({ count: 1, next: null, previous: null });
    const one = await pageOf(
      system.call('GET', `${OPENAIR}checkinlists/${LISTS.main}/positions/?search=ada1`, { token }),
    );
    expect(found.results).toMatchObject(one.results);
    expect(found.results[0]).toMatchObject({ order__status: 'p', order__locale: 'en', valid_from: null });
  }
});

test('pages over several lists are one list: in order, each position once', async () => {
  const walk = async (query: string): Promise<Row[]> => {
    const rows: Row[] = [];
    let page = await pageOf(search(query));
    for (;;) {
      rows.push(...page.results);
      expect(rows.length).toBeLessThanOrEqual(page.count);
      if (page.next === null) break;
      const { pathname, search: asked } = new URL(page.next);
      page = await pageOf(system.call('GET', pathname + asked, { token }));
    }
    expect(rows).toHaveLength(page.count);
    return rows;
  };
  const own = async (path: string, query: string) =>
    (await pageOf(system.call('GET', `${path}positions/?${query}`, { token }))).count;
  for (const query of [
    '',
    '&search=c',
    '&ordering=-order__code',
    '&ordering=last_checked_in,positionid',
    '&ordering=-attendee_name',
  ]) {
    const rows = await walk(`${BOTH}${query}&ignore_status=true`);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    const counts = [
      await own(`${OPENAIR}checkinlists/${LISTS.main}/`, `ignore_status=true${query}`),
      await own(`${CROWD}checkinlists/${LISTS.crowd}/`, `ignore_status=true${query}`),
    ];
    expect([query, rows.length]).toEqual([query, counts[0]! + counts[1]!]);
    expect(counts[1]).toBeGreaterThan(50);
  }
  // Names come before tickets without one, whatever their list.
  const names = (await walk(`${BOTH}&ignore_status=true`)).map(({ attendee_name: name }) => name);
  expect(names.length).toBeGreaterThan(100);
});

test('each list has its own conditions: products, pending orders, dates', async () => {
  const found = await pageOf(search(`${list(LISTS.passes, LISTS.morning)}&page_size=50`));
  const alone = [await pageOf(search(list(LISTS.passes))), await pageOf(search(list(LISTS.morning)))];
  expect(new Set(idsOf(found))).toEqual(new Set(alone.flatMap(idsOf)));
  expect(idsOf(found)).toContain(TICKETS.morning.id);
  for (const { id } of [TICKETS.evening, TICKETS.pending, TICKETS.graceShirt]) expect(idsOf(found)).not.toContain(id);
  const pending = await pageOf(search(`${list(LISTS.pending, LISTS.morning)}&search=pend1`));
  expect(idsOf(pending)).toEqual([TICKETS.pending.id, TICKETS.pendingShirt.id]);
});

test('has_checkin and checkins are of the list of each position', async () => {
  const found = await pageOf(search(`${BOTH}&has_checkin=true`));
  expect(idsOf(found)).toContain(TICKETS.entered.id);
  for (const { checkins } of found.results) expect(checkins).toMatchObject([{ type: 'entry' }]);
});

test('pdf_data and expand', async () => {
  const [row] = (await pageOf(search(`${BOTH}&search=ada1&pdf_data=true&expand=item`))).results;
  expect(row).toMatchObject({ pdf_data: { secret: TICKETS.ada.secret }, item: { admission: true } });
});

describe('contract §10, 3.17: who may search what', () => {
  const scanner = { token: TOKENS.scanner };
  test('can_checkin_orders: from three letters on, and without pdf_data', async () => {
    for (const short of ['', '&search=', '&search=ad', '&secret=ada1pass']) {
      expect(await pageOf(search(BOTH + short, scanner))).toEqual({
        count: 0,
        next: null,
        previous: null,
        results: [],
      });
    }
    const { results } = await pageOf(search(`${BOTH}&search=ada1&pdf_data=true`, scanner));
    expect(results.map(({ id }) => id)).toEqual([TICKETS.ada.id]);
    expect(results[0]).not.toHaveProperty('pdf_data');
  });
  const nowhere = (ids: string) => ({
    detail: `You requested lists that do not exist or that you do not have access to: ${ids}`,
  });
  const denied = { detail: 'You do not have permission to perform this action.' };
  test.each<[string, string, object, number, unknown]>([
    ['no list', '', { token }, 400, ['No check-in list passed.']],
    ['no number', 'list=x', { token }, 400, ['No check-in list passed.']],
    [
      'two of one event',
      list(LISTS.main, LISTS.passes),
      { token },
      400,
      ['Selecting two check-in lists from the same event is unsupported.'],
    ],
    ['unknown lists', list(LISTS.main, 99_999, 99_998), { token }, 403, nowhere('99999, 99998')],
    ['a huge number', `list=${'9'.repeat(30)}`, { token }, 403, nowhere('9'.repeat(30))],
    ['without permission', list(LISTS.main), { token: TOKENS.changer }, 403, nowhere(String(LISTS.main))],
    ['of another event', BOTH, { token: TOKENS.openairOnly }, 403, nowhere(String(LISTS.crowd))],
    ["another organizer's list", list(LISTS.fair), { token }, 403, nowhere(String(LISTS.fair))],
    ['of another organizer', BOTH, { token: TOKENS.other }, 403, denied],
    [
      'a device for another event',
      BOTH,
      { headers: { authorization: `Device ${DEVICES.toursOnly}` } },
      403,
      nowhere(`${LISTS.main}, ${LISTS.crowd}`),
    ],
    ['nobody', BOTH, {}, 401, { detail: 'Authentication credentials were not provided.' }],
    ['a page that is none', `${BOTH}&page=99`, { token }, 404, { detail: 'Invalid page.' }],
    [
      'a wrong filter',
      `${BOTH}&item=99999`,
      { token },
      400,
      { item: ['Select a valid choice. That choice is not one of the available choices.'] },
    ],
    ['a NUL', `${BOTH}&search=%00`, { token }, 400, { search: ['Null characters are not allowed.'] }],
  ])('%s', async (_what, query, ask, status, body) => {
    expect(await search(query, ask)).toMatchObject({ status, body });
  });
});
