import { randomUUID } from 'node:crypto';
import { inventory, type ReservationRefused } from '@gatehouse/events/inventory';
import type { EventStore } from '@gatehouse/eventing/event-store';
import { refusalStreams } from '@gatehouse/eventing/refusal-streams';
import { uuidV5 } from '@gatehouse/eventing/uuid';
import type { By } from './asker';

/** A refused place, and its number in the request's list. */
export type Refusal = { readonly data: ReservationRefused['data']; readonly place: number };

export type RefusalLog = {
  /** Resolves when the refusals of one request are history. Rejects as `EventStore.append` does. */
  record(refusals: readonly Refusal[], by: By): Promise<void>;
  /** Waits until nothing is being recorded. */
  idle(): Promise<void>;
};

/** Refusals of a request with an idempotency key in one append. */
const AT_ONCE = 500;

/**
 * Every refusal is an event, however many are equal: here they are the demand that a quota could not meet, each of somebody else, which
 * analysts want by minute and reason; at the gates they are one ticket shown again. They go down many in one append, so that a storm of
 * 50,000 costs some hundred appends, and `refusals purge` deletes old ones.
 */
export function refusalLog(store: EventStore): RefusalLog {
  const streams = refusalStreams(store);
  return {
    async record(refusals, { actor, trace, request }) {
      const events = refusals.map(({ data, place }) => ({
        id: request === undefined ? randomUUID() : uuidV5(request, `refusal ${place}`),
        ...inventory.write({ type: 'ReservationRefused', data }),
        actor,
        trace,
      }));
      if (request === undefined) {
        await Promise.all(events.map((event) => streams.record(event)));
        return;
      }
      for (let from = 0; from < events.length; from += AT_ONCE) {
        await streams.recordOnce(request, events.slice(from, from + AT_ONCE));
      }
    },
    idle: () => streams.idle(),
  };
}
