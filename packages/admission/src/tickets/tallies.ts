import type { Tx } from '@gatehouse/eventing/event-bus';

/** The properties by which tickets are counted. */
export type Place = { event: string; date: number; item: number; variation: number; status: string; canceled: boolean };

/** The changes of the numbers of a list's check-ins with the same properties: of all, and of those that have left since. */
export type CheckinTally = Place & { list: number; by: number; outside: number };

/** Adds the changes of a ticket's check-in to those of its counts. */
export function tallyCheckin(
  tallies: Map<string, CheckinTally>,
  list: number,
  place: Place,
  { by, outside }: { readonly by: number; readonly outside: number },
): void {
  const { event, date, item, variation, status, canceled } = place;
  const key = `${list} ${event} ${date} ${item} ${variation} ${status} ${canceled}`;
  const tally = tallies.get(key);
  if (tally) {
    tally.by += by;
    tally.outside += outside;
  } else tallies.set(key, { list, event, date, item, variation, status, canceled, by, outside });
}

/** Applies changes to the numbers of check-ins. */
export async function moveCheckinTallies(tx: Tx, tallies: ReadonlyMap<string, CheckinTally>): Promise<void> {
  const moved = [...tallies.values()].filter((tally) => tally.by !== 0 || tally.outside !== 0);
  if (moved.length === 0) return;
  await tx.query({
    name: 'move_checkin_tallies',
    text: `insert into checkin_tallies as t (list, event, date, item, variation, status, canceled, checkins, outside)
           select * from json_to_recordset($1) as moved(
             list integer, event text, date integer, item integer, variation integer, status text, canceled boolean, "by" integer,
             outside integer
           )
           on conflict (list, event, date, item, variation, status, canceled) do update
             set checkins = t.checkins + excluded.checkins, outside = t.outside + excluded.outside`,
    values: [JSON.stringify(moved)],
  });
  await dropEmptyCheckinTallies(
    tx,
    moved.filter(({ by }) => by < 0).map(({ list }) => list),
  );
}

/** Deletes tallies of 0 of some lists: a replay that reads history in another order would not have created them. */
export async function dropEmptyCheckinTallies(tx: Tx, lists: readonly number[]): Promise<void> {
  if (lists.length === 0) return;
  await tx.query({
    name: 'drop_checkin_tallies',
    text: 'delete from checkin_tallies where list = any($1::integer[]) and checkins = 0',
    values: [lists],
  });
}

/** A change of the number of tickets with the same properties. */
type TicketTally = Place & { by: number };

/** How the numbers of tickets change when these rows replace those before. */
export function movedBetween(
  before: ReadonlyMap<number, Place>,
  rows: readonly (Place & { readonly id: number })[],
): Iterable<TicketTally> {
  const tallies = new Map<string, TicketTally>();
  const tally = ({ event, date, item, variation, status, canceled }: Place, by: number) => {
    const key = `${event} ${date} ${item} ${variation} ${status} ${canceled}`;
    const known = tallies.get(key);
    if (known) known.by += by;
    else tallies.set(key, { event, date, item, variation, status, canceled, by });
  };
  for (const row of rows) {
    const was = before.get(row.id);
    if (was) tally(was, -1);
    tally(row, 1);
  }
  return tallies.values();
}

/** Applies changes to the numbers of tickets; canceled ones are not counted. */
export async function moveTicketTallies(tx: Tx, tallies: Iterable<TicketTally>): Promise<void> {
  const moved = [...tallies].filter(({ by, canceled }) => by !== 0 && !canceled);
  if (moved.length === 0) return;
  await tx.query({
    name: 'move_ticket_tallies',
    text: `insert into ticket_tallies as t (event, date, item, variation, status, tickets)
           select * from unnest($1::text[], $2::integer[], $3::integer[], $4::integer[], $5::text[], $6::integer[])
           on conflict (event, date, item, variation, status) do update set tickets = t.tickets + excluded.tickets`,
    values: [
      moved.map((each) => each.event),
      moved.map((each) => each.date),
      moved.map((each) => each.item),
      moved.map((each) => each.variation),
      moved.map((each) => each.status),
      moved.map((each) => each.by),
    ],
  });
  const less = moved.filter(({ by }) => by < 0);
  if (less.length === 0) return;
  await tx.query({
    name: 'drop_ticket_tallies',
    text: `delete from ticket_tallies t
           using json_to_recordset($1) as moved(event text, date integer, item integer, variation integer, status text)
           where (t.event, t.date, t.item, t.variation, t.status)
                 = (moved.event, moved.date, moved.item, moved.variation, moved.status)
             and t.tickets = 0`,
    values: [JSON.stringify(less)],
  });
}
