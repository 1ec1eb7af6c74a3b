import type { Envelope } from '@gatehouse/events/envelope';
import { reference, type OrderFact } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { COLUMNS, rowsOf, type TicketRow } from './row';
import {
  movedCheckinTallies,
  movedOf,
  moveTicketTallies,
  takeTurns,
  tallyCheckin,
  type CheckinTally,
  type Place,
} from './tallies';

/** What the shop's orders do to `tickets`. */
export async function projectOrders(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const schemes = new Map<string, string>();
  const orders: { order: OrderFact; stream: string; revision: number }[] = [];
  for (const stored of events) {
    if (stored.type !== 'OrderStated') continue;
    const event = reference.read(stored)!;
    if (event.type === 'OrderStated')
      orders.push({ order: event.data, stream: stored.stream, revision: stored.revision });
  }
  if (orders.length === 0) return;
  await takeTurns(tx);
  for (const { order } of orders) {
    const key = `${order.organizer}/${order.event}`;
    if (!schemes.has(key)) schemes.set(key, await nameScheme(tx, key));
  }
  const newest = new Map<number, TicketRow>();
  for (const { order, stream, revision } of orders) {
    const scheme = schemes.get(`${order.organizer}/${order.event}`)!;
    for (const row of rowsOf(order, scheme, { stream, revision })) {
      const rival = newest.get(row.id);
      if (!rival || supersedes(row, rival)) newest.set(row.id, row);
    }
  }
  const { rows: old } = await tx.query<
    Place & Pick<TicketRow, 'id' | 'order_stream' | 'order_import' | 'order_revision'>
  >({
    name: 'tickets_before',
    text: `select id, event, date, item, variation, status, canceled, order_stream, order_import, order_revision
           from tickets where id = any($1::integer[])`,
    values: [[...newest.keys()]],
  });
  const before = new Map(old.map((row) => [row.id, row]));
  const rows = [...newest.values()].filter((row) => {
    const rival = before.get(row.id);
    return !rival || supersedes(row, rival);
  });
  if (rows.length === 0) return;
  await tx.query({
    name: 'tickets_state',
    text: `insert into tickets (id, ${COLUMNS.join(', ')})
           select id, ${COLUMNS.join(', ')} from json_populate_recordset(null::tickets, $1)
           on conflict (id) do update
             set ${COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ')}, change = default`,
    values: [JSON.stringify(rows)],
  });
  await moveTicketTallies(tx, rows, before);
  const { rows: checkins } = await tx.query<{ list: number; ticket: number }>({
    name: 'tickets_checkins',
    // Out of the history, so that the table of check-ins needs no second index, which every scan would pay for.
    text: `select list::integer as list, a.ticket
           from admissions a cross join lateral json_object_keys(a.state -> 'checkins') as list
           where a.ticket = any($1::integer[]) and list::integer not in (select list from deleted_lists)`,
    values: [rows.map((row) => row.id)],
  });
  const tallies = new Map<string, CheckinTally>();
  for (const { list, ticket } of checkins) {
    const was = before.get(ticket);
    if (was) tallyCheckin(tallies, list, was, -1);
    tallyCheckin(tallies, list, newest.get(ticket)!, 1);
  }
  const moved = movedOf(tallies);
  if (moved.length === 0) return;
  await tx.query({
    name: 'move_checkin_tallies',
    text: movedCheckinTallies('$1'),
    values: [JSON.stringify(moved)],
  });
}

/** A position belongs to the order that named it last (import.md §3). */
function supersedes(
  row: Pick<TicketRow, 'order_stream' | 'order_import' | 'order_revision'>,
  rival: Pick<TicketRow, 'order_stream' | 'order_import' | 'order_revision'>,
): boolean {
  if (row.order_stream === rival.order_stream) return row.order_revision > rival.order_revision;
  return row.order_import >= rival.order_import;
}

/** Names are written by the scheme that the event has when the order is seen, as the shop does it. */
async function nameScheme(tx: Tx, event: string): Promise<string> {
  const { rows } = await tx.query<{ scheme: string }>(
    "select data ->> 'name_scheme' as scheme from facts where kind = 'event' and id = $1",
    [event],
  );
  return rows[0]?.scheme ?? 'full';
}
