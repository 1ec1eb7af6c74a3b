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
  /** UUID of a request with an idempotency key, which may be repeated (contract §1.10). */
  readonly request?: string;
  /** UUID of a scan that a scanner uploads from its queue, again and again until it likes the reply: a refusal is recorded once. */
  readonly upload?: string;
};

/** The result of a scan. */
export type Scanned = {
  readonly result: Redeemed;
  /** The ticket's history before this scan: what the reply shows (contract §6.3). */
  readonly before: Admissions;
};

/** Decides on scans and records them. Rejects as `Streams.transact` does. */
export type Gate = {
  /** Decides one scan of an existing ticket, records the decision and returns it. All scanner APIs use it (design §1.5). */
  admit(ticket: Ticket, at: { list: ListFacts; scan: Scan }, by: Scanner): Promise<Scanned>;
  /** Records a scan of a secret that no ticket has, without the secret. */
  unknown(at: { list: ListFacts; scan: Attempt }, by: Scanner): Promise<void>;
  /** Records a scan of a code that several tickets have, of which this is the first (contract §10, 4.12). */
  ambiguous(ticket: Ticket, at: { list: ListFacts; scan: Attempt }, by: Scanner): Promise<void>;
  /** Records what a scanner without a network has refused by itself. It decides nothing (contract §10, 4.1). */
  report(refused: Reported, by: Scanner): Promise<void>;
  /** Takes a check-in back; returns false when there is none. */
  undo(
    ticket: Pick<Ticket, 'id' | 'item' | 'variation' | 'date'>,
    at: { list: ListFacts; reason: string },
    by: Scanner,
  ): Promise<boolean>;
};

/** A refusal as a scanner tells it later; the ticket is null when none has its code. */
export type Reported = {
  readonly list: ListFacts;
  readonly ticket: Pick<Ticket, 'id' | 'item' | 'variation' | 'date'> | null;
  /** What the scanner itself knows of a ticket that is unknown here. */
  readonly said: { readonly item: number | null; readonly variation: number | null; readonly date: number | null };
  readonly reason: string;
  readonly scan: Attempt;
};

/** The fields of a scan that are recorded whatever its result. */
export type Attempt = Pick<Scan, 'kind' | 'datetime' | 'force' | 'nonce' | 'app'>;

/** The deciders of tickets over admission's store. */
export const ticketStreams = (store: EventStore): Streams<Admissions, TicketEvent> =>
  streams(store, ticketDecider, { catalog: ticketEvents, remember: 5_000 });

/** Decides scans with the tickets' deciders; refusals are recorded in their own log. */
export function gate(tickets: Streams<Admissions, TicketEvent>, refusals: RefusalLog): Gate {
  const count = scanCounter();
  return {
    async admit(ticket, { list, scan }, by) {
      const stream = ticketStream(ticket.id);
      const recalled = by.request === undefined ? undefined : await tickets.recallStates(stream, by.request);
      if (recalled) {
        // A repeat of a request that was decided before: the reply is the one of that time.
        const { state } = recalled.before;
        return { result: { outcome: 'ok', first: !state.checkins[list.id] }, before: state };
      }
      const decide = redeem(list, factsOf(ticket, scan), scan);
      let before = ticket.history.state;
      /** A forced repeat of an entry, which changes no state, and whether it is only counted. */
      let repeat: PositionRedeemed['data'] | undefined;
      let isCounted: boolean | undefined;
      const { result } = await tickets.transact(
        stream,
        (history) => {
          before = history;
          const decision = decide(history);
          repeat = forcedRepeatIn(decision.events);
          // With an idempotency key the event must be recorded, so that a repeat of the request finds it. Evaluated once,
          // however often the append loses a race.
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

    async ambiguous(ticket, { list, scan }, by) {
      await refusals.record({ ...aboutOf(ticket, list), reason: 'ambiguous', ...attemptOf(scan) }, by);
      count(list, 'ambiguous');
    },

    async report({ list, ticket, said, reason, scan }, by) {
      const { organizer, event, id } = list;
      const about = ticket ? aboutOf(ticket, list) : { organizer, event, list: id, position: null, ...said };
      await refusals.record({ ...about, reason, reported: true, ...attemptOf(scan) }, by);
    },

    async undo(ticket, { list, reason }, by) {
      const { result } = await tickets.transact(ticketStream(ticket.id), undo(aboutOf(ticket, list), reason), by);
      return result.undone;
    },
  };
}

/**
 * The event of a forced scan of a ticket that had entered already: it changes no state, and no reply shows it (contract
 * §2.5).
 */
function forcedRepeatIn(events: readonly TicketEvent[]): PositionRedeemed['data'] | undefined {
  const [event] = events;
  return events.length === 1 && event?.type === 'PositionRedeemed' && !event.data.first ? event.data : undefined;
}

/**
 * Counts scans here and reports them when metrics are read: a counter of OpenTelemetry would hash its labels for every
 * scan.
 */
function scanCounter(): (list: ListFacts, result: string) => void {
  // List ids are unique across organizers; the event is a label for people.
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

/** The fields of an event that describe the ticket and the list. */
const aboutOf = (ticket: Pick<Ticket, 'id' | 'item' | 'variation' | 'date'>, list: ListFacts) => ({
  organizer: list.organizer,
  event: list.event,
  list: list.id,
  position: ticket.id,
  item: ticket.item,
  variation: ticket.variation,
  date: ticket.date,
});

/** The fields of a refusal that describe the attempt. */
const attemptOf = ({ kind, force, datetime, nonce, app }: Attempt) => ({
  ...(kind === 'exit' ? { kind } : {}),
  forced: force,
  datetime,
  nonce_present: nonce !== null,
  ...(app === undefined ? {} : { app }),
});

const factsOf = (ticket: Ticket, scan: Scan): TicketFacts => ({
  position: ticket.id,
  item: ticket.item,
  variation: ticket.variation,
  date: ticket.date,
  status: ticket.status,
  canceled: false,
  blocked: ticket.prepared.blocked,
  unapproved: ticket.prepared.unapproved,
  validFrom: ticket.prepared.validFrom,
  validUntil: ticket.prepared.validUntil,
  // Asked for only where there are questions.
  answered: scan.questions.length + scan.given.length === 0 ? NO_ANSWERS : answeredIn(ticket.prepared.answers),
});

const NO_ANSWERS: ReadonlySet<number> = new Set();

const answeredIn = (answers: string): ReadonlySet<number> =>
  new Set((JSON.parse(answers) as Ticket['facts']['answers']).map(({ question }) => question));
