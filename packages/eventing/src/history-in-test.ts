import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '@gatehouse/events/contexts';
import { testDatabase } from '@gatehouse/test-support/postgres';
import type { Pool } from 'pg';
import { EVENT_STORE_SQL, listen, migrate, openPool, type Listener } from './postgres';
import type { ContextStore } from './event-store';
import { postgresStore } from './postgres-store';

/** A process's connections and store of a context's history. */
export type Opened = { readonly pool: Pool; readonly listener: Listener; readonly store: ContextStore };

export type HistoryInTest = {
  readonly url: string;
  readonly schema: Context;
  /** Opens the history as another process would: with its own connections and its own store. */
  open(url?: string): Opened;
  close(): Promise<void>;
};

/** An empty history of a context, in a new database or in that of `url`. */
export async function historyInTest(options: { context?: Context; url?: string } = {}): Promise<HistoryInTest> {
  const schema = options.context ?? 'admission';
  const database = options.url ? { url: options.url, drop: () => Promise.resolve() } : await testDatabase();
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

/** Waits until the condition is true. With a limit, so that a failed test does not keep jest from ending. */
export async function until(isSo: () => boolean | Promise<boolean>, atMostMs = 50_000): Promise<void> {
  const end = Date.now() + atMostMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`never: ${isSo.toString()}`);
    await sleep(10);
  }
}
