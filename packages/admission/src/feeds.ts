import { EVENT_STORE_SQL, migrate, openPool, type Listener } from '@gatehouse/eventing/postgres';
import { postgresStore, type PostgresStore } from '@gatehouse/eventing/postgres-store';
import type { ReadModelContext } from '@gatehouse/eventing/read-model';
import type { Pool } from 'pg';
import { ADMISSION, migrateAdmission } from './admission';

/** The histories that admission reads, and the connections for reading them and for filling read models. */
export type Feeds = ReadModelContext & {
  readonly own: PostgresStore;
  readonly reference: PostgresStore;
  readonly referencePool: Pool;
  close(): Promise<void>;
};

/** Creates or updates both schemas and opens the feeds of admission: its own history and that of `reference`. */
export async function openFeeds(url: string, listener: Listener, connections: number): Promise<Feeds> {
  const pool = openPool(url, ADMISSION, connections);
  const referencePool = openPool(url, 'reference', 4);
  await migrate(referencePool, 'reference', EVENT_STORE_SQL);
  await migrateAdmission(pool);
  const own = postgresStore({ pool, context: ADMISSION, listener });
  const reference = postgresStore({ pool: referencePool, context: 'reference', listener });
  return {
    pool,
    schema: ADMISSION,
    own,
    reference,
    referencePool,
    feeds: new Map([
      ['reference', { ...reference, topic: 'reference' }],
      [ADMISSION, { ...own, topic: ADMISSION }],
    ]),
    async close() {
      await referencePool.end();
      await pool.end();
    },
  };
}
