import type { Envelope, NewEvent, Recorded } from '@gatehouse/events/envelope';

/**
 * A position in one store's commit order: opaque text, comparable only by that store (PostgreSQL: a bigint; EventStoreDB:
 * commit and prepare position).
 */
export type Position = string;

/** The states of a stream before and after an append, as its decider has them. */
export type States = { readonly before: unknown; readonly after: unknown };

/** The history of one context. Every adapter passes `contract.ts`. There is no append without an expected revision. */
export interface EventStore {
  /** The events of one stream from revision `from` (0) on and before revision `to` (its end), oldest first; none when it does not exist. */
  load(stream: string, from?: number, to?: number): Promise<Envelope[]>;
  /**
   * The event of a stream with this id, found without loading the stream; undefined when there is none. For ids derived
   * from a request only (version 5, `uuidV5`): not every store finds others. EventStoreDB, which has no index of ids,
   * searches only the stream's newest events (`FIND_WITHIN` in esdb-store.ts).
   */
  find(stream: string, id: string): Promise<Envelope | undefined>;
  /**
   * Appends after exactly `expected` events (0: the stream must be new), or throws WrongRevision. All or nothing for this
   * one stream; appends that share a group commit are independent. Repeating a committed append with the same ids is a
   * success. Throws RejectedEvent for events that can never be stored, StoreOverloaded when too many appends wait, and
   * StoreUnavailable when the outcome is unknown: then read the stream and search for your ids before deciding again.
   * `states`: those of the stream before and after, for read models that are filled in the same transaction (inline.ts).
   */
  append(stream: string, expected: number, events: readonly NewEvent[], states?: States): Promise<Position>;
  /**
   * Every event of the context after `position` in commit order, in batches, waiting for more until aborted. An empty batch
   * means that the position moved past foreign events. Continues after an outage of the store. `only`: the types that the
   * caller wants; a store leaves out others where that saves reading them, and its position moves past them.
   */
  follow(
    position: Position,
    signal: AbortSignal,
    only?: readonly string[],
  ): AsyncIterable<{ events: Recorded[]; position: Position }>;
  /** The position of the context's newest event (not of the server's: system and foreign events do not count). */
  head(): Promise<Position>;
  /** Whether `a` is before `b`. */
  before(a: Position, b: Position): boolean;
  /**
   * The distance from `a` to a later `b`, in the store's own measure (events, bytes), for showing progress. 0: `b` is not
   * later.
   */
  between(a: Position, b: Position): number;
  /** The position before the first event. */
  readonly start: Position;
}

/** The history of one context, with further operations for imports and searches. */
export type ContextStore = EventStore & {
  readonly context: string;
  /** Where appends fill read models in their own transaction: key of the lock that each of them takes. */
  readonly appendLock?: string;
  /** Many appends in as few commits as possible, each with its own outcome. */
  appendMany(
    appends: readonly { stream: string; expected: number; events: readonly NewEvent[] }[],
  ): Promise<(Position | WrongRevision)[]>;
  /** For each stream that exists: its newest revision and the `hash` in that event's data. */
  heads(streams: readonly string[]): Promise<Map<string, { revision: number; hash: string | null }>>;
  /** The newest event of every stream whose name has this prefix. */
  latest(prefix: string): Promise<Recorded[]>;
  /** The same in batches, for results that do not fit into memory; older events of a stream may come before its newest. */
  scan(prefix: string): AsyncIterable<readonly Recorded[]>;
  /** Waits until no append is in flight. */
  idle(): Promise<void>;
};

/** Another writer was first: the stream does not have the expected number of events. */
export class WrongRevision extends Error {
  constructor(
    readonly stream: string,
    readonly expected: number,
    readonly actual: number,
  ) {
    super(`${stream} has ${actual} events, not ${expected}`);
    this.name = 'WrongRevision';
  }
}

/** Events that no store could store (too large, not representable): refused before they would fail a batch. */
export class RejectedEvent extends Error {
  override name = 'RejectedEvent';
}

/** The store is away, or the connection broke: the outcome is unknown. Answered with 503 and Retry-After. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
}

/** Too many appends are waiting. Nothing was written. Answered with 503 and Retry-After. */
export class StoreOverloaded extends Error {
  override name = 'StoreOverloaded';
}

/** Most bytes of one append; EventStoreDB's limit is 1 MiB. */
export const MAX_APPEND_BYTES = 900_000;
