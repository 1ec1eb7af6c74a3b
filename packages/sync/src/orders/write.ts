import type { Tx } from '@gatehouse/eventing/event-bus';

/** What an order is found by. */
export type ShownOrder = {
  readonly stream: string;
  /** `organizer/slug`. */
  readonly event: string;
  readonly code: string;
  readonly status: string;
  readonly testmode: boolean;
  readonly email: string | null;
  readonly datetime: string;
};

/** What orders are found by from `now` on (`nextInstant`), and how many there are of each kind. */
export async function writeShown(tx: Tx, rows: readonly ShownOrder[], now: string): Promise<void> {
  await moveTallies(tx, rows);
  await tx.query({
    name: 'orders_shown',
    text: `insert into shown_orders (stream, event, code, status, testmode, email, datetime, modified)
           select o.*, $2::timestamptz
           from json_to_recordset($1) as o(stream text, event text, code text, status text, testmode boolean, email text,
                                           datetime timestamptz)
           on conflict (stream) do update set event = excluded.event, code = excluded.code, status = excluded.status,
             testmode = excluded.testmode, email = excluded.email, datetime = excluded.datetime,
             modified = excluded.modified`,
    values: [JSON.stringify(rows), now],
  });
}

/** Whole orders, by their streams. */
export async function writeTexts(tx: Tx, texts: readonly { stream: string; data: object }[]): Promise<void> {
  await tx.query({
    name: 'orders_texts',
    text: `insert into order_texts (stream, data)
           select * from json_to_recordset($1) as o(stream text, data json)
           on conflict (stream) do update set data = excluded.data`,
    values: [JSON.stringify(texts)],
  });
}

/** Which orders tickets belong to. A ticket that two orders name belongs to the last one. */
export async function writeTicketOrders(tx: Tx, rows: readonly { ticket: number; stream: string }[]): Promise<void> {
  await tx.query({
    name: 'orders_tickets',
    // Distinct, since one statement may write a row only once.
    text: `insert into ticket_orders (ticket, stream)
           select distinct on (ticket) ticket, stream
           from rows from (json_to_recordset($1) as (ticket integer, stream text)) with ordinality as o(ticket, stream, n)
           order by ticket, n desc
           on conflict (ticket) do update set stream = excluded.stream where ticket_orders.stream <> excluded.stream`,
    values: [JSON.stringify(rows)],
  });
}

/** Tickets that no order has any more. `stream`: only if they are of this order; null: whosever they are. */
export async function deleteTicketOrders(
  tx: Tx,
  rows: readonly { ticket: number; stream: string | null }[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx.query({
    name: 'orders_tickets_gone',
    text: `delete from ticket_orders t using json_to_recordset($1) as gone(ticket integer, stream text)
           where t.ticket = gone.ticket and t.stream = coalesce(gone.stream, t.stream)`,
    values: [JSON.stringify(rows)],
  });
}

type Tallied = Pick<ShownOrder, 'event' | 'testmode' | 'status'>;

/** Moves what is counted of orders to where they are counted from now on. */
async function moveTallies(tx: Tx, rows: readonly ShownOrder[]): Promise<void> {
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
