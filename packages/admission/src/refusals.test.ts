import { randomUUID } from 'node:crypto';
import type { RedemptionRefused } from '@gatehouse/events/admission';
import { historyInTest, type HistoryInTest } from '@gatehouse/eventing/history-in-test';
import { purgeStreams } from '@gatehouse/eventing/purge';
import { refusalLog } from './refusals';

let history: HistoryInTest;
beforeAll(async () => (history = await historyInTest()));
afterAll(() => history.close());

const refusal = (position: number): RedemptionRefused['data'] => ({
  organizer: 'demo',
  event: 'openair',
  list: 1,
  position,
  item: 1,
  variation: null,
  date: null,
  reason: 'already_redeemed',
  forced: false,
  datetime: '2027-07-01T10:00:00Z',
  nonce_present: false,
});

test('a process whose refusals were purged goes on in another stream: no revision comes a second time', async () => {
  const { pool, store } = history.open();
  const log = refusalLog(store);
  const by = { actor: 'token:1', trace: null };
  for (let n = 0; n < 3; n++) await log.record(refusal(n), by);
  await store.append('checkinlist-1', 0, [
    { id: randomUUID(), type: 'Other', version: 1, data: {}, actor: 'a', trace: null },
  ]);
  const streams = async () =>
    (await pool.query<{ stream: string }>("select distinct stream from events where stream like 'refusals-%'")).rows;
  const [before] = await streams();
  const range = { prefix: 'refusals-', before: new Date(Date.now() + 60_000), upTo: null };
  expect(await purgeStreams(pool, range)).toBe(3);
  await log.record(refusal(3), by);
  await log.record(refusal(4), by);
  const [after, ...more] = await streams();
  expect(more).toEqual([]);
  expect(after!.stream).not.toBe(before!.stream);
  expect((await store.load(after!.stream)).map(({ revision }) => revision)).toEqual([0, 1]);
  await log.close();
});
