import type { Envelope } from '@gatehouse/events/envelope';
import { copyRows } from '@gatehouse/eventing/copy';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { lockReadModel } from '@gatehouse/eventing/read-model-lock';
import { appliedOrders, takeStates } from '@gatehouse/shop/orders/states';
import { takeOrders, type ChangedTicket, type TicketTable } from '@gatehouse/shop/orders/tickets';
import { COLUMNS, endedRow, rowsOf, type TicketRow } from './row';
import { rename, takeSchemes, type Schemes } from './schemes';
import {
  movedBetween,
  moveCheckinTallies,
  moveTicketTallies,
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

/**
 * Applies the shop's events and orders to `tickets` (import.md §3). An order is stated whole: a ticket that its newest
 * state does not name is canceled, unless another order has named it since. Applying an event again changes nothing.
 */
export async function projectOrders(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const stated = events.filter(({ type }) => type === 'OrderStated');
  const settings = events.filter(({ type }) => type === 'EventStated');
  if (stated.length === 0 && settings.length === 0) return;
  await lockFacts(tx);
  await lockReadModel(tx, 'tickets');
  const applied = await appliedOrders(tx, [...new Set(stated.map(({ stream }) => stream))]);
  const states = await takeStates(tx, stated, applied);
  const named = new Set(states.map(({ order }) => `${order.organizer}/${order.event}`));
  const schemes = await takeSchemes(tx, settings, named);
  await takeOrders(tx, { states, applied }, tickets(tx, schemes));
  for (const event of schemes.changed) await rename(tx, event, schemes.of(event));
}

/**
 * Lets one transaction at a time write the facts of tickets, in the order of their commits: else a reader of newer changes
 * only would miss some (`change` of the table). To be taken before the lock of the counts.
 */
export const lockFacts = (tx: Tx) => lockReadModel(tx, 'ticket-facts');

type StoredTicket = Place & Pick<TicketRow, 'id' | 'order_stream' | 'order_import'>;

/** A ticket as it was and as it is now, by what it is counted by. */
type Changed = ChangedTicket<Place, Place & { readonly id: number }>;

function tickets(tx: Tx, schemes: Schemes): TicketTable<StoredTicket, TicketRow> {
  const schemeOf = ({ organizer, event }: { organizer: string; event: string }) => schemes.of(`${organizer}/${event}`);
  return {
    read: (ids) => readPlaces(tx, ids),
    readRows: (ids) => readRows(tx, ids),
    rowsOf: (order, stream) => rowsOf(order, schemeOf(order), stream),
    endedRow: (row, order) => endedRow(row, order, schemeOf(order)),
    async write(changed) {
      const rows = changed.map(({ row }) => row);
      const first = changed.filter(({ before: was }) => !was);
      await copyRows(
        tx,
        TICKETS,
        first.map(({ row }) => row),
      );
      const known = changed.flatMap(({ before: was, row }) => (was ? [row] : []));
      if (known.length > 0) await writeRows(tx, known);
      const before = changed.flatMap(({ before: was }) => (was ? [[was.id, was] as const] : []));
      await moveTicketTallies(tx, movedBetween(new Map(before), rows));
      await moveCheckins(tx, changed);
    },
  };
}

async function readPlaces(tx: Tx, ids: readonly number[]): Promise<readonly StoredTicket[]> {
  const { rows } = await tx.query<StoredTicket>({
    name: 'tickets_before',
    text: `select t.id, t.event, t.date, t.item, t.variation, t.status, t.canceled, t.order_stream, t.order_import
           from unnest($1::integer[]) as q(id)
           cross join lateral (select * from tickets where id = q.id offset 0) t`,
    values: [ids],
  });
  return rows;
}

async function readRows(tx: Tx, ids: readonly number[]): Promise<readonly TicketRow[]> {
  const { rows } = await tx.query<TicketRow>({
    name: 'tickets_ending',
    text: `select ${['id', ...COLUMNS].map((column) => `t.${column}`).join()}
           from unnest($1::integer[]) as q(id)
           cross join lateral (select * from tickets where id = q.id offset 0) t`,
    values: [ids],
  });
  return rows;
}

const TICKETS = { name: 'tickets', columns: ['id', ...COLUMNS] } as const;

/** Replaces rows. Those of new tickets are copied, which costs PostgreSQL a fourth of this. */
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

/**
 * From the history (`a` is a row of `admissions`, `list` a key of its check-ins), so that the table of check-ins needs no second
 * index, which would cost every scan. Step by step, since PostgreSQL counts a negative index in a path (#>>) from the end of the
 * first array at that depth, whichever that is.
 */
const OUTSIDE = `coalesce(a.state -> 'passages' -> list -> 'times' -> -1 ->> 'kind' = 'exit', false)`;
const COUNTED = 'list::integer not in (select list from deleted_lists)';

/** Counts the check-ins of new tickets whose ids follow each other without a gap. */
export async function countCheckins(
  tx: Tx,
  place: Place,
  { first, amount }: { readonly first: number; readonly amount: number },
): Promise<void> {
  const { rows } = await tx.query<{ list: number; by: number; outside: number }>({
    name: 'tickets_new_checkins',
    text: `select list::integer as list, count(*)::integer as "by", (count(*) filter (where ${OUTSIDE}))::integer as outside
           from (select * from admissions where ticket >= $1 and ticket < $1 + $2::integer offset 0) a
           cross join lateral json_object_keys(a.state -> 'checkins') as list
           where ${COUNTED} group by 1`,
    values: [first, amount],
  });
  const tallies = new Map<string, CheckinTally>();
  for (const { list, by, outside } of rows) tallyCheckin(tallies, list, place, { by, outside });
  await moveCheckinTallies(tx, tallies);
}

/** Moves the check-ins of changed tickets to where they are counted now. */
async function moveCheckins(tx: Tx, changed: readonly Changed[]): Promise<void> {
  const changeOf = new Map(changed.map((each) => [each.row.id, each]));
  const { rows: checkins } = await tx.query<{ list: number; ticket: number; outside: boolean }>({
    name: 'tickets_checkins',
    text: `select list::integer as list, a.ticket, ${OUTSIDE} as outside
           from unnest($1::integer[]) as q(id)
           cross join lateral (select * from admissions where ticket = q.id offset 0) a
           cross join lateral json_object_keys(a.state -> 'checkins') as list
           where ${COUNTED}`,
    values: [[...changeOf.keys()]],
  });
  const tallies = new Map<string, CheckinTally>();
  for (const { list, ticket, outside } of checkins) {
    const { before: was, row } = changeOf.get(ticket)!;
    if (was) tallyCheckin(tallies, list, was, { by: -1, outside: outside ? -1 : 0 });
    tallyCheckin(tallies, list, row, { by: 1, outside: outside ? 1 : 0 });
  }
  await moveCheckinTallies(tx, tallies);
}
