import type { Pool } from 'pg';
import { available, lockKey, waker } from './postgres';

/** How often is looked. Autovacuum looks once a minute: gates may open a few seconds after an import. */
const LOOK_MS = 500;
/** A table of fewer pages is read whole as fast as by any index. */
const SMALL_PAGES = 8;

type Tables = { readonly pool: Pool; readonly schema: string; readonly tables: readonly string[] };

/**
 * Analyses and vacuums tables, until aborted, whenever one has doubled since that was done last. PostgreSQL knows nothing of a
 * table that has just been filled, and then finds a few rows by reading all of them. One process at a time is enough.
 */
export async function keepStatistics(tables: Tables, signal: AbortSignal): Promise<void> {
  const pause = waker();
  while (!signal.aborted) {
    // The database is away, or somebody else is at a table: it is looked at again.
    await refreshStatistics(tables, signal).catch(() => undefined);
    await pause.next(signal, LOOK_MS);
  }
}

/** Does that once. */
export async function refreshStatistics({ pool, schema, tables }: Tables, signal?: AbortSignal): Promise<void> {
  const client = await available(pool.connect());
  // A statement that goes on after its connection ended does no harm; nobody waits for it at a stop.
  let released = false;
  const release = (broken: boolean) => {
    if (!released) client.release(broken);
    released = true;
  };
  const onAbort = () => release(true);
  const onError = () => release(true);
  client.on('error', onError);
  signal?.addEventListener('abort', onAbort);
  try {
    const key = lockKey('statistics', schema);
    const { rows: locks } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [key]);
    if (!locks[0]!.mine) return;
    const { rows } = await client.query<{ name: string }>({
      name: 'doubled_tables',
      text: `select relname as name from pg_class
             where relnamespace = to_regnamespace($1) and relname = any($2::text[]) and relkind = 'r'
               and pg_relation_size(oid) > 2 * greatest(relpages, ${SMALL_PAGES}) * current_setting('block_size')::bigint`,
      values: [schema, tables],
    });
    for (const { name } of rows) {
      // Plans first. Where autovacuum is at work already it is left alone. 'truncate' would need a lock that keeps readers out.
      await client.query(`analyze (skip_locked) ${schema}.${name}`);
      await client.query(`vacuum (skip_locked, truncate off) ${schema}.${name}`);
    }
    await client.query('select pg_advisory_unlock($1)', [key]);
  } catch (error) {
    release(true);
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    client.off('error', onError);
    release(false);
  }
}
