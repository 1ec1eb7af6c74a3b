import type { NewEvent, Recorded } from '@gatehouse/events/envelope';
import type { EventStore, Position, WrongRevision } from '@gatehouse/eventing/event-store';

/** What importer and credentials need of the store of `reference` beyond the port. */
export type ReferenceStore = EventStore & {
  /** Of each stream that exists: its newest revision and the `hash` in that event's data. */
  heads(streams: readonly string[]): Promise<Map<string, { revision: number; hash: string | null }>>;
  /** Many appends in as few commits as possible, each with its own outcome. */
  appendMany(
    appends: readonly { stream: string; expected: number; events: readonly NewEvent[] }[],
  ): Promise<(Position | WrongRevision)[]>;
  /** The newest event of every stream whose name begins so. */
  latest(prefix: string): Promise<Recorded[]>;
};
