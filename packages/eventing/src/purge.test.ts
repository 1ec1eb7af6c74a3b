import { aStream, anEvent } from './contract';
import { historyInTest, type HistoryInTest, type Opened } from './history-in-test';
import { purgeStreams } from './purge';

let history: HistoryInTest;
let mine: Opened;
beforeEach(async () => {
  history = await historyInTest();
  mine = history.open();
});
afterEach(() => history.close());

const future = () => new Date(Date.now() + 60_000);
const revisionsOf = async (stream: string) => (await mine.store.load(stream)).map((each) => each.revision);

async function appendSome(stream: string, from: number, count: number): Promise<string> {
  let position = '';
  for (let n = 0; n < count; n++) position = await mine.store.append(stream, from + n, [anEvent()]);
  return position;
}

test('deletes what is old in these streams, and no other', async () => {
  const other = aStream();
  await appendSome('refusals-a', 0, 4);
  await appendSome('refusals-b', 0, 1);
  await appendSome('refusalsX', 0, 2);
  await appendSome(other, 0, 3);
  const head = await mine.store.head();
  expect(await purgeStreams(mine.pool, { prefix: 'refusals-', before: future(), upTo: null })).toBe(5);
  expect(await revisionsOf('refusals-a')).toEqual([]);
  expect(await revisionsOf('refusals-b')).toEqual([]);
  expect(await revisionsOf('refusalsX')).toEqual([0, 1]);
  expect(await revisionsOf(other)).toEqual([0, 1, 2]);
  expect(await mine.store.head()).toBe(head);
  // Positions continue.
  expect(mine.store.before(head, await appendSome(other, 3, 1))).toBe(true);
});

test('leaves what is younger, and what lies behind a position', async () => {
  const upTo = await appendSome('refusals-a', 0, 2);
  await appendSome('refusals-a', 2, 3);
  const past = new Date(Date.now() - 60_000);
  expect(await purgeStreams(mine.pool, { prefix: 'refusals-', before: past, upTo: null })).toBe(0);
  expect(await purgeStreams(mine.pool, { prefix: 'refusals-', before: future(), upTo })).toBe(2);
  expect(await revisionsOf('refusals-a')).toEqual([2, 3, 4]);
});
