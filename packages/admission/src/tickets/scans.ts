import { checkinListEvents, ticketEvents } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Instant } from '@gatehouse/domain/instant';
import { isInsideOf, ticket as ticketDecider, type Admissions } from '@gatehouse/domain/ticket';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { lockReadModel } from '@gatehouse/eventing/read-model-lock';
import {
  dropEmptyCheckinTallies,
  movedCheckinTallies,
  movedOf,
  tallyCheckin,
  type CheckinTally,
  type Place,
} from './tallies';

/** Applies scans, imported check-ins and deleted lists to `tickets`. */
export async function projectHistory(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const byTicket = new Map<number, Envelope[]>();
  const deletedLists: number[] = [];
  for (const stored of events) {
    const deleted = stored.type === 'CheckinListDeleted' ? checkinListEvents.read(stored) : undefined;
    if (deleted) deletedLists.push(deleted.data.id);
    if (!stored.stream.startsWith('ticket-')) continue;
    const id = Number(stored.stream.slice('ticket-'.length));
    const mine = byTicket.get(id);
    if (mine) mine.push(stored);
    else byTicket.set(id, [stored]);
  }
  if (byTicket.size === 0 && deletedLists.length === 0) return;
  await lockReadModel(tx, 'tickets');
  if (deletedLists.length > 0) await clearLists(tx, deletedLists);
  await projectScans(tx, byTicket);
}

/**
 * A deleted list removes its check-ins (contract §12, row 7); its id is never reused. It is recorded as deleted, because a
 * concurrent scan may still come after it.
 */
async function clearLists(tx: Tx, lists: readonly number[]): Promise<void> {
  await tx.query('insert into deleted_lists select unnest($1::integer[]) on conflict do nothing', [lists]);
  await tx.query('delete from checkins where list = any($1::integer[])', [lists]);
  await tx.query('delete from checkin_tallies where list = any($1::integer[])', [lists]);
}

async function projectScans(tx: Tx, byTicket: ReadonlyMap<number, readonly Envelope[]>): Promise<void> {
  if (byTicket.size === 0) return;
  const { rows } = await tx.query<
    {
      ticket: number;
      revision: number | null;
      state: Admissions | null;
      known: boolean;
      deleted: number[] | null;
    } & Place
  >({
    name: 'tickets_history',
    text: `select q.id as ticket, a.revision, a.state, t.id is not null as known,
                  t.event, t.date, t.item, t.variation, t.status, t.canceled,
                  (select array_agg(list) from deleted_lists) as deleted
           from unnest($1::integer[]) as q(id)
           -- 'offset 0': by the key, one by one. A plan of the days when these tables were small would read all of them.
           left join lateral (select * from admissions where ticket = q.id offset 0) a on true
           left join lateral (select * from tickets where id = q.id offset 0) t on true`,
    values: [[...byTicket.keys()]],
  });
  const written: { ticket: number; revision: number; state: Admissions }[] = [];
  const entered: { list: number; ticket: number; time: Instant; auto: boolean; outside: boolean }[] = [];
  const takenBack: { list: number; ticket: number }[] = [];
  const tallies = new Map<string, CheckinTally>();
  for (const row of rows) {
    const before = row.state ?? ticketDecider.initial;
    let after = before;
    let revision = row.revision ?? 0;
    for (const stored of byTicket.get(row.ticket)!) {
      if (stored.revision < revision) continue;
      const event = ticketEvents.read(stored);
      if (event) after = ticketDecider.evolve(after, event);
      revision = stored.revision + 1;
    }
    if (revision === (row.revision ?? 0)) continue;
    written.push({ ticket: row.ticket, revision, state: after });
    for (const [key, { datetime: time, auto }] of Object.entries(after.checkins)) {
      const list = Number(key);
      const old = before.checkins[list];
      const outside = isOutside(after, list);
      const wasOutside = isOutside(before, list);
      if (old && old.datetime === time && old.auto === auto && wasOutside === outside) continue;
      if (row.deleted?.includes(list)) continue;
      entered.push({ list, ticket: row.ticket, time, auto, outside });
      const change = { by: old ? 0 : 1, outside: Number(outside) - Number(wasOutside) };
      if (row.known) tallyCheckin(tallies, list, row, change);
    }
    for (const key of Object.keys(before.checkins)) {
      const list = Number(key);
      if (list in after.checkins || row.deleted?.includes(list)) continue;
      takenBack.push({ list, ticket: row.ticket });
      if (row.known) tallyCheckin(tallies, list, row, { by: -1, outside: isOutside(before, list) ? -1 : 0 });
    }
  }
  if (written.length === 0) return;
  const moved = movedOf(tallies);
  await tx.query({
    name: 'tickets_admissions',
    text: `with entered as (
             insert into checkins (list, ticket, time, auto, outside)
             select * from json_to_recordset($2)
               as e(list integer, ticket integer, time timestamptz, auto boolean, outside boolean)
             on conflict (list, ticket) do update
               set time = excluded.time, auto = excluded.auto, outside = excluded.outside
           ),
           tallied as (${movedCheckinTallies('$3')})
           insert into admissions (ticket, revision, state)
           select * from json_to_recordset($1) as w(ticket integer, revision integer, state json)
           on conflict (ticket) do update set revision = excluded.revision, state = excluded.state`,
    values: [JSON.stringify(written), JSON.stringify(entered), JSON.stringify(moved)],
  });
  if (takenBack.length > 0) {
    await tx.query(
      `delete from checkins c using unnest($1::integer[], $2::integer[]) as gone(list, ticket)
       where c.list = gone.list and c.ticket = gone.ticket`,
      [takenBack.map((each) => each.list), takenBack.map((each) => each.ticket)],
    );
    await dropEmptyCheckinTallies(tx, moved);
  }
}

/** Whether a ticket has entered by a list and left by it since. */
const isOutside = (state: Admissions, list: number): boolean => list in state.checkins && !isInsideOf(state, list);
