import type { InventoryEvent } from '@gatehouse/events/inventory';
import type { BatchEvent, Ticket } from '@gatehouse/events/sales';
import fc from 'fast-check';
import { batch, failBatch, issueTickets, nextChunk, requestBatch } from './batch';
import { FIRST, request, ticketsFrom } from './batch-in-test';
import { fold, type Decision } from './decider';
import { inventory } from './inventory';
import { facts, quota, where } from './inventory-in-test';
import { returnPlaces, takePlaces } from './places';

/*
 * The saga of a batch (design §7): sales and inventory follow each other's histories. Each event is delivered at least once,
 * in its order the first time, but the two feeds are independent, every reader may stop anywhere and begin again further
 * back, and two of sales' readers may be at work at once, as after a rebalance.
 */

const BATCHES = ['a', 'b', 'c'] as const;
type Id = (typeof BATCHES)[number];
const AMOUNTS = { a: 4, b: 5, c: 2 };
/** More than one batch of them has places, but not all three. */
const SIZE = 9;

/** One of sales' readers of inventory's history. */
type Reader = {
  /** How many events it has handled. */
  at: number;
  /** Tickets minted and not issued yet. */
  minted: { readonly from: number; readonly tickets: readonly Ticket[] } | null;
};

class Run {
  readonly sales: (BatchEvent & { readonly of: Id })[] = [];
  readonly inventory: InventoryEvent[] = [];
  readonly readers: readonly Reader[] = [
    { at: 0, minted: null },
    { at: 0, minted: null },
  ];
  /** How many of sales' events inventory has handled. */
  private handled = 0;
  private size = SIZE;
  private nextTicket = 0;
  lateTickets = 0;

  streamOf = (of: Id) => this.sales.filter((each) => each.of === of);

  /** The store refuses a decision on an old state; it is taken again on the new one, with what was minted before. */
  private decide<R>(of: Id, decision: (state: ReturnType<typeof this.stateOf>) => Decision<R, BatchEvent>): R {
    const { result, events } = decision(this.stateOf(of));
    this.sales.push(...events.map((each) => ({ ...each, of })));
    return result;
  }

  private stateOf(of: Id) {
    return fold(batch, this.streamOf(of));
  }

  request(of: Id): void {
    this.decide(of, requestBatch({ ...request, batch: of, amount: AMOUNTS[of] }));
  }

  /** For a reason of sales' own, at whatever time. */
  giveUp(of: Id): void {
    this.decide(of, failBatch('Given up.'));
  }

  changeQuota(size: number): void {
    this.size = size;
  }

  /** Inventory handles the next event of sales. Without `checkpoint` it stops before it has noted that. */
  handleAtInventory(checkpoint: boolean): void {
    const event = this.sales[this.handled];
    if (!event) return;
    const state = fold(inventory, this.inventory);
    if (event.type === 'BatchRequested') {
      const { batch: id, item, variation, date, amount } = event.data;
      const now = { ...facts, quotas: [{ ...quota, size: this.size }] };
      this.inventory.push(...takePlaces(now, { batch: id, item, variation, date, amount })(state).events);
    } else if (event.type === 'BatchFailed') {
      this.inventory.push(...returnPlaces(where, event.data.batch)(state).events);
    }
    if (checkpoint) this.handled++;
  }

  rewindInventory(by: number): void {
    this.handled = Math.max(0, this.handled - by);
  }

  /**
   * One step of a reader of sales: it mints up to `count` tickets, or issues those that it has minted, or is done with an
   * event. `spoilt`: the generator mints a ticket of this batch once more.
   */
  handleAtSales(reader: Reader, count: number, spoilt = false): void {
    const event = this.inventory[reader.at];
    if (!event) return;
    if (event.type === 'PlacesRefused') this.decide(event.data.batch as Id, failBatch(event.data.message));
    if (event.type !== 'PlacesTaken') return void reader.at++;
    const of = event.data.batch as Id;
    if (reader.minted) {
      const { from, tickets } = reader.minted;
      reader.minted = null;
      const { changed } = this.decide(of, issueTickets(from, tickets, FIRST + 100 * this.nextTicket));
      if (!changed) this.lateTickets++;
      return;
    }
    const next = nextChunk(this.stateOf(of));
    if (!next) return void reader.at++;
    const tickets = this.mint(Math.min(count, next.count));
    const [known] = this.streamOf(of).flatMap((each) => (each.type === 'TicketsIssued' ? each.data.tickets : []));
    reader.minted = { from: next.from, tickets: spoilt && known ? [...tickets.slice(1), known] : tickets };
  }

