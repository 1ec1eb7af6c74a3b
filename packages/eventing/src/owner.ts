import type { Pool, PoolClient } from 'pg';
import { StoreUnavailable } from './event-store';
import { available } from './postgres';

/**
 * Does `work` on a connection of its own that holds the lock `key`, so that one process at a time does it; false when another
 * one holds it. When the connection is lost the lock is, too: then `work`'s signal is aborted, and this throws.
 */
export async function whileOwner(
  { pool, key, signal }: { pool: Pool; key: string; signal: AbortSignal },
  work: (client: PoolClient, signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const client = await available(pool.connect());
  const stop = new AbortController();
  let broken: Error | undefined;
  const onAbort = () => stop.abort();
  const onLost = (error?: Error) => {
    broken ??= error ?? new StoreUnavailable('the connection ended');
    stop.abort();
  };
  const onEnd = () => onLost();
  client.on('error', onLost);
  client.on('end', onEnd);
  signal.addEventListener('abort', onAbort);
  try {
    const { rows } = await available(client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [key]));
    if (!rows[0]!.mine) return false;
    if (signal.aborted) stop.abort();
    await work(client, stop.signal);
    if (broken) throw broken;
    await available(client.query('select pg_advisory_unlock($1)', [key]));
    return true;
  } catch (error) {
    // The lock goes with the connection.
    broken ??= error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    client.off('error', onLost);
    client.off('end', onEnd);
    client.release(broken);
  }
}

/** Makes whoever holds the lock begin anew, by ending that connection: it reads its checkpoint again. */
export async function dismissOwner(pool: Pick<Pool, 'query'>, key: string): Promise<void> {
  await pool.query(
    `select pg_terminate_backend(pid) from pg_locks
     where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
       and objsubid = 1 and (classid::bigint << 32 | objid::bigint) = $1 and pid <> pg_backend_pid()`,
    [key],
  );
}
