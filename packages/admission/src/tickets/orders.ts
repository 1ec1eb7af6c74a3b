import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { COLUMNS, endedRow, rowsOf, type TicketRow } from './row';
import { rename, takeSchemes, type Schemes } from './schemes';
import { takeStates, type AppliedOrder, type WholeState } from './states';
import {
  dropEmptyCheckinTallies,
  movedCheckinTallies,
  movedOf,
  moveTicketTallies,
  lockTallies,
  tallyCheckin,
  type CheckinTally,
  type Place,
} from './tallies';

/*
 * 'offset 0' in these statements makes PostgreSQL use the key, row by row. Otherwise it may keep a plan from when a table
 * was small and read the whole table.
 */

/** Rows in one statement: an order may have ten thousand tickets. */
const AT_ONCE = 1_000;
/** Rows made in one turn of the event loop; requests of the same process wait for the turn. */
const A_TURN = 500;

/**
 * Applies the shop's events and orders to `tickets` (import.md §3). An order is stated whole: a ticket that its newest
 * state does not name is canceled, unless another order has named it since. Applying an event again changes nothing.
 */
export async function projectOrders(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const stated = events.filter(({ type }) => type === 'OrderStated');
  const settings = events.filter(({ type }) => type === 'EventStated');
  if (stated.length === 0 && settings.length === 0) return;
  await lockTallies(tx);
  const applied = await appliedOrders(tx, [...new Set(stated.map(({ stream }) => stream))]);
  const states = await takeStates(tx, stated, applied);
  const named = new Set(states.map(({ order }) => `${order.organizer}/${order.event}`));
  const schemes = await takeSchemes(tx, settings, named);
  if (states.length > 0) await takeOrders(tx, { states, applied, schemes });
  for (const event of schemes.changed) await rename(tx, event, schemes.of(event));
}

async function appliedOrders(tx: Tx, streams: readonly string[]): Promise<Map<string, AppliedOrder>> {
  if (streams.length === 0) return new Map();
  const { rows } = await tx.query<AppliedOrder>({
    name: 'tickets_orders',
    text: `select o.stream, o.revision, o.tickets
           from unnest($1::text[]) as q(stream)
           cross join lateral (select * from orders where stream = q.stream offset 0) o`,
    values: [streams],
  });
  return new Map(rows.map((row) => [row.stream, row]));
}

/** A ticket's stored row, the order that owns it now, and its new row; `row` undefined: the row stays as it is. */
type TicketChange = {
  readonly before: StoredTicket | undefined;
  owner: string;
  import: number;
  row: TicketRow | undefined;
};
type StoredTicket = Place & Pick<TicketRow, 'id' | 'order_stream' | 'order_import'>;

type Work = {
  readonly states: readonly WholeState[];
  readonly applied: ReadonlyMap<string, AppliedOrder>;
  readonly schemes: Schemes;
};

async function takeOrders(tx: Tx, { states, applied, schemes }: Work): Promise<void> {
  const named = states.flatMap(({ order }) => order.positions.map(({ id }) => id));
  const held = states.flatMap(({ stream }) => applied.get(stream)?.tickets ?? []);
  const changes = await readStoredTickets(tx, [...new Set([...named, ...held])]);
  const ending = await readRows(tx, endingIn(states, applied));
  const orders = new Map(applied);
  let made = 0;
  for (const { stream, revision, order } of states) {
    const scheme = schemes.of(`${order.organizer}/${order.event}`);
    const tickets: number[] = [];
    for (const row of rowsOf(order, scheme, stream)) {
      if (++made % A_TURN === 0) await nextTurn();
      const now = changes.get(row.id);
      // It belongs to the order that named it last.
      if (now && now.owner !== stream && now.import > order.import) continue;
      changes.set(row.id, { before: now?.before, owner: stream, import: order.import, row });
      tickets.push(row.id);
    }
    const names = new Set(tickets);
    for (const id of orders.get(stream)?.tickets ?? []) {
      const now = changes.get(id);
      if (names.has(id) || now?.owner !== stream) continue;
      now.row = endedRow(now.row ?? ending.get(id)!, order, scheme);
      tickets.push(id);
    }
    orders.set(stream, { stream, revision, tickets });
  }
  const changed = [...changes.values()].filter(
    (each): each is TicketChange & { row: TicketRow } => each.row !== undefined,
  );
  await writeRows(
    tx,
    changed.map(({ row }) => row),
  );
  await moveTallies(tx, changed);
  await writeOrders(
    tx,
    [...new Set(states.map(({ stream }) => stream))].map((stream) => orders.get(stream)!),
  );
}

