import { randomUUID } from 'node:crypto';
import { admission, type RedemptionRefused } from '@gatehouse/events/admission';
import type { NewEvent } from '@gatehouse/events/envelope';
import { coalesce } from '@gatehouse/eventing/coalesce';
import { WrongRevision, type EventStore } from '@gatehouse/eventing/event-store';
import { uuidV5 } from '@gatehouse/eventing/uuid';

export type RefusalLog = {
  /** Resolves when the refusal is history. */
  record(
    refusal: RedemptionRefused['data'],
    by: { actor: string; trace: string | null; request?: string },
  ): Promise<void>;
};

/**
 * The stream `refusals-<process>`: one writer, so that a shared screenshot at 200 gates makes no revisions race (design §3). A
 * new stream for each start of a process; refusals of one moment go down in one append. What a request with an idempotency key is
 * refused stands in a stream of the request's own: when it runs again after a crash, in whatever process, the refusal is there already.
 */
export function refusalLog(store: EventStore): RefusalLog {
  const stream = `refusals-${randomUUID()}`;
  let revision = 0;
  const appends = coalesce<NewEvent, null>(
    async (events) => {
      try {
        await store.append(stream, revision, events);
      } catch (error) {
        // After an append of unknown outcome the stream may be longer than we think; nobody else writes it.
        if (!(error instanceof WrongRevision)) throw error;
        revision = error.actual;
        await store.append(stream, revision, events);
      }
      revision += events.length;
      return events.map(() => null);
    },
    { batch: 500, waiting: 20_000 },
  );
  async function recordOnce(own: string, event: NewEvent): Promise<void> {
    try {
      await store.append(own, 0, [event]);
    } catch (error) {
      if (!(error instanceof WrongRevision)) throw error;
    }
  }

  return {
    async record(data, { actor, trace, request }) {
      const event = { ...admission.write({ type: 'RedemptionRefused', data }), actor, trace };
      if (request === undefined) await appends.ask({ id: randomUUID(), ...event });
      else await recordOnce(`refusals-${request}`, { id: uuidV5(request, 'refusal'), ...event });
    },
  };
}
