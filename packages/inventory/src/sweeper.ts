import { setTimeout as sleep } from 'node:timers/promises';
import { inventoryStream } from '@gatehouse/events/inventory';
import type { Instant } from '@gatehouse/domain/instant';
import { expireDue } from '@gatehouse/domain/release';
import type { Owner } from '@gatehouse/eventing/owner';
import { available, waker } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import type { InventoryStreams } from './inventory-streams';

/** Reservations in one append: commands of requests wait for the same stream. */
const AT_ONCE = 250;
/** Between two appends of a backlog, for the requests of the same process. */
const PAUSE_MS = 10;
/** After everything due was recorded, before the read model is asked again. */
const REST_MS = 500;
/** One that expires before all others may be made while the sweeper waits for another: it is late by no more than this. */
const LONGEST_WAIT_MS = 5_000;
/** Expired reservations that one round looks at, to learn whose they are. */
const LOOKED_AT = 1_000;

export type SweeperParts = {
  readonly pool: Pool;
  readonly streams: InventoryStreams;
  /** Waits until read models have applied all that this context's history holds, bounded. */
  caughtUp(models: readonly 'carts'[]): Promise<boolean>;
};

/**
 * Records as CartExpired what has expired, until `signal`: for those who analyse, and so that it leaves memory. It stops counting by
 * itself. Sleeps until the next reservation expires; after a long stop it works off what is due in small appends. Several at once do no
 * harm: the expected revision of the stream lets each be recorded once.
 */
export async function expireCarts(
  { pool, streams, caughtUp }: SweeperParts,
  { signal, onProgress }: Owner,
): Promise<void> {
  const pause = waker();
  while (!signal.aborted) {
    const { now, due, waitMs } = await look(pool);
    onProgress(true);
    for (const event of due) await recordExpired(event, now);
    // What was recorded must not look due again.
    if (due.length > 0) await caughtUp(['carts']);
    await pause.next(signal, due.length > 0 ? REST_MS : waitMs);
  }

  async function recordExpired(where: { organizer: string; event: string }, now: Instant): Promise<void> {
    const stream = inventoryStream(where.organizer, where.event);
    while (!signal.aborted) {
      const { result } = await streams.transact(stream, expireDue(where, now, AT_ONCE), {
        actor: 'system:expiry',
        trace: null,
      });
      if (result.expired < AT_ONCE) return;
      await sleep(PAUSE_MS);
    }
  }
}

type Look = {
  /** PostgreSQL's clock, by which reservations are decided, too. */
  readonly now: Instant;
  readonly due: readonly { organizer: string; event: string }[];
  /** Until the next one expires, at most LONGEST_WAIT_MS. */
  readonly waitMs: number;
};

/** The events with reservations whose time has passed, and when to look again. */
async function look(pool: Pool): Promise<Look> {
  const { rows } = await available(
    pool.query<{ now: Instant; events: string[] | null; wait: number | null }>({
      name: 'expired_carts',
      text: `select now(),
               (select array_agg(distinct event) from (
                 select event from carts where held and expires < now() order by expires limit ${LOOKED_AT}
               ) due) as events,
               (select extract(epoch from min(expires) - now()) * 1000 from carts where held)::float8 as wait`,
    }),
  );
  const { now, events, wait } = rows[0]!;
  return {
    now,
    due: (events ?? []).map((key) => {
      const [organizer = '', event = ''] = key.split('/');
      return { organizer, event };
    }),
    waitMs: Math.max(1, Math.min(wait ?? LONGEST_WAIT_MS, LONGEST_WAIT_MS)),
  };
}
