import fc from 'fast-check';
import { countFrom, entries, entriesFrom, find, ordered, put, sizeOf, without, type Ordered } from './ordered';

type Numbers = Ordered<number, string>;

const anyStep = fc.record({ key: fc.integer({ min: 0, max: 40 }), add: fc.boolean() });
const apply = (map: Numbers, { key, add }: { key: number; add: boolean }): Numbers =>
  add ? put(map, key, `v${key}`) : without(map, key);

/** The length of the longest path down; throws when a subtree is more than three times as heavy as its sibling. */
function depthOf(map: Numbers): number {
  if (map === null) return 0;
  const [l, r] = [sizeOf(map.left), sizeOf(map.right)];
  expect(map.size).toBe(1 + l + r);
  if (l + r > 1) expect(Math.max(l, r)).toBeLessThanOrEqual(3 * Math.min(l, r));
  return 1 + Math.max(depthOf(map.left), depthOf(map.right));
}

test('does what a Map does, in the order of its keys, and stays balanced', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 200 }), fc.integer({ min: -1, max: 41 }), (steps, from) => {
      const expected = new Map<number, string>();
      let map: Numbers = null;
      for (const step of steps) {
        if (step.add) expected.set(step.key, `v${step.key}`);
        else expected.delete(step.key);
        map = apply(map, step);
      }
      const sorted = [...expected].sort(([a], [b]) => a - b);
      expect([...entries(map)]).toEqual(sorted);
      expect([...entriesFrom(map, from)]).toEqual(sorted.filter(([key]) => key >= from));
      expect(countFrom(map, from)).toBe(sorted.filter(([key]) => key >= from).length);
      expect(find(map, from)).toBe(expected.get(from));
      depthOf(map);
      expect([...entries(ordered(sorted))]).toEqual(sorted);
      depthOf(ordered(sorted));
    }),
  );
});

test('an old map stays as it was, whatever is made of it', () => {
  fc.assert(
    fc.property(fc.array(anyStep), fc.array(fc.array(anyStep), { maxLength: 5 }), (first, branches) => {
      const old = first.reduce(apply, null as Numbers);
      const before = JSON.stringify(old);
      for (const branch of branches) branch.reduce(apply, old);
      expect(JSON.stringify(old)).toBe(before);
    }),
  );
});

test('without a key that it does not have it is the same map', () => {
  const map = ordered([1, 3, 5].map((key) => [key, ''] as const));
  expect(without(map, 4)).toBe(map);
});

test('keys that only ascend, as instants do, make no long way down', () => {
  let map: Numbers = null;
  for (let key = 0; key < 10_000; key++) map = put(map, key, '');
  for (let key = 0; key < 9_000; key++) map = without(map, key);
  expect(sizeOf(map)).toBe(1_000);
  expect(depthOf(map)).toBeLessThanOrEqual(25);
});
