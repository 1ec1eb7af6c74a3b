import { randomBytes, randomUUID } from 'node:crypto';
import { eventStoreContract } from './contract';
import { historyInTest } from './history-in-test';

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
