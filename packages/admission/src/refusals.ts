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

/** A forced repeat of an entry, as its event would tell it. */
type Repeat = PositionRedeemed['data'];

export type RefusalLog = {
  /** Resolves when the refusal is history; of equal ones beyond the first few of a minute at once: they are counted (repeats.ts). */
  record(refusal: RedemptionRefused['data'], by: By): Promise<void>;
  /** Whether a forced repeat is one of the first few, to become an event of the ticket's stream; else it is to be counted here. */
  isToBeRecorded(repeat: Repeat, by: By): boolean;
  /** A forced repeat was answered and is only counted. */
  count(repeat: Repeat, by: By): void;
  /** Writes what was only counted so far. */
  flush(): Promise<void>;
  /** The same, for the last time; what is recorded later is not counted any more. */
  close(): Promise<void>;
};

/**
 * The stream `refusals-<process>`: one writer, so that a shared screenshot at 200 gates makes no revisions race (design §3). A
 * new stream for each start of a process; refusals of one moment go down in one append. What a request with an idempotency key is
 * refused stands in a stream of the request's own: when it runs again after a crash, in whatever process, the refusal is there already.
 */
export function refusalLog(store: EventStore): RefusalLog {
  let stream = `refusals-${randomUUID()}`;
  let revision = 0;
  const appends = coalesce<NewEvent, null>(
    async (events) => {
      try {
        await store.append(stream, revision, events);
      } catch (error) {
        // After an append of unknown outcome the stream may be longer than we think; nobody else writes it.
        if (!(error instanceof WrongRevision)) throw error;
        // It is shorter only when it was purged, and its revisions must not come a second time.
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

/** What is recorded of the newest of many equal scans. */
type Scanned = Omit<ScansRepeated['data'], 'count' | 'from' | 'until'>;

const kindOf = ({ list, position }: Repeat, { actor }: By): Repeated => ({ actor, list, position, answer: 'entered' });

function scannedOf(data: RedemptionRefused['data'] | Repeat, reason: string | null): Scanned {
  const { organizer, event, list, position, item, variation, date, forced, datetime, app } = data;
  const about = { organizer, event, list, position, item, variation, date, reason, forced, datetime };
  return app === undefined ? about : { ...about, app };
}
