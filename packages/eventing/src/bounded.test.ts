import { setTimeout as sleep } from 'node:timers/promises';
import { sideBySide } from './bounded';

type Task = { readonly key: string; readonly n: number; readonly ms: number };

/** What began and ended, in that order, and how many tasks ran at most. */
function watched(parallel: number, fails: (task: Task) => boolean = () => false) {
  const seen: string[] = [];
  let underWay = 0;
  let most = 0;
  const work = sideBySide<Task>(
    async (task) => {
      most = Math.max(most, ++underWay);
      await sleep(task.ms);
      underWay--;
      seen.push(`${task.key}${task.n}`);
      if (fails(task)) throw new Error(`${task.key}${task.n} failed`);
    },
    { parallel, key: ({ key }) => key },
  );
  return { work, seen, most: () => most };
}
const tasks = (keys: string, count: number): Task[] =>
  Array.from({ length: count }, (_, n) => [...keys].map((key) => ({ key, n, ms: n === 0 ? 20 : 0 }))).flat();

test('tasks with one key run in their order, those of others beside them, within the limit', async () => {
  const { work, seen, most } = watched(3);
  await work(tasks('abcde', 4));
  expect(most()).toBe(3);
  for (const key of 'abcde') {
    expect(seen.filter((each) => each.startsWith(key))).toEqual([0, 1, 2, 3].map((n) => `${key}${n}`));
  }
});

test('one that fails is reported when all others have ended', async () => {
  const { work, seen } = watched(8, ({ key, n }) => key === 'b' && n === 0);
  const failing = work([
    { key: 'b', n: 0, ms: 0 },
    { key: 'a', n: 0, ms: 30 },
    { key: 'b', n: 1, ms: 0 },
  ]);
  await expect(failing).rejects.toThrow('b0 failed');
  expect(seen).toEqual(['b0', 'b1', 'a0']);
  await work([]);
});
