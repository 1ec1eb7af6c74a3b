import { randomUUID } from 'node:crypto';
import {
  admission,
  type PositionRedeemed,
  type RedemptionRefused,
  type ScansRepeated,
} from '@gatehouse/events/admission';
import type { EventStore } from '@gatehouse/eventing/event-store';
import { refusalStreams } from '@gatehouse/eventing/refusal-streams';
import { uuidV5 } from '@gatehouse/eventing/uuid';
import { repeats, type Repeated } from './repeats';

/** Who scans, and the request that carries the scan. */
type By = {
  readonly actor: string;
  readonly trace: string | null;
  readonly request?: string;
  /** UUID of a scan that may be uploaded again: recorded once, whether or not it is one of many. */
  readonly upload?: string;
};

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

/** Records refusals and counts what comes again and again (repeats.ts). */
export function refusalLog(store: EventStore): RefusalLog {
  const streams = refusalStreams(store);
  const counts = repeats<{ readonly data: Scanned; readonly actor: string }>(async ({ count, last, from, until }) => {
    const times = { from: from.toISOString(), until: until.toISOString() };
    const event = admission.write({ type: 'ScansRepeated', data: { ...last.data, count, ...times } });
    await streams.record({ id: randomUUID(), ...event, actor: last.actor, trace: null });
  });

  return {
    async record(data, { actor, trace, request, upload }) {
      if (upload !== undefined) {
        const once = { ...admission.write({ type: 'RedemptionRefused', data }), actor, trace };
        await streams.recordOnce(upload, [{ id: uuidV5(upload, 'refusal'), ...once }]);
        return;
      }
      const answer = data.kind === 'exit' ? `exit ${data.reason}` : data.reason;
      const kind = { actor, list: data.list, position: data.position, answer };
      if (!counts.isToBeRecorded(kind)) {
        counts.count(kind, { data: scannedOf(data, data.reason), actor });
        return;
      }
      const event = { ...admission.write({ type: 'RedemptionRefused', data }), actor, trace };
      if (request === undefined) await streams.record({ id: randomUUID(), ...event });
      else await streams.recordOnce(request, [{ id: uuidV5(request, 'refusal'), ...event }]);
    },
    isToBeRecorded: (repeat, by) => counts.isToBeRecorded(kindOf(repeat, by)),
    count: (repeat, by) => counts.count(kindOf(repeat, by), { data: scannedOf(repeat, null), actor: by.actor }),
    flush: () => counts.flush(),
    async close() {
      await counts.close();
      await streams.idle();
    },
  };
}

/** The fields recorded of the newest of many equal scans. */
type Scanned = Omit<ScansRepeated['data'], 'count' | 'from' | 'until'>;

const kindOf = ({ list, position }: Repeat, { actor }: By): Repeated => ({ actor, list, position, answer: 'entered' });

function scannedOf(data: RedemptionRefused['data'] | Repeat, reason: string | null): Scanned {
  const { organizer, event, list, position, item, variation, date, forced, datetime, app } = data;
  const kind = 'kind' in data && data.kind ? { kind: data.kind } : {};
  const about = { organizer, event, list, position, item, variation, date, reason, ...kind, forced, datetime };
  return app === undefined ? about : { ...about, app };
}
