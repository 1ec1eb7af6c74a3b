import * as fc from 'fast-check';
import { spaced } from './text';

test('one space behind commas and colons, none elsewhere (contract §13)', () => {
  expect(spaced({ version: 3, results: [], event: { name: 'a: b, c', date_to: null }, items: [1, true, 'ü'] })).toBe(
    '{"version": 3, "results": [], "event": {"name": "a: b, c", "date_to": null}, "items": [1, true, "ü"]}',
  );
});

test('any JSON reads as it was', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
      expect(JSON.parse(spaced(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
