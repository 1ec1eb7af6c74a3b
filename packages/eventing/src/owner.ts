import type { Pool, PoolClient } from 'pg';
import { StoreUnavailable } from './event-store';
import { reasonOf, type EventFacts, type FeedHealth } from './feed-health';
import { available, waker } from './postgres';

/** How often a standby tries to take over: nothing tells it that a process died. */
const STANDBY_MS = 1_000;
const LONGEST_PAUSE_MS = 5_000;

/** A kind of work that one process at a time does, until `signal`. */
export type Owned = {
  readonly name: string;
  readonly topic: string;
  readonly pool: Pool;
  /** Of the session lock. */
  readonly key: string;
  readonly signal: AbortSignal;
  onHealth(health: FeedHealth): void;
  /** Whether the same event would fail again. */
  isPoison(error: unknown): boolean;
  /** Called after each try that failed. Answers the event at which the work stands still, when that is why. */
  failed?(error: unknown): Promise<EventFacts | undefined>;
};

/** What the owner's work is given: when to end, and whom to tell that it goes on (with `applied`: past an event). */
export type Owner = { readonly signal: AbortSignal; onProgress(applied: boolean): void };

/**
 * Does `work` whenever this process owns it, until aborted. After an error it begins anew with growing pauses, and health says
 * so each time; after a poison event only its application shows that it goes on.
 */
export async function runAsOwner(
  { name, topic, pool, key, signal, onHealth, isPoison, failed }: Owned,
  work: (client: PoolClient, owner: Owner) => Promise<void>,
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
      const owned = await whileOwner({ pool, key, signal }, (client, mine) =>
        work(client, { signal: mine, onProgress }),
      );
      if (!owned) say('standby');
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
 * Does `work` on a connection of its own that holds the lock `key`, so that one process at a time does it; false when another
 * one holds it. When the connection is lost the lock is, too: then `work`'s signal is aborted, and this throws.
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

const queues = new WeakMap<Pool, Promise<unknown>>();

/** One after the other: a process in which others' work stands by needs one connection to ask for all of it, not one for each. */
function inTurn<T>(pool: Pool, work: () => Promise<T>): Promise<T> {
  const turn = (queues.get(pool) ?? Promise.resolve()).then(work, work);
  queues.set(
    pool,
    turn.catch(() => undefined),
  );
  return turn;
}

/** A connection that holds the lock; undefined when another one does. */
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

/** Makes whoever holds the lock begin anew, by ending that connection: it reads its checkpoint again. */
export async function disconnectOwner(pool: Pick<Pool, 'query'>, key: string): Promise<void> {
  await pool.query(
    `select pg_terminate_backend(pid) from pg_locks
     where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
       and objsubid = 1 and (classid::bigint << 32 | objid::bigint) = $1 and pid <> pg_backend_pid()`,
    [key],
  );
}
