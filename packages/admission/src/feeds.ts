import type { Context } from '@gatehouse/events/contexts';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import type { Log } from '@gatehouse/eventing/log-bus';
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
  /** What its consumers' checkpoints count in: its own history, and the others as the bus brings them. */
  readonly topics: readonly string[];
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
    const feeds = new Map<Context, Log>([...bus.logs, [ADMISSION, { ...own, topic: ADMISSION }]]);
    return {
      pool,
      schema: ADMISSION,
      own,
      bus,
      feeds,
      topics: [...feeds.values()].map(({ topic }) => topic),
      async close() {
        await bus.close();
        await pool.end();
      },
    };
  });
}
