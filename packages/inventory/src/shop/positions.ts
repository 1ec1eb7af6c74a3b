import type { Envelope } from '@gatehouse/events/envelope';
import type { OrderFact } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { appliedOrders, takeStates } from '@gatehouse/shop/orders/states';
import { takeOrders, type OwnedTicket } from '@gatehouse/shop/orders/tickets';
import { productAccount, type Tallies } from './tallies';

/** A row of `shop_positions`; in `date` and `variation` 0 means none. */
type PositionRow = OwnedTicket & {
  readonly event: string;
  readonly date: number;
  readonly item: number;
  readonly variation: number;
  readonly status: OrderFact['status'];
  readonly canceled: boolean;
  readonly seat: string | null;
};

/** Takes over what orders say of their positions (import.md §3), and moves what is counted of them. */
export async function takePositions(tx: Tx, events: readonly Envelope[], tallies: Tallies): Promise<void> {
  const stated = events.filter(({ type }) => type === 'OrderStated');
  if (stated.length === 0) return;
  const applied = await appliedOrders(tx, [...new Set(stated.map(({ stream }) => stream))]);
  const states = await takeStates(tx, stated, applied);
  await takeOrders<PositionRow, PositionRow>(
    tx,
    { states, applied },
    {
      read: (ids) => readPositions(tx, ids),
      readRows: (ids) => readPositions(tx, ids),
      rowsOf,
      endedRow: (row, { status }) => ({ ...row, status, canceled: true }),
      async write(changed) {
        for (const { before, row } of changed) {
          if (before) tally(tallies, before, -1);
          tally(tallies, row, 1);
        }
        await writePositions(
          tx,
          changed.map(({ row }) => row),
        );
      },
    },
  );
}

function* rowsOf(order: OrderFact, stream: string): Generator<PositionRow> {
  const { status, import: order_import } = order;
  const shared = { event: `${order.organizer}/${order.event}`, status, order_stream: stream, order_import };
  for (const { id, subevent, item, variation, canceled, seat } of order.positions) {
    const product = { date: subevent ?? 0, item, variation: variation ?? 0 };
    yield { ...shared, ...product, id, canceled, seat: seat?.seat_guid ?? null };
  }
}

/** Paid and pending orders count, in test mode, too; others never do (contract §2.7). */
function tally(tallies: Tallies, row: PositionRow, by: number): void {
  if (row.canceled || (row.status !== 'p' && row.status !== 'n')) return;
  const product = { item: row.item, variation: row.variation || null, date: row.date || null };
  tallies.take(productAccount(row.event, product), row.status === 'p' ? 'paid' : 'pending', by);
}

async function readPositions(tx: Tx, ids: readonly number[]): Promise<readonly PositionRow[]> {
  const { rows } = await tx.query<PositionRow>({
    name: 'shop_positions_before',
    text: `select p.* from unnest($1::integer[]) as q(id)
           cross join lateral (select * from shop_positions where id = q.id offset 0) p`,
    values: [ids],
  });
  return rows;
}

async function writePositions(tx: Tx, rows: readonly PositionRow[]): Promise<void> {
  await tx.query({
    name: 'shop_write_positions',
    text: `insert into shop_positions select * from json_populate_recordset(null::shop_positions, $1)
           on conflict (id) do update
             set event = excluded.event, date = excluded.date, item = excluded.item, variation = excluded.variation,
               status = excluded.status, canceled = excluded.canceled, seat = excluded.seat,
               order_stream = excluded.order_stream, order_import = excluded.order_import`,
    values: [JSON.stringify(rows)],
  });
}
