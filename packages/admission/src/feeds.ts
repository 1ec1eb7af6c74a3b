import type { ContextStore } from '@gatehouse/eventing/event-store';
import { opening } from '@gatehouse/eventing/opening';
import { openPool } from '@gatehouse/eventing/postgres';
import type { FeedHealth } from '@gatehouse/eventing/feed-health';
import type { ReadModelContext } from '@gatehouse/eventing/read-model';
import type { Backends, OpenBus } from '@gatehouse/service/backends';
import { ADMISSION, FOLLOWED, migrateAdmission } from './admission';

/** The histories that admission reads, and the connections for reading them and for filling read models. */
export type Feeds = ReadModelContext & {
  readonly own: ContextStore;
  readonly bus: OpenBus;
  close(): Promise<void>;
};

/** Creates or updates the schema and opens the feeds of admission: its own history and what it follows by the bus. */
export async function openFeeds(
  backends: Backends,
  options: { connections: number; onHealth?(health: FeedHealth): void },
): Promise<Feeds> {
  const { connections, onHealth = () => undefined } = options;
  return opening(async (opened) => {
    const pool = openPool(backends.urlOf(ADMISSION), ADMISSION, connections);
    opened(() => pool.end());
    await migrateAdmission(pool);
    const own = backends.store(ADMISSION, pool);
    const bus = await backends.bus({ context: ADMISSION, follows: FOLLOWED, pool, onHealth });
    return {
      pool,
      schema: ADMISSION,
      own,
      bus,
      feeds: new Map([...bus.logs, [ADMISSION, { ...own, topic: ADMISSION }]]),
      async close() {
        await bus.close();
        await pool.end();
      },
    };
  });
}
