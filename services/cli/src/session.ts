import { installReadModels, openAdmission, type Admission } from '@gatehouse/admission/admission';
import { openFeeds, type Feeds } from '@gatehouse/admission/feeds';
import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { listen, waker, type Listener } from '@gatehouse/eventing/postgres';
import type { PostgresStore } from '@gatehouse/eventing/postgres-store';
import type { Config } from '@gatehouse/service/config';
import type { Pool } from 'pg';

/** What a command works with: the database of the running system, or of one that is not running. */
export type Session = {
  readonly config: Config;
  readonly feeds: Feeds;
  readonly admission: Admission;
  /** Connections and store of `reference`. */
  readonly pool: Pool;
  readonly reference: PostgresStore;
  readonly listener: Listener;
  /** Waits until admission has applied all facts of `reference`; false when nothing is running that would do so. */
  admissionCaughtUp(onProgress?: (left: number) => void): Promise<boolean>;
  close(): Promise<void>;
};

/** How long a consumer may stand still before we say that none is running. */
const PATIENCE_MS = 3_000;

export async function openSession(config: Config): Promise<Session> {
  const database = await openDatabase(config, { log: (sentence) => process.stderr.write(`${sentence}\n`) });
  const listener = listen(database.url);
  const feeds = await openFeeds(database.url, listener, 4);
  await installReadModels(feeds);
  const admission = await openAdmission({ url: database.url, listener, connections: 4 });

  /** Events of `reference` that some consumer of admission has not applied yet. */
  async function left(): Promise<number> {
    const { rows } = await feeds.pool.query<{ left: string }>(
      `select greatest((select coalesce(max(position), 0) from reference.events)
                - coalesce((select min(position::bigint) from checkpoints where topic = 'reference'), 0), 0)::text as left`,
    );
    return Number(rows[0]!.left);
  }

  return {
    config,
    feeds,
    admission,
    pool: feeds.referencePool,
    reference: feeds.reference,
    listener,
    async admissionCaughtUp(onProgress) {
      const never = new AbortController().signal;
      const waiting = waker();
      let before = Infinity;
      let since = Date.now();
      for (;;) {
        const now = await left();
        if (now === 0) return true;
        if (now < before) since = Date.now();
        else if (Date.now() - since > PATIENCE_MS) return false;
        before = now;
        onProgress?.(now);
        await waiting.next(never, 100);
      }
    },
    async close() {
      await admission.close();
      await feeds.close();
      await listener.close();
      await database.stop();
    },
  };
}