async function readStoredTickets(tx: Tx, ids: readonly number[]): Promise<Map<number, TicketChange>> {
  const { rows } = await tx.query<StoredTicket>({
    name: 'tickets_before',
    text: `select t.id, t.event, t.date, t.item, t.variation, t.status, t.canceled, t.order_stream, t.order_import
           from unnest($1::integer[]) as q(id)
           cross join lateral (select * from tickets where id = q.id offset 0) t`,
    values: [ids],
  });
  return new Map(
    rows.map((row) => [row.id, { before: row, owner: row.order_stream, import: row.order_import, row: undefined }]),
  );
}

/** The tickets that an order had and that a later state of it does not name. */
function endingIn(states: readonly WholeState[], applied: ReadonlyMap<string, AppliedOrder>): number[] {
  return states.flatMap(({ stream, order }) => {
    const names = new Set(order.positions.map(({ id }) => id));
    return applied.get(stream)?.tickets.filter((id) => !names.has(id)) ?? [];
  });
}

async function readRows(tx: Tx, ids: readonly number[]): Promise<Map<number, TicketRow>> {
  if (ids.length === 0) return new Map();
  const { rows } = await tx.query<TicketRow>({
    name: 'tickets_ending',
    text: `select ${['id', ...COLUMNS].map((column) => `t.${column}`).join()}
           from unnest($1::integer[]) as q(id)
           cross join lateral (select * from tickets where id = q.id offset 0) t`,
    values: [ids],
  });
  return new Map(rows.map((row) => [row.id, row]));
}

async function writeRows(tx: Tx, rows: readonly TicketRow[]): Promise<void> {
  for (let from = 0; from < rows.length; from += AT_ONCE) {
    await tx.query({
      name: 'tickets_state',
      text: `insert into tickets (id, ${COLUMNS.join()})
             select id, ${COLUMNS.join()} from json_populate_recordset(null::tickets, $1)
             on conflict (id) do update
               set ${COLUMNS.map((column) => `${column} = excluded.${column}`).join()}, change = default`,
      values: [JSON.stringify(rows.slice(from, from + AT_ONCE))],
    });
  }
}

async function writeOrders(tx: Tx, orders: readonly AppliedOrder[]): Promise<void> {
  await tx.query({
    name: 'tickets_applied',
    text: `insert into orders (stream, revision, tickets)
           select stream, revision, tickets from json_populate_recordset(null::orders, $1)
           on conflict (stream) do update set revision = excluded.revision, tickets = excluded.tickets`,
    values: [JSON.stringify(orders)],
  });
}

async function moveTallies(tx: Tx, changed: readonly (TicketChange & { row: TicketRow })[]): Promise<void> {
  const rows = changed.map(({ row }) => row);
  const changeOf = new Map(changed.map((each) => [each.row.id, each]));
  const before = new Map(changed.flatMap(({ before: was }) => (was ? [[was.id, was]] : [])));
  await moveTicketTallies(tx, rows, before);
  const { rows: checkins } = await tx.query<{ list: number; ticket: number }>({
    name: 'tickets_checkins',
    // From the history, so that the table of check-ins needs no second index, which would cost every scan.
    text: `select list::integer as list, a.ticket
           from unnest($1::integer[]) as q(id)
           cross join lateral (select * from admissions where ticket = q.id offset 0) a
           cross join lateral json_object_keys(a.state -> 'checkins') as list
           where list::integer not in (select list from deleted_lists)`,
    values: [rows.map(({ id }) => id)],
  });
  const tallies = new Map<string, CheckinTally>();
  for (const { list, ticket } of checkins) {
    const { before: was, row } = changeOf.get(ticket)!;
    if (was) tallyCheckin(tallies, list, was, -1);
    tallyCheckin(tallies, list, row, 1);
  }
  const moved = movedOf(tallies);
  if (moved.length === 0) return;
  await tx.query({
    name: 'move_checkin_tallies',
    text: movedCheckinTallies('$1'),
    values: [JSON.stringify(moved)],
  });
  await dropEmptyCheckinTallies(tx, moved);
}
