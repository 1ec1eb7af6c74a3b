import { ticket as ticketDecider, type CheckIn } from '@gatehouse/domain/ticket';
import type { ContextStore, Position } from '@gatehouse/eventing/event-store';
import { replay } from '@gatehouse/eventing/projection';
import { ticketEvents, type TicketEvent } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';

/** By list and ticket: whether the ticket has entered by that list. Contains only tickets with new events. */
export type Entries = ReadonlyMap<number, ReadonlyMap<number, boolean>>;

/**
 * Replays admission's history from a position to its head and passes on, batch by batch, the tickets that have entered
 * since or lost their check-in. Returns the position reached. An event may be passed on again when `from` is before it.
 */
export async function replayEntries(
  store: ContextStore,
  from: Position,
  apply: (entries: Entries) => void,
): Promise<Position> {
  const until = await store.head();
  return replay({ ...store, topic: 'admission' }, { from, until }, (events) => {
    apply(entriesIn(events));
    return Promise.resolve();
  });
}

function entriesIn(events: readonly Envelope[]): Entries {
  const byList = new Map<number, Map<number, boolean>>();
  for (const stored of events) {
    if (!stored.stream.startsWith('ticket-')) continue;
    const event = ticketEvents.read(stored);
    const entered = event && enteredAfter(event);
    if (entered === undefined) continue;
    const { list, position } = event!.data;
    const entries = byList.get(list) ?? new Map<number, boolean>();
    byList.set(list, entries.set(position, entered));
  }
  return byList;
}

const ENTERED: CheckIn = { datetime: '1970-01-01T00:00:00.000000Z', auto: false, nonces: [] };

/**
 * Whether a ticket has entered by the event's list after the event; undefined when that depends on earlier events. Uses the
 * ticket's own decider, with and without an earlier check-in, so that new kinds of events need no change here.
 */
export function enteredAfter(event: TicketEvent): boolean | undefined {
  const { list } = event.data;
  const { initial, evolve } = ticketDecider;
  const before = list in evolve({ ...initial, checkins: { [list]: ENTERED } }, event).checkins;
  const without = list in evolve(initial, event).checkins;
  return before === without ? before : undefined;
}
