import { setTimeout as sleep } from 'node:timers/promises';
import type { EventBus } from '@gatehouse/eventing/event-bus';
import { newsOf } from './news';

type Bus = Pick<EventBus, 'ends' | 'backlog'>;

/** Far longer than the bus may take to answer, and far less than the patience below. */
const LATE_MS = 10_000;
const PATIENCE = { stillMs: 60_000, mostMs: 60_000 };
const END = [{ topic: 'sales', partition: 0, end: '1' }];

const newsFrom = (bus: Bus) => newsOf(bus, { topics: ['sales'], readModels: ['tickets'], patience: PATIENCE });
const soon = (news: Promise<boolean>) => Promise.race([news, sleep(LATE_MS, 'late', { ref: false })]);

test('a bus that does not answer keeps nobody waiting, however patient one is with a consumer', async () => {
  let asked = 0;
  const silent: Bus = { ends: () => (asked++, new Promise(() => undefined)), backlog: () => Promise.resolve(0) };
  const news = newsFrom(silent);
  expect(await soon(news())).toBe(false);
  // Nor is it asked again for each of those who come next.
  expect(await soon(news())).toBe(false);
  expect(asked).toBe(1);
});

test('a bus that fails is no news', async () => {
  const failing: Bus = { ends: () => Promise.reject(new Error('away')), backlog: () => Promise.resolve(0) };
  expect(await soon(newsFrom(failing)())).toBe(false);
});

test('whoever asks while a backlog is applied hears when all of it is', async () => {
  const backlogs = [3, 2, 1];
  const bus: Bus = { ends: () => Promise.resolve(END), backlog: () => Promise.resolve(backlogs.shift() ?? 0) };
  const news = newsFrom(bus);
  expect(await Promise.all([news(), news(), news()])).toEqual([true, true, true]);
  expect(backlogs).toEqual([]);
});
