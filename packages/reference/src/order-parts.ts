import { reference, type OrderFact, type ReferenceEvent } from '@gatehouse/events/reference';
import type { Envelope } from '@gatehouse/events/envelope';
import type { ReferenceStore } from './store';

/*
 * An order is one event, a large one several: appends and Kafka messages have a maximum size, and a follower of history
 * holds a thousand events in memory.
 */

/** A state with more bytes is stated in parts. A single position may be larger. */
export const PART_BYTES = 256 * 1024;

type OrderStated = Extract<ReferenceEvent, { type: 'OrderStated' }>;

/** The events that state an order, in their order; `first`: the order had no whole state before. */
export function orderEvents(order: OrderFact, first: boolean): OrderStated[] {
  const { positions, ...rest } = order;
  const shares = sharesOf(positions, Buffer.byteLength(JSON.stringify(rest)));
  return shares.map((share, i) => {
    const isLast = i === shares.length - 1;
    const part = { number: i + 1, of: shares.length, first };
    // Only the last part completes the state, so only it has the hash by which a repeat is recognised.
    return { type: 'OrderStated', data: { ...rest, hash: isLast ? order.hash : '', part, positions: share } };
  });
}

function sharesOf(positions: OrderFact['positions'], restBytes: number): OrderFact['positions'][] {
  const shares: OrderFact['positions'][] = [[]];
  let bytes = restBytes;
  for (const position of positions) {
    const size = Buffer.byteLength(JSON.stringify(position)) + 1;
    if (bytes + size > PART_BYTES && shares.at(-1)!.length > 0) {
      shares.push([]);
      bytes = restBytes;
    }
    shares.at(-1)!.push(position);
    bytes += size;
  }
  return shares;
}

/** The newest whole state in the stream of an order, given the revision of its newest event; undefined when there is none. */
export async function wholeOrder(
  store: ReferenceStore,
  { stream, revision }: { stream: string; revision: number },
): Promise<OrderFact | undefined> {
  const [newest] = await store.load(stream, revision);
  const fact = newest && factOf(newest);
  if (!fact) return undefined;
  if (fact.part && fact.part.number < fact.part.of) return newestWhole(await store.load(stream));
  const { of } = fact.part ?? { of: 1 };
  return of === 1 ? fact : newestWhole(await store.load(stream, revision - of + 1));
}

function newestWhole(events: readonly Envelope[]): OrderFact | undefined {
  const facts = events.flatMap((event) => factOf(event) ?? []);
  const last = facts.findLastIndex(({ part }) => !part || part.number === part.of);
  if (last < 0) return undefined;
  const { part, ...order } = facts[last]!;
  const parts = facts.slice(last + 1 - (part?.of ?? 1), last + 1);
  return { ...order, positions: parts.flatMap(({ positions }) => positions) };
}

function factOf(event: Envelope): OrderFact | undefined {
  const stated = reference.read(event);
  return stated?.type === 'OrderStated' ? stated.data : undefined;
}

/** The newest whole state of every order, in batches; an older state of an order may come before its newest. */
export async function* wholeOrders(store: ReferenceStore): AsyncGenerator<OrderFact[]> {
  for await (const newest of store.scan('order-')) {
    const orders: OrderFact[] = [];
    for (const event of newest) {
      const fact = factOf(event);
      if (fact && (fact.part?.of ?? 1) === 1) orders.push(fact);
      else if (fact) {
        const order = await wholeOrder(store, event);
        if (order) orders.push(order);
      }
    }
    yield orders;
  }
}
