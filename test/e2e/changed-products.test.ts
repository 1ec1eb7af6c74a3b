import { checkin } from '@gatehouse/checkin/service';
import { festival, ITEMS, LISTS, OPENAIR, TOKENS, VARIATIONS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
});
afterAll(() => system.close());

const byVariation = (id: number) =>
  system.call('GET', `${OPENAIR}checkinlists/${LISTS.main}/positions/?variation=${id}`, { token: TOKENS.viewer });

test('a variation that a product no longer has is not known any more, without a restart', async () => {
  expect((await byVariation(VARIATIONS.friday)).status).toBe(200);
  const files = festival();
  const items = files['demo/events/openair/items.json'] as { id: number; variations?: { id: number }[] }[];
  await system.import({
    ...files,
    'demo/events/openair/items.json': items.map((item) =>
      item.id === ITEMS.day
        ? {
            ...item,
            variations: item.variations!.map((each) => (each.id === VARIATIONS.friday ? { ...each, id: 299 } : each)),
          }
        : item,
    ),
    // Orders with this product are no longer valid.
    'demo/events/openair/orders.ndjson': [],
  });
  const known = async () => (await byVariation(299)).status === 200;
  while (!(await known())) await new Promise((resolve) => setTimeout(resolve, 10));
  expect((await byVariation(VARIATIONS.friday)).status).toBe(400);
  expect((await byVariation(VARIATIONS.saturday)).status).toBe(200);
});
