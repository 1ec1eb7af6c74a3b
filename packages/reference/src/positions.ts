import { join } from 'node:path';
import { referenceStream, type OrderFact } from '@gatehouse/events/reference';
import { available, migrate } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import { wholeOrders } from './order-parts';
import type { ReferenceStore } from './store';

/** An order about to be stated, and the tickets that its state before this one named and that had not been canceled. */
export type StatedOrder = {
  readonly order: Pick<OrderFact, 'organizer' | 'event' | 'code' | 'status' | 'positions'>;
  readonly before: readonly number[];
};

/** Two tickets that may enter by one secret. */
export type SameSecret = {
  readonly ticket: number;
  readonly order: string;
  readonly other: number;
  readonly otherOrder: string;
};

/** What an import has found out about the tickets of all orders, its own and earlier ones. */
export type Findings = {
  /** Tickets that a changed order no longer names, and no other one either. */
  readonly ended: number;
  /** Some of the pairs, and how many there are. */
  readonly sameSecret: readonly SameSecret[];
  readonly sameSecretCount: number;
};

/** The tickets of all orders, for the questions that an import has to ask about each of its own (import.md §3). */
export type Positions = {
  /** To be told before these orders are stated: a killed import repeats what it has not stated. */
  take(orders: readonly StatedOrder[]): Promise<void>;
  findings(): Promise<Findings>;
};

/** How many pairs are told by name. */
const TOLD = 20;

/** Opens the table, and fills it once from a history that is older than it. */
export async function openPositions(pool: Pool, store: ReferenceStore): Promise<Positions> {
  await migrate(pool, 'reference', join(__dirname, '..', 'sql'));
  await complete(pool, store);
  const ended = new Set<number>();
  const contested = new Set<number>();
  return {
    async take(orders) {
      const named = rowsOf(orders.map(({ order }) => order));
      for (const { id } of named) ended.delete(id);
      for (const id of await state(pool, named)) contested.add(id);
      for (const id of await end(pool, orders)) ended.add(id);
    },
    async findings() {
      const { rows } = await available(
        pool.query<SameSecret & { count: number }>(
          `select a.id as ticket, a.stream as "order", b.id as other, b.stream as "otherOrder", count(*) over ()::integer
           from positions a join positions b on b.secret_key = a.secret_key and b.live and b.id <> a.id
           where a.id = any($1::integer[]) and a.live and (a.id < b.id or b.id <> all($1::integer[]))
           order by a.id, b.id limit ${TOLD}`,
          [[...contested]],
        ),
      );
      return { ended: ended.size, sameSecret: rows, sameSecretCount: rows[0]?.count ?? 0 };
    },
  };
}

type Row = { id: number; stream: string; event: string; secret: string; live: boolean };

function rowsOf(orders: readonly StatedOrder['order'][]): Row[] {
  // Of two orders that name a ticket the later one has it.
  const rows = new Map<number, Row>();
  for (const order of orders) {
    const stream = streamOf(order);
    const mayEnter = order.status === 'p' || order.status === 'n';
    for (const { id, secret, canceled } of order.positions) {
      rows.set(id, { id, stream, event: `${order.organizer}/${order.event}`, secret, live: mayEnter && !canceled });
    }
  }
  return [...rows.values()];
}

const streamOf = (order: StatedOrder['order']): string =>
  referenceStream({ type: 'OrderStated', data: order as OrderFact });

/** Answers those whose secret another ticket has, too. */
async function state(pool: Pool, rows: readonly Row[]): Promise<number[]> {
  if (rows.length === 0) return [];
  const { rows: contested } = await available(
    pool.query<{ id: number }>({
      name: 'state_positions',
      text: `with stated as (
               select id, stream, hashtextextended(event || ' ' || secret, 0) as secret_key, live
               from json_to_recordset($1) as s(id integer, stream text, event text, secret text, live boolean)
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
      values: [JSON.stringify(rows)],
    }),
  );
  return contested.map(({ id }) => id);
}

/** Of the tickets that were named before and are not any more, those that are still this order's end here. */
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
    await state(pool, rowsOf(orders));
  }
  await available(pool.query('insert into positions_complete default values'));
}
