import type { Envelope } from '@gatehouse/events/envelope';
import { objectOf } from '@gatehouse/events/given';
import type { OrderFact } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { appliedOrders, takeStates, writeOrders, type WholeState } from '@gatehouse/shop/orders/states';
import { nextInstant } from './clock';

/** Applies the shop's orders to `orders`. Applying an event again changes nothing. */
export async function projectOrders(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const stated = events.filter(({ type }) => type === 'OrderStated');
  if (stated.length === 0) return;
  const now = await nextInstant(tx);
  const applied = await appliedOrders(tx, [...new Set(stated.map(({ stream }) => stream))]);
  const states = await takeStates(tx, stated, applied);
  if (states.length === 0) return;
  const newest = newestOf(states);
  await writeOrders(
    tx,
    newest.map(({ stream, revision, order }) => ({ stream, revision, tickets: order.positions.map(({ id }) => id) })),
  );
  await writeShown(tx, newest, now);
}

/** The newest state of each order, in the order in which these were stated. */
function newestOf(states: readonly WholeState[]): WholeState[] {
  const newest = new Map<string, WholeState>();
  for (const state of states) {
    newest.delete(state.stream);
    newest.set(state.stream, state);
  }
  return [...newest.values()];
}

async function writeShown(tx: Tx, states: readonly WholeState[], now: string): Promise<void> {
  await moveTallies(tx, states.map(shownRow));
  await tx.query({
    name: 'orders_shown',
    text: `insert into shown_orders (stream, event, code, status, testmode, email, datetime, modified)
           select o.*, $2::timestamptz
           from json_to_recordset($1) as o(stream text, event text, code text, status text, testmode boolean, email text,
                                           datetime timestamptz)
           on conflict (stream) do update set event = excluded.event, code = excluded.code, status = excluded.status,
             testmode = excluded.testmode, email = excluded.email, datetime = excluded.datetime,
             modified = excluded.modified`,
    values: [JSON.stringify(states.map(shownRow)), now],
  });
  await tx.query({
    name: 'orders_texts',
    text: `insert into order_texts (stream, data)
           select * from json_to_recordset($1) as o(stream text, data json)
           on conflict (stream) do update set data = excluded.data`,
    values: [JSON.stringify(states.map(({ stream, order }) => ({ stream, data: orderObject(order) })))],
  });
  await tx.query({
    name: 'orders_tickets',
    // A ticket that two orders name belongs to the last one; distinct, since one statement may write a row only once.
    text: `insert into ticket_orders (ticket, stream)
           select distinct on (ticket) ticket, stream
           from rows from (json_to_recordset($1) as (ticket integer, stream text)) with ordinality as o(ticket, stream, n)
           order by ticket, n desc
           on conflict (ticket) do update set stream = excluded.stream where ticket_orders.stream <> excluded.stream`,
    values: [
      JSON.stringify(
        states.flatMap(({ stream, order }) => order.positions.map(({ id: ticket }) => ({ ticket, stream }))),
      ),
    ],
  });
}

type Tallied = { readonly event: string; readonly testmode: boolean; readonly status: string };

/** Moves what is counted of orders to where they are counted from now on. */
async function moveTallies(tx: Tx, rows: readonly (Tallied & { stream: string })[]): Promise<void> {
  const { rows: before } = await tx.query<Tallied>({
    name: 'orders_before',
    text: `select s.event, s.testmode, s.status from unnest($1::text[]) as q(stream)
           cross join lateral (select * from shown_orders where stream = q.stream offset 0) s`,
    values: [rows.map(({ stream }) => stream)],
  });
  const moved = new Map<string, Tallied & { orders: number }>();
  const count = ({ event, testmode, status }: Tallied, by: number) => {
    const key = `${event} ${testmode} ${status}`;
    moved.set(key, { event, testmode, status, orders: (moved.get(key)?.orders ?? 0) + by });
  };
  for (const row of before) count(row, -1);
  for (const row of rows) count(row, 1);
  const tallies = [...moved.values()].filter(({ orders }) => orders !== 0);
  await tx.query({
    name: 'orders_tallies',
    text: `with edited as (
             insert into order_editions select distinct event, 1
             from json_to_recordset($1) as t(event text)
             on conflict (event) do update set edition = order_editions.edition + 1
           )
           insert into order_tallies (event, testmode, status, orders)
           select * from json_to_recordset($2) as t(event text, testmode boolean, status text, orders integer)
           on conflict (event, testmode, status) do update set orders = order_tallies.orders + excluded.orders`,
    values: [JSON.stringify([...moved.values()]), JSON.stringify(tallies)],
  });
  // As if they had never been, as after a replay that saw only the newest states.
  if (tallies.some(({ orders }) => orders < 0)) await tx.query('delete from order_tallies where orders = 0');
}

const shownRow = ({ stream, order }: WholeState) => ({
  stream,
  event: `${order.organizer}/${order.event}`,
  code: order.code,
  status: order.status,
  testmode: order.testmode,
  email: order.email,
  datetime: order.datetime,
});

/** The order as the shop sent it. What an old fact does not tell is left out, but for what every order has. */
export const orderObject = (order: OrderFact): Record<string, unknown> => ({
  code: order.code,
  event: order.event,
  ...objectOf(order),
  positions: order.positions.map((position) => ({ order: order.code, ...objectOf(position) })),
});
