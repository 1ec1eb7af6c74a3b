import * as fc from 'fast-check';
import { IdTable } from './id-table';

test('answers as a Map does, for numbers and texts, while it grows', () => {
  const key = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.string());
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.nat()), { maxLength: 500 }), (entries) => {
      const table = new IdTable(4);
      const map = new Map<number | string, number>();
      for (const [k, value] of entries) {
        table.set(k, value);
        map.set(k, value);
      }
      for (const [k, value] of map) expect(table.get(k)).toBe(value);
      expect(table.size).toBe(map.size);
      expect(table.get('never set')).toBeUndefined();
    }),
  );
});

test('50,000 similar texts are all told apart', () => {
  const table = new IdTable();
  for (let i = 0; i < 50_000; i++) table.set(`demo/openair secret${i}`, i);
  expect(table.size).toBe(50_000);
  expect(table.get('demo/openair secret4711')).toBe(4711);
});
