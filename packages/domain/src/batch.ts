import type {
  BatchCreated,
  BatchEvent,
  BatchFailed,
  BatchRequested,
  Ticket,
  TicketsIssued,
} from '@gatehouse/events/sales';
import { fold, type Decider, type Decision } from './decider';

/** The folded state of a stream `batch-<UUID>`. */
export type Batch =
  /** Nothing was requested. */
  | { readonly status: 'unknown' }
  /** It has no result yet. */
  | {
      readonly status: 'open';
      readonly request: BatchRequested['data'];
      /** Number of tickets issued so far. */
      readonly issued: number;
      /** The position of its first ticket; null while none is issued. */
      readonly firstPosition: number | null;
      /** What their tickets use and no other may, by event. */
      readonly used: readonly ReadonlySet<string>[];
    }
  | { readonly status: 'created' | 'failed' };

export const batch: Decider<Batch, BatchEvent> = {
  initial: { status: 'unknown' },
  evolve(state, event) {
    switch (event.type) {
      case 'BatchRequested':
        return { status: 'open', request: event.data, issued: 0, firstPosition: null, used: [] };
      case 'TicketsIssued': {
        if (state.status !== 'open') return state;
        const { tickets, first_position } = event.data;
        const used = new Set(tickets.flatMap(uniqueIn));
        const firstPosition = state.firstPosition ?? first_position;
        return { ...state, issued: state.issued + tickets.length, firstPosition, used: [...state.used, used] };
      }
      case 'BatchCreated':
        return { status: 'created' };
      case 'BatchFailed':
        return { status: 'failed' };
    }
  },
};

/**
 * Most tickets in one event: some 60 KB, where EventStoreDB and Kafka take 1 MiB. Whoever makes or reads one is busy for a few
 * milliseconds, for which scans in the same process wait. Batches of earlier releases have events of 2,000.
 */
export const TICKETS_AT_ONCE = 500;

/** The next tickets to be issued: `count` of them, after `from` others. */
export type Chunk = { readonly from: number; readonly count: number };

/** How far a batch is after a decision. */
export type Progress = {
  readonly status: Batch['status'];
  /** Whether this decision has brought it there; false for a repeat, and for what came too late. */
  readonly changed: boolean;
  /** What remains to be issued first; null when the batch has ended or was not requested. */
  readonly next: Chunk | null;
};

/** The next tickets that a batch needs, once it has its places. */
export function nextChunk(state: Batch): Chunk | null {
  if (state.status !== 'open') return null;
  const { issued, request } = state;
  return { from: issued, count: Math.min(TICKETS_AT_ONCE, request.amount - issued) };
}

/** Requests a batch (contract §9.3). A repeat changes nothing, even if it requests something else. */
export const requestBatch =
  (request: BatchRequested['data']) =>
  (state: Batch): Decision<Progress, BatchRequested> =>
    progress(state, state.status === 'unknown' ? [{ type: 'BatchRequested', data: request }] : []);

/**
 * Issues the next tickets of a batch that has its places; with the last ones the batch is created, in the same append, so
 * that there is no batch of which some tickets are valid. Tickets that were minted for another place in the batch, or of
 * which another ticket has the code, the secret or the pseudonymization id, are not issued: mint those of `next`, until there
 * are none. `firstPosition` is the first of as many free positions as the batch has tickets; it is what the first chunk says
 * that counts for all.
 */
export const issueTickets =
  (from: number, minted: readonly Ticket[], firstPosition: number) =>
  (state: Batch): Decision<Progress, TicketsIssued | BatchCreated> => {
    const next = nextChunk(state);
    if (state.status !== 'open' || next?.from !== from) return progress(state, []);
    const tickets = minted.slice(0, next.count);
    if (tickets.length === 0 || !areNew(tickets, state.used)) return progress(state, []);
    const first_position = state.firstPosition ?? firstPosition;
    const issued: TicketsIssued = {
      type: 'TicketsIssued',
      data: { batch: state.request.batch, from, first_position: first_position + from, tickets },
    };
    if (from + tickets.length < state.request.amount) return progress(state, [issued]);
    const { comment: _comment, ...data } = state.request;
    return progress(state, [issued, { type: 'BatchCreated', data: { ...data, first_position } }]);
  };

/** Ends a batch without tickets (contract §9.4); `message` is shown to the client. It cannot end one that is created. */
export const failBatch =
  (message: string) =>
  (state: Batch): Decision<Progress, BatchFailed> => {
    if (state.status !== 'open') return progress(state, []);
    const { organizer, event, batch, item, variation, date, amount, sales_channel, testmode, datetime } = state.request;
    const about = { organizer, event, batch, item, variation, date, amount, sales_channel, testmode, datetime };
    return progress(state, [{ type: 'BatchFailed', data: { ...about, message } }]);
  };

function progress<E extends BatchEvent>(before: Batch, events: readonly E[]): Decision<Progress, E> {
  const after = fold<Batch, BatchEvent>(batch, events, before);
  return { result: { status: after.status, changed: events.length > 0, next: nextChunk(after) }, events };
}

const uniqueIn = ({ code, secret, pseudonymization_id }: Ticket) => [code, secret, pseudonymization_id];

function areNew(tickets: readonly Ticket[], used: readonly ReadonlySet<string>[]): boolean {
  const all = tickets.flatMap(uniqueIn);
  return new Set(all).size === all.length && !all.some((each) => used.some((others) => others.has(each)));
}
