import { testDatabase } from '@gatehouse/test-support/postgres';
import type { Pool } from 'pg';
import { EVENT_STORE_SQL, listen, migrate, openPool, type Listener } from './postgres';
import { postgresStore, type PostgresStore } from './postgres-store';

/** What one process has open of a context's history. */
export type Opened = { readonly pool: Pool; readonly listener: Listener; readonly store: PostgresStore };

export type HistoryInTest = {
  readonly url: string;
  readonly schema: 'admission';
  /** As another process would: its own connections, and its own store over the same history. */
  open(url?: string): Opened;
  close(): Promise<void>;
};

/** An empty history in a database of its own, or in the one of `url`. */
export async function historyInTest(url?: string): Promise<HistoryInTest> {
  const schema = 'admission';
  const database = url ? { url, drop: () => Promise.resolve() } : await testDatabase();
  const closing: (() => Promise<void>)[] = [];
  const open = (at = database.url): Opened => {
    const pool = openPool(at, schema);
    const listener = listen(at);
    closing.push(async () => {
      await listener.close();
      await pool.end();
    });
    return { pool, listener, store: postgresStore({ pool, context: schema, listener }) };
  };
  const setup = openPool(database.url, schema, 1);
  await migrate(setup, schema, EVENT_STORE_SQL);
  await setup.end();
  return {
    url: database.url,
    schema,
    open,
    async close() {
      for (const close of closing) await close();
      await database.drop();
    },
  };
}
