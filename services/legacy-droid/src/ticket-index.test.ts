import * as fc from 'fast-check';
import { ticketIndex } from './ticket-index';

test('it is a map, whatever ids there are', () => {
  // Close together, around the borders of ranges, and far apart.
  const id = fc.oneof(
    fc.integer({ min: 0, max: 20 }),
    fc.integer({ min: 16_380, max: 16_390 }),
    fc.integer({ min: 1, max: 2_147_483_647 }),
  );
  const change = fc.record({ id, value: fc.option(fc.nat()) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const index = ticketIndex<number>();
      const map = new Map<number, number>();
      for (const { id: ticket, value } of changes) {
        if (value === null) {
          index.delete(ticket);
          map.delete(ticket);
        } else {
          index.set(ticket, value);
          map.set(ticket, value);
        }
        expect(index.size).toBe(map.size);
      }
      for (const { id: ticket } of changes) {
        expect([index.has(ticket), index.get(ticket)]).toEqual([map.has(ticket), map.get(ticket)]);
      }
    }),
  );
});
