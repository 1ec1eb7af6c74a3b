import type { Change, Filling } from '@gatehouse/eventing/inline';
import { isInsideOf, ticket as ticketDecider, type Admissions } from '@gatehouse/domain/ticket';
import type { Known } from '@gatehouse/eventing/streams';

/** What the events of a ticket change in the read model. */
export type TicketChange = {
  readonly ticket: number;
  readonly revision?: number;
  readonly state?: Admissions;
  /** Whether the ticket has no row of its history yet. */
  readonly first?: boolean;
  readonly list?: number;
  /** null: the check-in was taken back. */
  readonly time?: string | null;
  readonly auto?: boolean;
  readonly outside?: boolean;
  /** What is added to the numbers of the list's check-ins, and of those that have left since. 1: the check-in is new. */
  readonly entries?: number;
  readonly exits?: number;
};

/** What follows from a ticket's events, given state and number of events before and after them. */
export function changesOf(
  ticket: number,
  { state: before, revision: from }: Known<Admissions>,
  { state, revision }: Known<Admissions>,
): TicketChange[] {
  const lists: Omit<TicketChange, 'ticket' | 'state' | 'revision' | 'first'>[] = [];
  for (const key of Object.keys(state.checkins)) {
    const list = Number(key);
    const { datetime: time, auto } = state.checkins[list]!;
    const old = before.checkins[list];
    const outside = isOutside(state, list);
    const wasOutside = isOutside(before, list);
    if (old && old.datetime === time && old.auto === auto && wasOutside === outside) continue;
    lists.push({ list, time, auto, outside, entries: old ? 0 : 1, exits: Number(outside) - Number(wasOutside) });
  }
  for (const key of Object.keys(before.checkins)) {
    const list = Number(key);
    if (list in state.checkins) continue;
    lists.push({ list, time: null, entries: -1, exits: isOutside(before, list) ? -1 : 0 });
  }
  const [first, ...others] = lists;
  return [{ ticket, revision, state, first: from === 0, ...first }, ...others.map((each) => ({ ticket, ...each }))];
}

/** Whether a ticket has entered by a list and left by it since. */
const isOutside = (state: Admissions, list: number): boolean => list in state.checkins && !isInsideOf(state, list);

/** A change as a row of `ticketsInline.columns`. */
export const rowOf = (change: TicketChange): Change => [
  ...[change.ticket, change.revision ?? null, change.state ? JSON.stringify(change.state) : null, change.first ?? null],
  ...[change.list ?? null, change.time ?? null, change.auto ?? null, change.outside ?? null],
  ...[change.entries ?? null, change.exits ?? null],
];

/** How scans fill the read model in the transaction that appends them (sql/004-fill-columns.sql). */
export const ticketsInline: Filling = {
  call: 'fill_tickets_2',
  columns: [
    ...(['integer', 'integer', 'json', 'boolean'] as const),
    ...(['integer', 'timestamptz', 'boolean', 'boolean'] as const),
    ...(['integer', 'integer'] as const),
  ],
  changesOf({ stream, expected, events, states }) {
    if (!stream.startsWith('ticket-')) {
      return events.some(({ type }) => type === 'CheckinListDeleted') ? undefined : [];
    }
    if (!states) return undefined;
    const before = {
      state: expected === 0 ? ticketDecider.initial : (states.before as Admissions),
      revision: expected,
    };
    const after = { state: states.after as Admissions, revision: expected + events.length };
    const changes = changesOf(Number(stream.slice('ticket-'.length)), before, after);
    // Counts of nothing have to be deleted then, which is rare.
    if (changes.some(({ time }) => time === null)) return undefined;
    return changes.map(rowOf);
  },
};
