import type { Envelope } from '@gatehouse/events/envelope';
import { reference, type OrderFact } from '@gatehouse/events/reference';
import { copyRows } from '@gatehouse/eventing/copy';
import type { Tx } from '@gatehouse/eventing/event-bus';
import type { ReadModelTable } from '@gatehouse/eventing/read-model';

/** The tables of a read model that follows orders, in each context's own schema. */
export const ORDER_TABLES = {
  sql: `
    -- Of each order the revision of its newest whole state, so that nothing older is taken for news, and the tickets that are its
    -- own: those that it names, and those that it has named and that ended (AppliedOrder).
    create table orders (
      stream text collate "C" primary key,
      revision integer not null,
      tickets integer[] not null
    );
    -- Parts of states that are not complete yet (\`part\` of OrderStated).
    create table order_parts (
      stream text collate "C" not null,
      revision integer not null,
      data json not null,
      primary key (stream, revision)
    );
  `,
  tables: [
    { name: 'orders', key: 'stream', columns: '*' },
    { name: 'order_parts', key: 'stream, revision', columns: 'r.stream, r.revision, r.data::jsonb' },
  ] satisfies readonly ReadModelTable[],
};

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

/** The newest applied states of orders, by stream; without those of which there is none. */
export async function appliedOrders(tx: Tx, streams: readonly string[]): Promise<Map<string, AppliedOrder>> {
  if (streams.length === 0) return new Map();
  const { rows } = await tx.query<AppliedOrder>({
    name: 'orders_applied',
    // By the key, one by one ('offset 0'): PostgreSQL may keep a plan of the days when the table was small, and with any other it
    // would read the whole table.
    text: `select o.stream, o.revision, o.tickets
           from unnest($1::text[]) as q(stream)
           cross join lateral (select * from orders where stream = q.stream offset 0) o`,
    values: [streams],
  });
  return new Map(rows.map((row) => [row.stream, row]));
}

/** Writes the first states of orders. */
export const copyOrders = (tx: Tx, orders: readonly AppliedOrder[]): Promise<void> =>
  copyRows(
    tx,
    { name: 'orders', columns: ['stream', 'revision', 'tickets'] },
    orders.map(({ tickets, ...order }) => ({ ...order, tickets: `{${tickets.join()}}` })),
  );

/** Writes the newest states of orders. */
export async function writeOrders(tx: Tx, orders: readonly AppliedOrder[]): Promise<void> {
  if (orders.length === 0) return;
  await tx.query({
    name: 'orders_apply',
    text: `insert into orders (stream, revision, tickets)
           select stream, revision, tickets from json_populate_recordset(null::orders, $1)
           on conflict (stream) do update set revision = excluded.revision, tickets = excluded.tickets`,
    values: [JSON.stringify(orders)],
  });
}

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
    name: 'orders_forget_parts',
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
