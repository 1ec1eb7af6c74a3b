import { randomBytes, randomUUID } from 'node:crypto';
import { observeExecuted, type Executed } from '@gatehouse/test-support/executed';
import { anEvent, eventStoreContract } from './contract';
import { historyInTest } from './history-in-test';
import { uuidV5 } from './uuid';

eventStoreContract('PostgreSQL', async () => {
  const history = await historyInTest();
  const { store } = history.open();
  return {
    store,
    another: () => Promise.resolve(history.open().store),
    bounded: 20_000,
    close: () => history.close(),
  };
});

test('a follower has a few megabytes of large events in memory at a time, however many there are', async () => {
  const history = await historyInTest();
  const { store } = history.open();
  const large = () => ({
    id: randomUUID(),
    type: 'Large',
    version: 1,
    data: randomBytes(200_000).toString('base64'),
    actor: 'test:1',
    trace: null,
  });
  for (let i = 0; i < 30; i++) await store.append(`large-${i}`, 0, [large()]);
  const stop = new AbortController();
  const sizes: number[] = [];
  for await (const { events } of store.follow(store.start, stop.signal)) {
    sizes.push(events.length);
    if (sizes.reduce((sum, size) => sum + size, 0) === 30) stop.abort();
  }
  expect(Math.max(...sizes)).toBeLessThan(15);
  await history.close();
});

test('an event is found by its id with a few pages of a stream of 20,000 events, also by a plan of the days when it was empty', async () => {
  const executed: Executed[] = [];
  const forget = observeExecuted((each) => void executed.push(each));
  const history = await historyInTest();
  try {
    const { store } = history.open();
    const request = randomUUID();
    const own = uuidV5(request, '0');
    expect(await store.find('inventory-1', own)).toBeUndefined();
    for (let n = 0; n < 20; n++) {
      const events = Array.from({ length: 1_000 }, (_, i) => ({
        ...anEvent(),
        id: uuidV5(request, `${1_000 * n + i}`),
      }));
      await store.append('inventory-1', 1_000 * n, events);
    }
    executed.length = 0;
    const asked = await Promise.all([
      store.find('inventory-1', own),
      store.find('inventory-1', randomUUID()),
      store.find('inventory-2', own),
    ]);
    expect(asked.map((event) => event?.id)).toEqual([own, undefined, undefined]);
    const finds = executed.filter(({ text }) => text.includes('uuid_send'));
    expect(finds).toHaveLength(1);
    expect(finds[0]!.buffers).toBeLessThan(30);
  } finally {
    forget();
    await history.close();
  }
});
