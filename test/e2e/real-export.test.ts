import { readFileSync } from 'node:fs';
import path from 'node:path';
import { checkin } from '@gatehouse/checkin/service';
import { startSystem, type System } from '@gatehouse/test-support/system';

const EXPORT = path.resolve(__dirname, '../fixtures/pretix-export');
type Page = {
  count: number;
  next: string | null;
  results: { id: number; position_count: number; subevent: number | null }[];
};

let system: System;
let token: string;

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(EXPORT);
  const teams = JSON.parse(readFileSync(path.join(EXPORT, 'teams.json'), 'utf8')) as { tokens: { token: string }[] }[];
  token = teams[0]!.tokens[0]!.token;
});
afterAll(() => system.close());

/** By contract §4.1 and §10 (3.9: a list of a series without a date is one of all dates), from the folder's own orders. */
function expectedCount(
  event: string,
  list: { all_products: boolean; limit_products: number[]; subevent: number | null; include_pending: boolean },
): number {
  const lines = readFileSync(path.join(EXPORT, `events/${event}/orders.ndjson`), 'utf8')
    .split('\n')
    .filter(Boolean);
  type Order = {
    status: string;
    valid_if_pending: boolean;
    positions: { item: number; subevent: number | null; canceled: boolean }[];
  };
  return lines
    .map((line) => JSON.parse(line) as Order)
    .filter(
      (order) => order.status === 'p' || (order.status === 'n' && (list.include_pending || order.valid_if_pending)),
    )
    .flatMap((order) => order.positions)
    .filter((position) => !position.canceled && (list.subevent === null || position.subevent === list.subevent))
    .filter((position) => list.all_products || list.limit_products.includes(position.item)).length;
}

test.each(['openair', 'tours'])('every list of %s counts the tickets that its orders say', async (event) => {
  const base = `/api/v1/organizers/demo/events/${event}/checkinlists/`;
  const lists = (await system.call('GET', base, { token })).body as Page;
  expect(lists.results.length).toBeGreaterThan(3);
  for (const list of lists.results) {
    const stated = (
      JSON.parse(readFileSync(path.join(EXPORT, `events/${event}/checkinlists.json`), 'utf8')) as { id: number }[]
    ).find((each) => each.id === list.id);
    const expected = expectedCount(event, stated as unknown as Parameters<typeof expectedCount>[1]);
    const ids = new Set<number>();
    let next: string | null = `${base}${list.id}/positions/`;
    while (next) {
      const page = (await system.call('GET', next.replace(system.url, ''), { token })).body as Page;
      for (const position of page.results) ids.add(position.id);
      expect(page.count).toBe(expected);
      next = page.next;
    }
    expect({ list: list.id, count: list.position_count, pages: ids.size }).toEqual({
      list: list.id,
      count: expected,
      pages: expected,
    });
  }
});

test('importing the same export again writes nothing', async () => {
  const before = await system.events();
  const report = await system.import(EXPORT);
  expect(report.events).toBe(0);
  expect(await system.events()).toEqual(before);
});
