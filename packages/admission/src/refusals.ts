import { randomUUID } from 'node:crypto';
import {
  admission,
  type PositionRedeemed,
  type RedemptionRefused,
  type ScansRepeated,
} from '@gatehouse/events/admission';
import type { NewEvent } from '@gatehouse/events/envelope';
import { coalesce } from '@gatehouse/eventing/coalesce';
import { WrongRevision, type EventStore } from '@gatehouse/eventing/event-store';
import { uuidV5 } from '@gatehouse/eventing/uuid';
import { repeats, type Repeated } from './repeats';

/** Who scans, and the request that carries the scan. */
type By = { readonly actor: string; readonly trace: string | null; readonly request?: string };

/** The data of a forced repeat's event. */
type Repeat = PositionRedeemed['data'];

export type RefusalLog = {
  /**
   * Resolves when the refusal is recorded; a refusal beyond the first few equal ones of a minute is only counted, and this
   * resolves at once (repeats.ts).
   */
  record(refusal: RedemptionRefused['data'], by: By): Promise<void>;
  /**
   * True when a forced repeat is one of the first few and must be appended to the ticket's stream; otherwise call `count`.
   */
  isToBeRecorded(repeat: Repeat, by: By): boolean;
  /** Counts a forced repeat that is not appended. */
  count(repeat: Repeat, by: By): void;
  /** Writes the counts so far. */
  flush(): Promise<void>;
  /** Writes the counts for the last time; later refusals are recorded but no longer counted. */
  close(): Promise<void>;
};

/**
 * The stream `refusals-<process>` has one writer, so that a shared screenshot at 200 gates causes no conflicts of revisions
 * (design §3). Each process start begins a new stream; concurrent refusals share an append. The refusal of a request with
 * an idempotency key goes to a stream of that request: when it runs again after a crash, in any process, it finds the
 * refusal there.
 */
export function refusalLog(store: EventStore): RefusalLog {
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
    { batch: 500, waiting: 20_000 },
  );
  const counts = repeats<{ readonly data: Scanned; readonly actor: string }>(async ({ count, last, from, until }) => {
    const times = { from: from.toISOString(), until: until.toISOString() };
    const event = admission.write({ type: 'ScansRepeated', data: { ...last.data, count, ...times } });
    await appends.ask({ id: randomUUID(), ...event, actor: last.actor, trace: null });
  });
  async function recordOnce(own: string, event: NewEvent): Promise<void> {
    try {
      await store.append(own, 0, [event]);
    } catch (error) {
      if (!(error instanceof WrongRevision)) throw error;
    }
  }

  return {
    async record(data, { actor, trace, request }) {
      const kind = { actor, list: data.list, position: data.position, answer: data.reason };
      if (!counts.isToBeRecorded(kind)) {
        counts.count(kind, { data: scannedOf(data, data.reason), actor });
        return;
      }
      const event = { ...admission.write({ type: 'RedemptionRefused', data }), actor, trace };
      if (request === undefined) await appends.ask({ id: randomUUID(), ...event });
      else await recordOnce(`refusals-${request}`, { id: uuidV5(request, 'refusal'), ...event });
    },
    isToBeRecorded: (repeat, by) => counts.isToBeRecorded(kindOf(repeat, by)),
    count: (repeat, by) => counts.count(kindOf(repeat, by), { data: scannedOf(repeat, null), actor: by.actor }),
    flush: () => counts.flush(),
    async close() {
      await counts.close();
      await appends.idle();
    },
  };
}

/** The fields recorded of the newest of many equal scans. */
type Scanned = Omit<ScansRepeated['data'], 'count' | 'from' | 'until'>;

const kindOf = ({ list, position }: Repeat, { actor }: By): Repeated => ({ actor, list, position, answer: 'entered' });

function scannedOf(data: RedemptionRefused['data'] | Repeat, reason: string | null): Scanned {
  const { organizer, event, list, position, item, variation, date, forced, datetime, app } = data;
  const about = { organizer, event, list, position, item, variation, date, reason, forced, datetime };
  return app === undefined ? about : { ...about, app };
}
