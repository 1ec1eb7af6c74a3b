import { checkinListEvents, ticketEvents } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Admissions } from '@gatehouse/domain/ticket';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { nextInstant } from './clock';

/** A check-in of a ticket that was made here, or its exit. */
export type GateCheckin = {
  readonly id: number;
  readonly list: number;
  readonly type: 'entry' | 'exit';
  readonly datetime: string;
  readonly auto: boolean;
  /** pretix's `device_id` of the scanner; null when another client checked in. */
  readonly device: number | null;
};

/**
 * What the gates did with a ticket since the shop told of it. `undone`: by list, when check-ins were taken back last; those that
 * the shop knows from before that do not count any more. `time`: of the newest change.
 */
export type GateCheckins = {
  readonly rows: readonly GateCheckin[];
  readonly undone: Readonly<Record<string, string>>;
  /** By question, as the decision about an entry knows them. */
  readonly answers: Admissions['answers'];
  readonly time: string;
};

/** Applies scans and their answers, check-ins taken back and deleted lists to `orders`. Check-ins that the shop told of are in its orders already. */
export async function projectHistory(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const byTicket = new Map<number, Envelope[]>();
  const deleted: number[] = [];
  for (const stored of events) {
    if (stored.type === 'CheckinListDeleted') deleted.push(checkinListEvents.read(stored)!.data.id);
    if (!CHANGES.has(stored.type)) continue;
    const id = Number(stored.stream.slice('ticket-'.length));
    byTicket.set(id, [...(byTicket.get(id) ?? []), stored]);
  }
  if (deleted.length > 0) {
    await tx.query('insert into gone_lists select unnest($1::integer[]) on conflict do nothing', [deleted]);
  }
  if (byTicket.size === 0) return;
  const now = await nextInstant(tx);
  const { rows } = await tx.query<{ ticket: number; revision: number | null; state: GateCheckins | null }>({
    name: 'orders_history',
    // 'offset 0': by the key, one by one, whatever PostgreSQL knows of the table.
    text: `select q.id as ticket, g.revision, g.state from unnest($1::integer[]) as q(id)
           left join lateral (select * from gate_checkins where ticket = q.id offset 0) g on true`,
    values: [[...byTicket.keys()]],
  });
  const changed = rows.flatMap((row) => {
    const fresh = byTicket.get(row.ticket)!.filter(({ revision }) => revision > (row.revision ?? -1));
    if (fresh.length === 0) return [];
    const state = fresh.reduce(evolve, row.state ?? NOTHING);
    return [{ ticket: row.ticket, revision: fresh.at(-1)!.revision, state }];
  });
  if (changed.length === 0) return;
  await tx.query({
    name: 'orders_checkins',
    text: `insert into gate_checkins (ticket, revision, state)
           select * from json_to_recordset($1) as c(ticket integer, revision integer, state json)
           on conflict (ticket) do update set revision = excluded.revision, state = excluded.state`,
    values: [JSON.stringify(changed)],
  });
  await tx.query({
    name: 'orders_touched',
    text: `update shown_orders s set modified = $2::timestamptz
           from (select distinct t.stream from unnest($1::integer[]) as q(id)
                 cross join lateral (select stream from ticket_orders where ticket = q.id offset 0) t) o
           where s.stream = o.stream`,
    values: [changed.map(({ ticket }) => ticket), now],
  });
}

/** The events that change what the gates did with a ticket. */
const CHANGES = new Set(['PositionRedeemed', 'PositionExited', 'AnswersGiven', 'RedemptionUndone']);

const NOTHING: GateCheckins = { rows: [], undone: {}, answers: {}, time: '' };

function evolve(state: GateCheckins, stored: Envelope): GateCheckins {
  const event = ticketEvents.read(stored);
  const { time } = stored;
  // A forced repeat is no check-in of its own (contract §2.5, row 9).
  if ((event?.type === 'PositionRedeemed' && event.data.first) || event?.type === 'PositionExited') {
    const { list, datetime, auto } = event.data;
    const type = event.type === 'PositionExited' ? 'exit' : 'entry';
    const row: GateCheckin = { id: idOf(stored.id), list, type, datetime, auto, device: deviceOf(stored.actor) };
    return { ...state, rows: [row, ...state.rows], time };
  }
  if (event?.type === 'RedemptionUndone') {
    const { list, scan } = event.data;
    if (scan) {
      // The newest of them comes first.
      const gone = state.rows.findIndex((row) => row.list === list && isOf(row, scan));
      return { ...state, rows: state.rows.filter((_, i) => i !== gone), time };
    }
    return {
      ...state,
      rows: state.rows.filter((row) => row.list !== list),
      undone: { ...state.undone, [list]: time },
      time,
    };
  }
  if (event?.type === 'AnswersGiven') {
    const given = event.data.answers.map(({ question, answer, options }) => [question, { answer, options }] as const);
    return { ...state, answers: { ...state.answers, ...Object.fromEntries(given) }, time };
  }
  return state;
}

const isOf = (row: GateCheckin, scan: { readonly kind: string; readonly datetime: string }): boolean =>
  row.type === scan.kind && row.datetime === scan.datetime;

/** An id for a check-in that is no other's, and that a client's 64-bit and JavaScript's integers hold: of an event's UUID. */
const idOf = (uuid: string): number => Number.parseInt(uuid.replaceAll('-', '').slice(-13), 16);

function deviceOf(actor: string): number | null {
  const [kind, id] = actor.split(':');
  return kind === 'device' ? Number(id) : null;
}
