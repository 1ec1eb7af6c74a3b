import { coalesce } from './coalesce';
import { StoreOverloaded } from './event-store';

type Call = { asks: readonly string[]; answer(answers: readonly (string | Error)[]): void; fail(error: Error): void };

/** A `run` whose calls the test resolves. */
function calls() {
  const made: Call[] = [];
  const run = (asks: readonly string[]) =>
    new Promise<readonly (string | Error)[]>((answer, fail) => made.push({ asks, answer, fail }));
  const next = async (n: number): Promise<Call> => {
    while (made.length <= n) await new Promise(setImmediate);
    return made[n]!;
  };
  return { made, run, next };
}
const echo = (asks: readonly string[]) => Promise.resolve(asks.map((ask) => ask.toUpperCase()));
const outcome = (promise: Promise<string>) => promise.catch((error: Error) => error);

test('asks of one turn go down together, later ones after the answer', async () => {
  const { made, run, next } = calls();
  const { ask } = coalesce(run, { batch: 10, waiting: 10 });
  const first = Promise.all([ask('a'), ask('b')]);
  const one = await next(0);
  expect(one.asks).toEqual(['a', 'b']);
  const second = Promise.all([ask('c'), ask('d'), ask('e')]);
  await new Promise(setImmediate);
  expect(made).toHaveLength(1);
  one.answer(['A', 'B']);
  const two = await next(1);
  expect(two.asks).toEqual(['c', 'd', 'e']);
  two.answer(['C', 'D', 'E']);
  expect([await first, await second]).toEqual([
    ['A', 'B'],
    ['C', 'D', 'E'],
  ]);
});

test('an Error in the answers fails its own ask only; a throw fails the batch and not the next', async () => {
  const { run, next } = calls();
  const { ask } = coalesce(run, { batch: 3, waiting: 10 });
  const outcomes = Promise.all(['a', 'b', 'c', 'd'].map((each) => outcome(ask(each))));
  const refused = new Error('b alone');
  (await next(0)).answer(['A', refused, 'C']);
  const broken = new Error('all of it');
  (await next(1)).fail(broken);
  expect(await outcomes).toEqual(['A', refused, 'C', broken]);
  const after = ask('e');
  (await next(2)).answer(['E']);
  expect(await after).toBe('E');
});

test('no batch is larger than its limit, and all keep their order', async () => {
  const sizes: number[] = [];
  const order: string[] = [];
  const run = (asks: readonly string[]) => {
    sizes.push(asks.length);
    order.push(...asks);
    return echo(asks);
  };
  const { ask } = coalesce(run, { batch: 4, waiting: 100 });
  const asks = Array.from({ length: 10 }, (_, i) => `ask ${i}`);
  await Promise.all(asks.map(ask));
  expect(sizes).toEqual([4, 4, 2]);
  expect(order).toEqual(asks);
});

test('two asks of one key are never in one batch and keep their order; others overtake them', async () => {
  const batches: (readonly string[])[] = [];
  const run = (asks: readonly string[]) => {
    batches.push(asks);
    return echo(asks);
  };
  const { ask } = coalesce(run, { batch: 3, waiting: 100, key: (each) => each[0]! });
  await Promise.all(['a1', 'a2', 'b1', 'a3', 'c1', 'd1', 'b2'].map(ask));
  expect(batches).toEqual([['a1', 'b1', 'c1'], ['a2', 'd1', 'b2'], ['a3']]);
});

test('batches are bounded by size; what is larger than a batch goes alone', async () => {
  const batches: (readonly string[])[] = [];
  const run = (asks: readonly string[]) => {
    batches.push(asks);
    return echo(asks);
  };
  const size = { of: (ask: string) => ask.length, batch: 5, waiting: 100 };
  const { ask } = coalesce(run, { batch: 10, waiting: 100, size });
  await Promise.all(['aa', 'bbb', 'c', 'dddddddd', 'e', 'ff'].map(ask));
  expect(batches).toEqual([['aa', 'bbb'], ['c'], ['dddddddd'], ['e', 'ff']]);
});

test('too many that wait, or too much, is StoreOverloaded, and room comes back', async () => {
  for (const limits of [
    { batch: 2, waiting: 3 },
    { batch: 2, waiting: 99, size: { of: () => 10, batch: 99, waiting: 30 } },
  ]) {
    const { run, next } = calls();
    const { ask } = coalesce(run, limits);
    const outcomes = Promise.all(['a', 'b', 'c', 'd'].map((each) => outcome(ask(each))));
    (await next(0)).answer(['A', 'B']);
    (await next(1)).answer(['C']);
    expect((await outcomes).slice(0, 3)).toEqual(['A', 'B', 'C']);
    expect((await outcomes)[3]).toBeInstanceOf(StoreOverloaded);
    const after = ask('e');
    (await next(2)).answer(['E']);
    expect(await after).toBe('E');
  }
});

test('idle resolves when nothing is in flight', async () => {
  const { run, next } = calls();
  const { ask, idle } = coalesce(run, { batch: 1, waiting: 10 });
  await idle();
  const asked = Promise.all([ask('a'), ask('b')]);
  let isIdle = false;
  const waits = idle().then(() => (isIdle = true));
  (await next(0)).answer(['A']);
  const last = await next(1);
  expect(isIdle).toBe(false);
  last.answer(['B']);
  await waits;
  expect(await asked).toEqual(['A', 'B']);
});