  private mint(count: number): readonly Ticket[] {
    this.nextTicket += count;
    return ticketsFrom(this.nextTicket - count, count);
  }

  /** A reader stops, loses what it has minted, and begins again further back. */
  crash(reader: Reader, back: number): void {
    reader.minted = null;
    reader.at = Math.max(0, reader.at - back);
  }

  /** Everybody goes on until there is nothing to do. */
  finish(): void {
    const isDone = () =>
      this.handled === this.sales.length && this.readers.every(({ at }) => at === this.inventory.length);
    for (let step = 0; !isDone(); step++) {
      expect(step).toBeLessThan(1_000);
      this.handleAtInventory(true);
      for (const reader of this.readers) this.handleAtSales(reader, 2);
    }
  }
}

/** Holds for every finished run; returns how its batches have ended. */
function check(run: Run): string[] {
  const ends: string[] = [];
  const all = run.sales.flatMap((each) => (each.type === 'TicketsIssued' ? each.data.tickets : []));
  expect(new Set(all.map(({ code }) => code)).size).toBe(all.length);
  for (const of of BATCHES) {
    const stream = run.streamOf(of);
    if (stream.length === 0) continue;
    const chunks = stream.flatMap((each) => (each.type === 'TicketsIssued' ? [each.data] : []));
    const tickets = chunks.flatMap((chunk) => chunk.tickets);
    chunks.reduce((before, chunk) => {
      expect(chunk).toMatchObject({ from: before, first_position: chunks[0]!.first_position + before });
      return before + chunk.tickets.length;
    }, 0);
    const places = run.inventory.flatMap(({ type, data }) => ('batch' in data && data.batch === of ? [type] : []));
    const [end, ...others] = stream.filter(({ type }) => type === 'BatchCreated' || type === 'BatchFailed');
    expect(others).toEqual([]);
    expect(stream.at(-1)).toBe(end);
    if (end?.type === 'BatchCreated') {
      expect(end.data.first_position).toBe(chunks[0]!.first_position);
      expect(tickets).toHaveLength(AMOUNTS[of]);
      expect(places).toEqual(['PlacesTaken']);
      ends.push('created');
    } else {
      expect(end?.type).toBe('BatchFailed');
      expect([['PlacesRefused'], ['PlacesTaken', 'PlacesReturned']]).toContainEqual(places);
      ends.push(places.includes('PlacesRefused') ? 'refused' : tickets.length > 0 ? 'failed amid tickets' : 'failed');
    }
  }
  return ends;
}

type Step = (run: Run) => void;
const of = fc.constantFrom(...BATCHES);
const reader = fc.constantFrom(0, 1);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: of.map(
      (id): Step =>
        (run) =>
          run.request(id),
    ),
  },
  {
    weight: 1,
    arbitrary: of.map(
      (id): Step =>
        (run) =>
          run.giveUp(id),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, SIZE, 12).map(
      (size): Step =>
        (run) =>
          run.changeQuota(size),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.boolean().map(
      (kept): Step =>
        (run) =>
          run.handleAtInventory(kept),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(6).map(
      (by): Step =>
        (run) =>
          run.rewindInventory(by),
    ),
  },
  {
    weight: 16,
    arbitrary: fc.tuple(reader, fc.integer({ min: 1, max: 3 }), fc.nat(5)).map(
      ([who, count, luck]): Step =>
        (run) =>
          run.handleAtSales(run.readers[who]!, count, luck === 0),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(reader, fc.nat(3)).map(
      ([who, back]): Step =>
        (run) =>
          run.crash(run.readers[who]!, back),
    ),
  },
);

test('§9.4: a batch ends as one batch or one failure, no code comes twice, and places return exactly when it failed with them', () => {
  const reached = new Set<string>();
  let lateTickets = 0;
  fc.assert(
    fc.property(fc.array(steps, { minLength: 10, maxLength: 80 }), (all) => {
      const run = new Run();
      for (const step of all) step(run);
      run.finish();
      for (const end of check(run)) reached.add(end);
      lateTickets += run.lateTickets;

      // All of it is delivered again, when there would be places for everybody.
      const history = [...run.sales, ...run.inventory];
      run.changeQuota(1_000);
      run.rewindInventory(Infinity);
      for (const each of run.readers) run.crash(each, Infinity);
      for (const id of BATCHES) if (run.streamOf(id).length > 0) run.request(id);
      run.finish();
      expect([...run.sales, ...run.inventory]).toEqual(history);
    }),
    { numRuns: 500 },
  );
  // Checks that the steps have reached all results.
  expect([...reached].sort()).toEqual(['created', 'failed', 'failed amid tickets', 'refused']);
  expect(lateTickets).toBeGreaterThan(0);
});
