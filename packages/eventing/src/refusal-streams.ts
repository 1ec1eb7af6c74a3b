import { randomUUID } from 'node:crypto';
import type { NewEvent } from '@gatehouse/events/envelope';
import { coalesce } from './coalesce';
import { WrongRevision, type EventStore } from './event-store';

/** Where refusals are recorded: they decide nothing, and must not stand in the streams of what they are about (design §3). */
export type RefusalStreams = {
  /** Resolves when the event is history. Rejects as `EventStore.append` does. */
  record(event: NewEvent): Promise<void>;
  /**
   * The same for what a request with an idempotency key is refused; ids must derive from the key. When the request runs again after a
   * crash, in whatever process, those that are history already are not recorded a second time.
   */
  recordOnce(request: string, events: readonly NewEvent[]): Promise<void>;
  /** Waits until nothing is being recorded. */
  idle(): Promise<void>;
};

/** Refusals in one append. */
const BATCH = 500;

/**
 * The streams `refusals-<process>`, with one writer each, so that a thousand refusals at once make no revisions race: a new one for each
 * start of a process, and those of one moment go down in one append. And `refusals-<request>` for each request with an idempotency key.
 */
export function refusalStreams(store: EventStore): RefusalStreams {
  let stream = `refusals-${randomUUID()}`;
  let revision = 0;
  const appends = coalesce<NewEvent, null>(
    async (events) => {
      try {
        await store.append(stream, revision, events);
      } catch (error) {
        // After an append of unknown outcome the stream may be longer than expected; there is no other writer.
        if (!(error instanceof WrongRevision)) throw error;
        // It is shorter only after a purge; its revisions must not be used again.
        if (error.actual < revision) stream = `refusals-${randomUUID()}`;
        revision = error.actual < revision ? 0 : error.actual;
        await store.append(stream, revision, events);
      }
      revision += events.length;
      return events.map(() => null);
    },
    { batch: BATCH, waiting: 20_000 },
  );

  return {
    async record(event) {
      await appends.ask(event);
    },
    async recordOnce(request, events) {
      const own = `refusals-${request}`;
      try {
        await store.append(own, 0, events);
      } catch (error) {
        if (!(error instanceof WrongRevision)) throw error;
        const known = await store.load(own);
        const ids = new Set(known.map(({ id }) => id));
        const missing = events.filter(({ id }) => !ids.has(id));
        if (missing.length > 0) await store.append(own, known.length, missing);
      }
    },
    idle: () => appends.idle(),
  };
}
