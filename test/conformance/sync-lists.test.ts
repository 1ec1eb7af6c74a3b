import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { REAL_EVENTS, REAL_EXPORT, realFile, realToken } from '@gatehouse/test-support/real-export';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* What a synchronisation reads that Gatehouse counts itself: it too is the file of its name in a real export (issue 14). */

type Listed = Record<string, unknown> & { id: number };

let system: System;
const headers: Record<string, string> = {};
beforeAll(async () => {
  system = await startSystem([checkin, cart]);
  await system.import(REAL_EXPORT);
  // A phone with pretixSCAN, set up in the shop.
  const [device] = realFile<{ api_token: string }[]>('devices.json');
  headers['authorization'] = `Device ${device!.api_token}`;
});
afterAll(() => system.close());

test.each(REAL_EVENTS)(
  'checkinlists/ of %s, field by field, with the check-ins that the shop has counted',
  async (event) => {
    const target = `/api/v1/organizers/demo/events/${event}/checkinlists/`;
    const { status, body } = await system.call('GET', target, { headers });
    expect(status).toBe(200);
    const stated = realFile<Listed[]>(`events/${event}/checkinlists.json`);
    expect((body as { results: Listed[] }).results).toEqual(
      stated.map((list) => ({
        ...list,
        // Counted here: without the tickets of a pending order that the shop calls valid, which the import names.
        position_count: expect.any(Number) as number,
        // The same instant, as this API writes all of them.
        exit_all_at: list['exit_all_at'] === null ? null : utc(String(list['exit_all_at'])),
        // pretix has had it until 2024.
        auto_checkin_sales_channels: [],
      })),
    );
  },
);

const utc = (instant: string): string => new Date(instant).toISOString().replace('.000', '');

test.each(REAL_EVENTS)('quotas/ of %s, field by field', async (event) => {
  const target = `/api/v1/organizers/demo/events/${event}/quotas/`;
  const { status, body } = await system.call('GET', target, { token: realToken() });
  expect(status).toBe(200);
  const byId = (a: Listed, b: Listed) => a.id - b.id;
  const stated = realFile<Listed[]>(`events/${event}/quotas.json`);
  expect([...(body as { results: Listed[] }).results].sort(byId)).toEqual([...stated].sort(byId));
});
