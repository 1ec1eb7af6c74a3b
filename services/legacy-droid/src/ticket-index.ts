/**
 * A map by ticket id. A single Map with a million entries blocks the process for a tenth of a second whenever it grows, so
 * this has many small ones, each for a range of ids: those of one event are mostly close together.
 */
export type TicketIndex<Value> = {
  readonly size: number;
  has(ticket: number): boolean;
  get(ticket: number): Value | undefined;
  set(ticket: number, value: Value): void;
  delete(ticket: number): void;
};

/** 16,384 ids per range: such a map grows within about a millisecond. */
const RANGE_BITS = 14;

export function ticketIndex<Value>(): TicketIndex<Value> {
  const ranges = new Map<number, Map<number, Value>>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    has: (ticket) => ranges.get(ticket >> RANGE_BITS)?.has(ticket) ?? false,
    get: (ticket) => ranges.get(ticket >> RANGE_BITS)?.get(ticket),
    set(ticket, value) {
      const range = ranges.get(ticket >> RANGE_BITS) ?? new Map<number, Value>();
      if (range.size === 0) ranges.set(ticket >> RANGE_BITS, range);
      const before = range.size;
      size += range.set(ticket, value).size - before;
    },
    delete(ticket) {
      const range = ranges.get(ticket >> RANGE_BITS);
      if (range?.delete(ticket)) size--;
    },
  };
}
