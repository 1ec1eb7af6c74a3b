import { newCartId } from './new-cart-id';

test('§8.4: a cart id is 48 letters and digits and @api, all of them equally frequent, and never comes twice', () => {
  const ids = Array.from({ length: 5_000 }, newCartId);
  expect(ids.filter((id) => !/^[A-Za-z0-9]{48}@api$/.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
  const counts = new Map<string, number>();
  for (const letter of ids.map((id) => id.slice(0, 48)).join('')) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  expect(counts.size).toBe(62);
  // 240,000 letters: 3,871 of each are expected, with a standard deviation of 62.
  expect(Math.min(...counts.values())).toBeGreaterThan(3_871 - 7 * 62);
  expect(Math.max(...counts.values())).toBeLessThan(3_871 + 7 * 62);
});
