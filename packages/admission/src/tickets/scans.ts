import { checkinListEvents, ticketEvents } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';
import { ticket as ticketDecider, type Admissions } from '@gatehouse/domain/ticket';
import { copyRows } from '@gatehouse/eventing/copy';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { fillStatement } from '@gatehouse/eventing/inline';
import { lockReadModel } from '@gatehouse/eventing/read-model-lock';
import { changesOf, rowOf, ticketsInline, type TicketChange } from './changes';
import { dropEmptyCheckinTallies } from './tallies';

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
  const { rows } = await tx.query<{ ticket: number; revision: number | null; state: Admissions | null }>({
    name: 'tickets_history',
    text: `select q.id as ticket, a.revision, a.state
           from unnest($1::integer[]) as q(id)
           -- 'offset 0': by the key, one by one. A plan of the days when this table was small would read all of it.
           left join lateral (select * from admissions where ticket = q.id offset 0) a on true`,
    values: [[...byTicket.keys()]],
  });
  const changes: TicketChange[] = [];
  /** Those of tickets that have no row yet. */
  const first: TicketChange[] = [];
  for (const row of rows) {
    const before = { state: row.state ?? ticketDecider.initial, revision: row.revision ?? 0 };
    let { state, revision } = before;
    for (const stored of byTicket.get(row.ticket)!) {
      if (stored.revision < revision) continue;
      const event = ticketEvents.read(stored);
      if (event) state = ticketDecider.evolve(state, event);
      revision = stored.revision + 1;
    }
    if (revision === before.revision) continue;
    (before.revision === 0 ? first : changes).push(...changesOf(row.ticket, before, { state, revision }));
  }
  if (first.length < MANY) changes.push(...first);
  else await writeFirst(tx, first);
  if (changes.length === 0) return;
  await tx.query(fillStatement(ticketsInline, changes.map(rowOf)));
  const takenBack = changes.flatMap(({ list, time }) => (list !== undefined && time === null ? [list] : []));
  await dropEmptyCheckinTallies(tx, takenBack);
}

/** Changes from which on COPY with its further statements costs PostgreSQL less than `fill_tickets`. */
const MANY = 100;

/** Writes the changes of tickets that have no history here yet: as `fill_tickets` does it, but by COPY, since there is no row to replace. */
async function writeFirst(tx: Tx, changes: readonly TicketChange[]): Promise<void> {
  await copyRows(tx, { name: 'admissions', columns: ['ticket', 'revision', 'state'] }, changes.filter(hasState));
  const { rows } = await tx.query<{ list: number }>('select list from deleted_lists');
  const deleted = new Set(rows.map(({ list }) => list));
  const entered = changes.filter(hasEntered).filter(({ list }) => !deleted.has(list));
  if (entered.length === 0) return;
  await copyRows(tx, { name: 'checkins', columns: ['list', 'ticket', 'time', 'auto', 'outside'] }, entered);
  await tx.query({
    name: 'tally_first_checkins',
    text: `insert into checkin_tallies as t (list, event, date, item, variation, status, canceled, checkins, outside)
           select e.list, k.event, k.date, k.item, k.variation, k.status, k.canceled, sum(e.entries), sum(e.exits)
           from unnest($1::integer[], $2::integer[], $3::integer[], $4::integer[]) as e(list, ticket, entries, exits)
           cross join lateral (select * from tickets where id = e.ticket offset 0) k
           group by e.list, k.event, k.date, k.item, k.variation, k.status, k.canceled
           on conflict (list, event, date, item, variation, status, canceled) do update
             set checkins = t.checkins + excluded.checkins, outside = t.outside + excluded.outside`,
    values: [
      entered.map(({ list }) => list),
      entered.map(({ ticket }) => ticket),
      entered.map(({ entries }) => entries),
      entered.map(({ exits }) => exits),
    ],
  });
}

type WithState = TicketChange & Required<Pick<TicketChange, 'revision' | 'state'>>;
const hasState = (change: TicketChange): change is WithState => change.state !== undefined;

type WithList = TicketChange & Required<Omit<TicketChange, 'revision' | 'state' | 'first'>>;
const hasEntered = (change: TicketChange): change is WithList => change.list !== undefined;
