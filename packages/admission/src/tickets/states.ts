import type { Envelope } from '@gatehouse/events/envelope';
import { reference, type OrderFact } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';

/** The newest applied state of an order. */
export type AppliedOrder = {
  readonly stream: string;
  /** Revision of the event that completed it. */
  readonly revision: number;
  /** The tickets that it names, and those that have ended with it or earlier and that no other order has named since. */
  readonly tickets: readonly number[];
};

/** A complete state of an order with all its positions, from one or several events. */
export type WholeState = { readonly stream: string; readonly revision: number; readonly order: OrderFact };

type Part = Omit<WholeState, 'order'> & { readonly order: OrderFact & { part: NonNullable<OrderFact['part']> } };

/**
 * The states that these events complete, in their order, without those that were applied before, because events may be
 * delivered again. Parts of an incomplete state are stored.
 */
export async function takeStates(
  tx: Tx,
  stated: readonly Envelope[],
  applied: ReadonlyMap<string, AppliedOrder>,
): Promise<WholeState[]> {
  const whole: WholeState[] = [];
  const waiting = new Map<string, Part[]>();
  const reached = new Map([...applied].map(([stream, { revision }]) => [stream, revision]));
  for (const { stream, revision, ...stored } of stated) {
    const fact = reference.read(stored);
    if (fact?.type !== 'OrderStated' || revision <= (reached.get(stream) ?? -1)) continue;
    const { part, ...order } = fact.data;
    const parts = waiting.get(stream) ?? [];
    if (part && part.of > 1) {
      parts.push({ stream, revision, order: { ...order, part } });
      waiting.set(stream, parts);
      if (part.number < part.of) continue;
    }
    reached.set(stream, revision);
    waiting.delete(stream);
    const positions = part && part.of > 1 ? await positionsOf(tx, parts) : order.positions;
    whole.push({ stream, revision, order: { ...order, positions } });
  }
  const incomplete = [...waiting.values()].flat();
  if (whole.length > 0) await forget(tx, reached, whole);
  if (incomplete.length > 0) await keep(tx, incomplete);
  return whole;
}

/** The positions of all parts of a state; `parts` ends with the last one and may begin with any. */
async function positionsOf(tx: Tx, parts: readonly Part[]): Promise<OrderFact['positions']> {
  const last = parts.at(-1)!;
  const first = last.revision - last.order.part.of + 1;
  const { rows } = await tx.query<Omit<Part, 'stream'>>(
    `select revision, data as "order" from order_parts where stream = $1 and revision between $2 and $3`,
    [last.stream, first, last.revision],
  );
  const byRevision = new Map([...rows, ...parts].map(({ revision, order }) => [revision, order]));
  const positions: OrderFact['positions'] = [];
  for (let number = 1; number <= last.order.part.of; number++) {
    const order = byRevision.get(first + number - 1);
    // Ignoring it would cancel the tickets of the missing part.
    if (order?.part.number !== number) throw new Error(`part ${number} of a state of ${last.stream} is missing`);
    positions.push(...order.positions);
  }
  return positions;
}

async function forget(tx: Tx, reached: ReadonlyMap<string, number>, whole: readonly WholeState[]): Promise<void> {
  const streams = [...new Set(whole.map(({ stream }) => stream))];
  await tx.query({
    name: 'tickets_forget_parts',
    text: `delete from order_parts p using unnest($1::text[], $2::integer[]) as done(stream, revision)
           where p.stream = done.stream and p.revision <= done.revision`,
    values: [streams, streams.map((stream) => reached.get(stream)!)],
  });
}

async function keep(tx: Tx, parts: readonly Part[]): Promise<void> {
  await tx.query(
    `insert into order_parts (stream, revision, data)
     select * from unnest($1::text[], $2::integer[], $3::json[]) on conflict do nothing`,
    [
      parts.map(({ stream }) => stream),
      parts.map(({ revision }) => revision),
      parts.map(({ order }) => JSON.stringify(order)),
    ],
  );
}
