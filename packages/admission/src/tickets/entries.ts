import { ticket as ticketDecider, type CheckIn } from '@gatehouse/domain/ticket';
import type { ContextStore, Position } from '@gatehouse/eventing/event-store';
import { replay } from '@gatehouse/eventing/projection';
import { ticketEvents, type TicketEvent } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';

/** By list and ticket: whether the ticket has entered by that list. Tickets that nothing has happened to are not named. */
export type Entries = ReadonlyMap<number, ReadonlyMap<number, boolean>>;

/**
 * Replays admission's history from a position to its head and passes on, batch by batch, which tickets have entered since or have
 * lost their check-in. Returns the position that it came to. An event may be passed on again when `from` is behind it.
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
 * Whether a ticket has entered by the event's list after the event; undefined where that depends on what was before. The ticket's
 * own decider is asked, with and without an earlier check-in, so that new kinds of events need no change here.
 */
export function enteredAfter(event: TicketEvent): boolean | undefined {
  const { list } = event.data;
  const { initial, evolve } = ticketDecider;
  const before = list in evolve({ ...initial, checkins: { [list]: ENTERED } }, event).checkins;
  const without = list in evolve(initial, event).checkins;
  return before === without ? before : undefined;
}
