import { join } from 'node:path';
import { referenceStream, type OrderFact, type PositionFact } from '@gatehouse/events/reference';
import { available, migrate } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import { wholeOrders } from './order-parts';
import type { ReferenceStore } from './store';

/** Of an order what says which secrets let in. */
export type OrderTickets = Pick<OrderFact, 'organizer' | 'event' | 'code' | 'status'> & {
  readonly positions: readonly Pick<PositionFact, 'id' | 'secret' | 'canceled'>[];
};

export const ticketsOf = ({ organizer, event, code, status, positions }: OrderTickets): OrderTickets => ({
  ...{ organizer, event, code, status },
  positions: positions.map(({ id, secret, canceled }) => ({ id, secret, canceled })),
});

/** An order about to be stated, and the tickets of its previous state that were not canceled. */
export type StatedOrder = {
  readonly order: OrderTickets;
  readonly before: readonly number[];
};

/** Two valid tickets with the same secret, each with the stream of its order. */
export type SameSecret = {
  readonly ticket: number;
  readonly order: string;
  readonly other: number;
  readonly otherOrder: string;
};

/** Findings about the tickets of all orders, of this and earlier imports. */
export type Findings = {
  /** Number of tickets that a changed order no longer names, and no other order either. */
  readonly ended: number;
  /** The first of `sameSecretCount` pairs. */
  readonly sameSecret: readonly SameSecret[];
  readonly sameSecretCount: number;
};

/** The tickets of all orders, of this and earlier imports, for checks that need all of them (import.md §3). */
export type Positions = {
  /**
   * Records the tickets of orders. Must finish before the orders are stated: a killed import records again the orders that
   * it has not stated.
   */
  take(orders: readonly StatedOrder[]): Promise<void>;
  /** The findings about the orders recorded so far. */
  findings(): Promise<Findings>;
};

/** The maximum number of pairs in a report. */
const NAMED_PAIRS = 20;

/**
 * Opens the table, and fills it once if the history is older than the table. Throws StoreUnavailable when the database is
 * away.
 */
export async function openPositions(pool: Pool, store: ReferenceStore): Promise<Positions> {
  await migrate(pool, 'reference', join(__dirname, '..', 'sql'));
  await complete(pool, store);
  const ended = new Set<number>();
  const contested = new Set<number>();
  return {
    async take(orders) {
      const rows = rowsOf(orders.map(({ order }) => order));
      for (const id of rows.keys()) ended.delete(id);
      for (const id of await record(pool, rows)) contested.add(id);
      for (const id of await end(pool, orders)) ended.add(id);
    },
    async findings() {
      const { rows } = await available(
        pool.query<SameSecret & { count: number }>(
          `select a.id as ticket, a.stream as "order", b.id as other, b.stream as "otherOrder", count(*) over ()::integer
           from positions a join positions b on b.secret_key = a.secret_key and b.live and b.id <> a.id
           where a.id = any($1::integer[]) and a.live and (a.id < b.id or b.id <> all($1::integer[]))
           order by a.id, b.id limit ${NAMED_PAIRS}`,
          [[...contested]],
        ),
      );
      return { ended: ended.size, sameSecret: rows, sameSecretCount: rows[0]?.count ?? 0 };
    },
  };
}

/** `secret` begins with its event, because secrets are unique per event. */
type Row = { readonly stream: string; readonly secret: string; readonly live: boolean };

/** The rows of the orders' tickets, by id. If two orders name a ticket, it belongs to the later one. */
function rowsOf(orders: readonly OrderTickets[]): Map<number, Row> {
  const rows = new Map<number, Row>();
  for (const order of orders) {
    const stream = streamOf(order);
    const mayEnter = order.status === 'p' || order.status === 'n';
    for (const { id, secret, canceled } of order.positions) {
      rows.set(id, { stream, secret: `${order.organizer}/${order.event} ${secret}`, live: mayEnter && !canceled });
    }
  }
  return rows;
}

const streamOf = (order: OrderTickets): string =>
  referenceStream({ type: 'OrderStated', data: order as unknown as OrderFact });

/** Writes the rows and returns the ids of those that share their secret with another ticket. */
async function record(pool: Pool, rows: ReadonlyMap<number, Row>): Promise<number[]> {
  if (rows.size === 0) return [];
  const all = [...rows.values()];
  const { rows: contested } = await available(
    pool.query<{ id: number }>({
      name: 'record_positions',
      // As arrays: PostgreSQL parses them in a third of the time that it needs for JSON.
      text: `with stated as (
               select id, stream, hashtextextended(secret, 0) as secret_key, live
               from unnest($1::integer[], $2::text[], $3::text[], $4::boolean[]) as s(id, stream, secret, live)
             ),
             written as (
               insert into positions as p (id, stream, secret_key, live) select * from stated
               on conflict (id) do update
                 set stream = excluded.stream, secret_key = excluded.secret_key, live = excluded.live
                 where (p.stream, p.secret_key, p.live) is distinct from (excluded.stream, excluded.secret_key, excluded.live)
             )
             select s.id from stated s
             -- 'offset 0': by the index, one by one, whatever PostgreSQL knows of the table.
             where s.live and exists (
               select 1 from positions p where p.secret_key = s.secret_key and p.live and p.id <> s.id offset 0
             )`,
      values: [
        [...rows.keys()],
        all.map(({ stream }) => stream),
        all.map(({ secret }) => secret),
        all.map(({ live }) => live),
      ],
    }),
  );
  return contested.map(({ id }) => id);
}

/**
 * Ends the tickets that these orders named before and no longer name, except those that another order has now. Returns
 * their ids.
 */
async function end(pool: Pool, orders: readonly StatedOrder[]): Promise<number[]> {
  const unnamed = orders.flatMap(({ order, before }) => {
    const names = new Set(order.positions.map(({ id }) => id));
    const stream = streamOf(order);
    return before.filter((id) => !names.has(id)).map((id) => ({ id, stream }));
  });
  if (unnamed.length === 0) return [];
  const { rows } = await available(
    pool.query<{ id: number }>(
      `update positions p set live = false from unnest($1::integer[], $2::text[]) as gone(id, stream)
       where p.id = gone.id and p.stream = gone.stream returning p.id`,
      [unnamed.map(({ id }) => id), unnamed.map(({ stream }) => stream)],
    ),
  );
  return rows.map(({ id }) => id);
}

async function complete(pool: Pool, store: ReferenceStore): Promise<void> {
  const { rows } = await available(pool.query('select 1 from positions_complete'));
  if (rows.length > 0) return;
  for await (const orders of wholeOrders(store)) {
    await record(pool, rowsOf(orders));
  }
  await available(pool.query('insert into positions_complete default values'));
}
