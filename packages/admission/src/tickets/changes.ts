import type { InlineProjection } from '@gatehouse/eventing/inline';
import { isInsideOf, ticket as ticketDecider, type Admissions } from '@gatehouse/domain/ticket';
import type { Known } from '@gatehouse/eventing/streams';

/** The function that writes changes (sql/002-fill-tickets.sql). */
export const FILL = 'fill_tickets_1';

/** What the events of a ticket change in the read model, as objects of `FILL`. */
export type TicketChange = {
  readonly ticket: number;
  readonly revision?: number;
  readonly state?: Admissions;
  readonly list?: number;
  /** null: the check-in was taken back. */
  readonly time?: string | null;
  readonly auto?: boolean;
  readonly outside?: boolean;
  /** What is added to the numbers of the list's check-ins, and of those that have left since. */
  readonly checkins?: number;
  readonly exits?: number;
};

/** What follows from a ticket's events, given its state before and the state and number of events after them. */
export function changesOf(ticket: number, before: Admissions, { state, revision }: Known<Admissions>): TicketChange[] {
  const lists: Omit<TicketChange, 'ticket' | 'state' | 'revision'>[] = [];
  for (const key of Object.keys(state.checkins)) {
    const list = Number(key);
    const { datetime: time, auto } = state.checkins[list]!;
    const old = before.checkins[list];
    const outside = isOutside(state, list);
    const wasOutside = isOutside(before, list);
    if (old && old.datetime === time && old.auto === auto && wasOutside === outside) continue;
    lists.push({ list, time, auto, outside, checkins: old ? 0 : 1, exits: Number(outside) - Number(wasOutside) });
  }
  for (const key of Object.keys(before.checkins)) {
    const list = Number(key);
    if (list in state.checkins) continue;
    lists.push({ list, time: null, checkins: -1, exits: isOutside(before, list) ? -1 : 0 });
  }
  const [first, ...others] = lists;
  return [{ ticket, revision, state, ...first }, ...others.map((each) => ({ ticket, ...each }))];
}

/** Whether a ticket has entered by a list and left by it since. */
const isOutside = (state: Admissions, list: number): boolean => list in state.checkins && !isInsideOf(state, list);

/** How scans fill the read model in the transaction that appends them. */
export const ticketsInline: InlineProjection = {
  call: FILL,
  changesOf({ stream, expected, events, states }) {
    if (!stream.startsWith('ticket-')) {
      return events.some(({ type }) => type === 'CheckinListDeleted') ? undefined : [];
    }
    if (!states) return undefined;
    const before = expected === 0 ? ticketDecider.initial : (states.before as Admissions);
    const after = { state: states.after as Admissions, revision: expected + events.length };
    const changes = changesOf(Number(stream.slice('ticket-'.length)), before, after);
    // Counts of nothing have to be deleted then, which is rare.
    if (changes.some(({ time }) => time === null)) return undefined;
    return changes.map((change) => JSON.stringify(change));
  },
};
