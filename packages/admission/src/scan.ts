import { ticketEvents, ticketStream, type PositionRedeemed, type TicketEvent } from '@gatehouse/events/admission';
import { redeem, undo, type ListFacts, type Redeemed, type Scan, type TicketFacts } from '@gatehouse/domain/redeem';
import { ticket as ticketDecider, type Admissions } from '@gatehouse/domain/ticket';
import type { EventStore } from '@gatehouse/eventing/event-store';
import { streams, type Streams } from '@gatehouse/eventing/streams';
import { metrics } from '@opentelemetry/api';
import type { Ticket } from './tickets/lookup';
import type { RefusalLog } from './refusals';

/** Who scans, and the request that carries the scan. */
export type Scanner = {
  readonly actor: string;
  readonly trace: string | null;
  /** UUID of a request that may come again (contract §1.10). */
  readonly request?: string;
};

/** What became of a scan. */
export type Scanned = {
  readonly result: Redeemed;
  /** The ticket's history before this scan: what the reply shows (contract §6.3). */
  readonly before: Admissions;
};

/** Decides on scans and records them. Rejects as `Streams.transact` does. */
export type Gate = {
  /** Decides on one scan of a known ticket, records the decision and returns it. All scanner APIs share it (design §1.5). */
  admit(ticket: Ticket, at: { list: ListFacts; scan: Scan }, by: Scanner): Promise<Scanned>;
  /** Records a scan of a secret that no ticket has; the secret itself is not recorded. */
  unknown(at: { list: ListFacts; scan: Attempt }, by: Scanner): Promise<void>;
  /** Takes a check-in back; false when there is none. */
  undo(
    ticket: Pick<Ticket, 'id' | 'item' | 'variation' | 'date'>,
    at: { list: ListFacts; reason: string },
    by: Scanner,
  ): Promise<boolean>;
};

/** What is recorded of a scan whatever its result. */
type Attempt = Pick<Scan, 'datetime' | 'force' | 'nonce' | 'app'>;

/** The deciders of tickets over admission's store. */
export const ticketStreams = (store: EventStore): Streams<Admissions, TicketEvent> =>
  streams(store, ticketDecider, { catalog: ticketEvents, remember: 5_000 });

/** The gate over the deciders of tickets; refusals go to a log of their own. */
export function gate(tickets: Streams<Admissions, TicketEvent>, refusals: RefusalLog): Gate {
  const count = scanCounter();
  return {
    async admit(ticket, { list, scan }, by) {
      const stream = ticketStream(ticket.id);
      const recalled = by.request === undefined ? undefined : await tickets.recallStates(stream, by.request);
      if (recalled) {
        // It was counted when it came first, and is answered as then, whatever has happened since.
        const { state } = recalled.before;
        return { result: { outcome: 'ok', first: !state.checkins[list.id] }, before: state };
      }
      const decide = redeem(list, factsOf(ticket), scan);
      let before = ticket.history.state;
      /** A forced repeat that changes nothing, and whether it is only counted because there were many of its kind. */
      let repeat: PositionRedeemed['data'] | undefined;
      let isCounted: boolean | undefined;
      const { result } = await tickets.transact(
        stream,
        (history) => {
          before = history;
          const decision = decide(history);
          repeat = forcedRepeatIn(decision.events);
          // A request that may come again must find its own event, or it would be decided anew. Asked once, however often the
          // race for the stream is lost.
          if (repeat && !by.request) isCounted ??= !refusals.isToBeRecorded(repeat, by);
          return repeat && isCounted ? { ...decision, events: [] } : decision;
        },
        {
          actor: by.actor,
          trace: by.trace,
          known: ticket.history,
          ...(by.request ? { request: by.request } : {}),
        },
      );
      if (repeat && isCounted) refusals.count(repeat, by);
      if (result.outcome === 'ok') {
        count(list, 'ok');
      } else {
        const reason = result.outcome === 'incomplete' ? 'incomplete' : result.reason;
        await refusals.record(
          {
            ...aboutOf(ticket, list),
            reason,
            ...attemptOf(scan),
          },
          by,
        );
        count(list, reason);
      }
      return { result, before };
    },

    async unknown({ list, scan }, by) {
      await refusals.record(
        {
          organizer: list.organizer,
          event: list.event,
          list: list.id,
          position: null,
          item: null,
          variation: null,
          date: list.subevent,
          reason: 'unknown_ticket',
          ...attemptOf(scan),
        },
        by,
      );
      count(list, 'unknown_ticket');
    },

    async undo(ticket, { list, reason }, by) {
      const { result } = await tickets.transact(ticketStream(ticket.id), undo(aboutOf(ticket, list), reason), by);
      return result.undone;
    },
  };
}

/** The event of a scan that was let in although its ticket has entered: it changes no state, and no reply shows it (contract §2.5). */
function forcedRepeatIn(events: readonly TicketEvent[]): PositionRedeemed['data'] | undefined {
  const [event] = events;
  return events.length === 1 && event?.type === 'PositionRedeemed' && !event.data.first ? event.data : undefined;
}

/** Keeps the counts and reports them when the metrics are read: a counter of OpenTelemetry's would hash its labels for every scan. */
function scanCounter(): (list: ListFacts, result: string) => void {
  // A list's id is its own among all organizers; the event is for people.
  const lists = new Map<number, Map<string, { readonly event: string; count: number }>>();
  const scans = metrics.getMeter('gatehouse').createObservableCounter('gatehouse.scans', {
    description: 'Scans by list and by what became of them: ok, or the reason of the refusal',
  });
  scans.addCallback((observer) => {
    for (const [list, results] of lists) {
      for (const [result, { event, count }] of results) observer.observe(count, { event, list, result });
    }
  });
  return ({ event, id }, result) => {
    let results = lists.get(id);
    if (!results) lists.set(id, (results = new Map()));
    const counted = results.get(result);
    if (counted) counted.count++;
    else results.set(result, { event, count: 1 });
  };
}

/** What an event says of a ticket and the list where it was scanned. */
const aboutOf = (ticket: Pick<Ticket, 'id' | 'item' | 'variation' | 'date'>, list: ListFacts) => ({
  organizer: list.organizer,
  event: list.event,
  list: list.id,
  position: ticket.id,
  item: ticket.item,
  variation: ticket.variation,
  date: ticket.date,
});

/** What a refusal says of the attempt. */
const attemptOf = ({ force, datetime, nonce, app }: Attempt) => ({
  forced: force,
  datetime,
  nonce_present: nonce !== null,
  ...(app === undefined ? {} : { app }),
});

const factsOf = (ticket: Ticket): TicketFacts => ({
  position: ticket.id,
  item: ticket.item,
  variation: ticket.variation,
  date: ticket.date,
  status: ticket.status,
  canceled: false,
  answered: new Set(ticket.facts.answers.map((answer) => answer.question)),
});
