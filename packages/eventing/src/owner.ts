import type { Pool, PoolClient } from 'pg';
import { StoreUnavailable } from './event-store';
import { reasonOf, type EventFacts, type FeedHealth } from './feed-health';
import { available, waker } from './postgres';

/** How often a standby tries to get the lock: PostgreSQL does not notify it when the owner's process dies. */
const STANDBY_MS = 1_000;
const LONGEST_PAUSE_MS = 5_000;

/** Work that is done until `signal` aborts, and started again when it fails. */
export type Kept = {
  readonly name: string;
  readonly topic: string;
  readonly signal: AbortSignal;
  onHealth(health: FeedHealth): void;
  /** Whether the error would occur again with the same event. */
  isPoison(error: unknown): boolean;
  /** Called after each failed attempt. Returns the event at which the work is stuck, if that is why it failed. */
  failed?(error: unknown): Promise<EventFacts | undefined>;
};

/** The same of which only one process does it at a time. */
export type Owned = Kept & {
  readonly pool: Pool;
  /** Key of the session lock. */
  readonly key: string;
};

/** Passed to the work: its signal, and a callback for progress (`applied`: an event was applied). */
export type Owner = { readonly signal: AbortSignal; onProgress(applied: boolean): void };

/**
 * Runs `work` whenever this process owns the lock, until aborted. After an error it starts again with growing pauses and
 * reports each failure. After a poison event health stays `failing` until that event is applied.
 */
export const runAsOwner = (owned: Owned, work: (client: PoolClient, owner: Owner) => Promise<void>): Promise<void> =>
  keepRunning(owned, (owner) => whileOwner(owned, (client, signal) => work(client, { ...owner, signal })));

/** The same in every process, without a lock. */
export const runEverywhere = (kept: Kept, work: (owner: Owner) => Promise<void>): Promise<void> =>
  keepRunning(kept, (owner) => work(owner).then(() => true));

/** `work` returns false when it is another process's turn. */
async function keepRunning(
  { name, topic, signal, onHealth, isPoison, failed }: Kept,
  work: (owner: Owner) => Promise<boolean>,
): Promise<void> {
  const pause = waker();
  let last = '';
  const say = (state: FeedHealth['state'], error: string | null = null, poison?: EventFacts): void => {
    if (last === state && state !== 'failing') return;
    last = state;
    onHealth({ name, topic, state, error, ...(poison === undefined ? {} : { poison }) });
  };
  let failures = 0;
  let poisoned = false;
  const onProgress = (applied: boolean) => {
    if (poisoned && !applied) return;
    failures = 0;
    poisoned = false;
    say('running');
  };
  say('starting');
  while (!signal.aborted) {
    try {
      const worked = await work({ signal, onProgress });
      if (!worked) say('standby');
      else if (!signal.aborted) throw new Error('the feed ended');
      await pause.next(signal, STANDBY_MS);
    } catch (error) {
      if (signal.aborted) return;
      failures++;
      poisoned = isPoison(error);
      say('failing', reasonOf(error), await failed?.(error));
      await pause.next(signal, Math.min(100 * 2 ** failures, LONGEST_PAUSE_MS));
    }
  }
}

/**
 * Runs `work` on a dedicated connection that holds the lock `key`, so that one process at a time does it. Returns false
 * when another process holds the lock. When the connection is lost, so is the lock: then `work`'s signal aborts and this
 * throws.
 */
async function whileOwner(
  { pool, key, signal }: { pool: Pool; key: string; signal: AbortSignal },
  work: (client: PoolClient, signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const client = await inTurn(pool, () => lockedConnection(pool, key));
  if (!client) return false;
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
    if (signal.aborted) stop.abort();
    await work(client, stop.signal);
    if (broken) throw broken;
    await available(client.query('select pg_advisory_unlock($1)', [key]));
    return true;
  } catch (error) {
    // The lock ends with the connection.
    broken ??= error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    client.off('error', onLost);
    client.off('end', onEnd);
    client.release(broken);
  }
}

const queues = new WeakMap<Pool, Promise<unknown>>();

/** One attempt at a time per pool: a standby process needs one connection to try all its locks, not one for each. */
function inTurn<T>(pool: Pool, work: () => Promise<T>): Promise<T> {
  const turn = (queues.get(pool) ?? Promise.resolve()).then(work, work);
  queues.set(
    pool,
    turn.catch(() => undefined),
  );
  return turn;
}

/** A connection that holds the lock; undefined when another connection holds it. */
async function lockedConnection(pool: Pool, key: string): Promise<PoolClient | undefined> {
  const client = await available(pool.connect());
  try {
    const { rows } = await available(client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [key]));
    if (rows[0]!.mine) return client;
  } catch (error) {
    client.release(true);
    throw error;
  }
  client.release();
  return undefined;
}

/** Ends the lock holder's connection, so that it starts again and reads its checkpoint. */
export async function disconnectOwner(pool: Pick<Pool, 'query'>, key: string): Promise<void> {
  await pool.query(
    `select pg_terminate_backend(pid) from pg_locks
     where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
       and objsubid = 1 and (classid::bigint << 32 | objid::bigint) = $1 and pid <> pg_backend_pid()`,
    [key],
  );
}
