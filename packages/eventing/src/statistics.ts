import type { Pool } from 'pg';
import { available, lockKey, transaction, waker } from './postgres';

/** Autovacuum checks only once a minute, and gates may open a few seconds after an import. */
const LOOK_MS = 500;
/** Reading a table of fewer pages completely is as fast as using an index. */
const SMALL_PAGES = 8;
/**
 * PostgreSQL's own is 100: 30,000 rows are read and sorted by each column, which keeps one core busy for a third of a second while
 * people are scanned. A tenth more rows do not change much of what is known of the others.
 */
const GROWN_TARGET = 10;

type Tables = { readonly pool: Pool; readonly schema: string; readonly tables: readonly string[] };

/**
 * Analyses and vacuums tables, until aborted, whenever one has doubled in size since the last time, or has grown by a tenth
 * and then stopped growing (of which a sample is enough). Without statistics of a table that was just filled, PostgreSQL may read all of it to find a few
 * rows, and pages that no VACUUM has seen yet are read where an index would do. One process at a time is enough.
 */
export async function keepStatistics(tables: Tables, signal: AbortSignal): Promise<void> {
  const pause = waker();
  const sizes: Sizes = new Map();
  while (!signal.aborted) {
    // The database is away, or another session holds a lock: the next round tries again.
    await refreshStatistics(tables, { signal, sizes }).catch(() => undefined);
    await pause.next(signal, LOOK_MS);
  }
}

/** The sizes of grown tables in bytes when they were looked at last, by name. */
type Sizes = Map<string, number>;

/** One round of `keepStatistics`; of tables that have only grown by a tenth it knows by `sizes` whether they still do. */
export async function refreshStatistics(
  { pool, schema, tables }: Tables,
  { signal, sizes = new Map() }: { signal?: AbortSignal; sizes?: Sizes } = {},
): Promise<void> {
  const client = await available(pool.connect());
  // On abort the connection is released at once; a statement that is still running does no harm.
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
    const { rows } = await client.query<{ name: string; size: number; doubled: boolean }>({
      name: 'grown_tables',
      // One index lookup for each table: `offset 0` keeps PostgreSQL from reading its whole catalogue instead.
      text: `select name, size::float8 as size, size > 2 * known as doubled
             from (
               select asked.name, pg_relation_size(oid) as size,
                      greatest(relpages, ${SMALL_PAGES}) * current_setting('block_size')::bigint as known
               from unnest($2::text[]) as asked(name)
               cross join lateral (
                 select oid, relpages from pg_class
                 where oid = to_regclass(quote_ident($1) || '.' || quote_ident(asked.name)) offset 0
               ) found
             ) sized
             where size > 1.1 * known`,
      values: [schema, tables],
    });
    const due = rows.filter(({ name, size, doubled }) => doubled || sizes.get(name) === size);
    for (const { name, size } of rows) sizes.set(name, size);
    for (const { name, doubled } of due) {
      // Analyse first, for better plans. Tables that autovacuum is processing are skipped. 'truncate' would need a lock
      // that blocks readers.
      await transaction(client, async () => {
        if (!doubled) await client.query(`set local default_statistics_target = ${GROWN_TARGET}`);
        await client.query(`analyze (skip_locked) ${schema}.${name}`);
      });
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
