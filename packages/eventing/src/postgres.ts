import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { metrics } from '@opentelemetry/api';
import {
  Client,
  Pool,
  types,
  type ClientBase,
  type ClientConfig,
  type PoolClient,
  type PoolConfig,
  type QueryConfig,
} from 'pg';
import { StoreOverloaded, StoreUnavailable, WrongRevision } from './event-store';

declare module 'pg' {
  // Understood by pg, unknown to its types. The interface's parameter must be named as it is there.
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  interface QueryConfig<I> {
    /** Rejects with 'Query read timeout' after so many milliseconds. */
    query_timeout?: number;
  }
}

/** PostgreSQL's text of a timestamptz in UTC as a canonical instant: `2026-11-20 13:45:30.5+00` → `2026-11-20T13:45:30.500000Z`. */
function instantFromPostgres(text: string): string {
  const seconds = `${text.slice(0, 10)}T${text.slice(11, 19)}`;
  const fraction = /\.(\d+)/.exec(text)?.[1];
  return fraction ? `${seconds}.${fraction.padEnd(6, '0')}Z` : `${seconds}Z`;
}

const TIMESTAMPTZ = 1184;
const typeParsers: ClientConfig['types'] = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === TIMESTAMPTZ ? instantFromPostgres : types.getTypeParser(oid, format)) as never,
};

const settings: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  client_min_messages: 'warning',
  jit: 'off',
  // The append lock orders writers only if each statement sees everything committed before it began; the server's default
  // may differ.
  default_transaction_isolation: 'read committed',
  // Locks of a machine that lost its network are released after half a minute instead of two hours.
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '4',
};

/**
 * Settings for statements that find rows by keys only: plans are made once per connection and use indexes, whatever the
 * statistics say. Otherwise PostgreSQL plans a statement with arrays at each call, which costs more than running it, or
 * keeps a plan from when its tables were tiny.
 */
const byKey: Readonly<Record<string, string>> = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
};

function clientConfig(url: string): ClientConfig {
  return {
    connectionString: url,
    types: typeParsers,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'gatehouse',
  };
}

/** Time limit for opening a connection and for applying its settings. */
const CONNECT_MS = 5_000;

/**
 * Sets a session's settings in a statement when the connection is new. Not with the start-up parameter `options`: pgbouncer
 * refuses it, and one in the URL would replace ours.
 */
function setUp(schema: string, extra: Readonly<Record<string, string>> = {}): QueryConfig {
  const all = Object.entries({ ...settings, ...extra, search_path: `${schema},public` });
  const text = `select ${all.map(([name, value]) => `set_config('${name}', '${value}', false)`).join(', ')}`;
  return { text, query_timeout: CONNECT_MS };
}

/** A pool whose connections use one context's schema. A lost database never ends the process. */
export function openPool(url: string, schema: string, max = 10): Pool {
  return poolOf({ ...clientConfig(url), max }, { schema, use: 'work' });
}

/** Time limit for a reply of PostgreSQL: on a network that drops packets a request must not wait for ever. */
const ANSWER_MS = 10_000;

/** A pool for requests: a query without a reply fails with a connection error after ten seconds. */
export function openRequestPool(url: string, schema: string, max: number): Pool {
  return poolOf({ ...clientConfig(url), max, query_timeout: ANSWER_MS }, { schema, use: 'requests' });
}

/** A request pool for the statements that every scan runs, all of which find their rows by keys. */
export function openKeyedPool(url: string, schema: string, max: number): Pool {
  return poolOf({ ...clientConfig(url), max, query_timeout: ANSWER_MS }, { schema, use: 'scans' }, byKey);
}

function poolOf(
  config: PoolConfig,
  names: { schema: string; use: string },
  extra?: Readonly<Record<string, string>>,
): Pool {
  const settled = setUp(names.schema, extra);
  // A connection without its settings must not be used, so it is discarded when they cannot be applied. pg-pool awaits this
  // promise, although its types do not say so.
  const onConnect = (client: ClientBase) => client.query(settled) as unknown as void;
  const pool = new Pool({ ...config, idleTimeoutMillis: 0, onConnect });
  // Without a listener an error of an idle connection would end the process; the next query reports it.
  pool.on('error', () => undefined);
  // The same for an error between acquiring a connection and adding a listener; both can happen in one network packet.
  pool.on('connect', (client) => client.on('error', () => undefined));
  observe(pool, names);
  return pool;
}

/**
 * Queries every idle connection of a pool and opens the missing ones, so that all of them are usable before they are
 * needed. Rejects with the first error.
 */
export async function pingAll(pool: Pool, atMostMs: number): Promise<void> {
  const free = pool.options.max - (pool.totalCount - pool.idleCount);
  await Promise.all(Array.from({ length: free }, () => pool.query({ text: 'select 1', query_timeout: atMostMs })));
}

/** True when PostgreSQL refused a connection because the server, the database or the role has too many. */
export const isExhausted = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === '53300';

function observe(pool: Pool, names: { schema: string; use: string }): void {
  const gauge = metrics.getMeter('gatehouse').createObservableGauge('gatehouse.pool.connections', {
    description: 'Connections of a pool by what they do, and who waits for one',
  });
  const observeCounts: Parameters<typeof gauge.addCallback>[0] = (result) => {
    if (pool.ended) return gauge.removeCallback(observeCounts);
    result.observe(pool.totalCount - pool.idleCount, { ...names, state: 'busy' });
    result.observe(pool.idleCount, { ...names, state: 'idle' });
    result.observe(pool.waitingCount, { ...names, state: 'waiting' });
  };
  gauge.addCallback(observeCounts);
}

/**
 * True when an error means that the database is down, shutting down or read-only, rather than that the statement was wrong.
 */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof StoreUnavailable) return true;
  // Not `instanceof Error`: jest runs tests in another realm than node's network errors.
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && (/^(08|57P|53|25006)/.test(code) || NETWORK_ERRORS.has(code))) return true;
  return typeof message === 'string' && BROKEN.test(message);
}

const NETWORK_ERRORS: ReadonlySet<string> = new Set(
  'ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ENOENT ETIMEDOUT EHOSTUNREACH ENETUNREACH ENETDOWN ENOTFOUND EAI_AGAIN'.split(
    ' ',
  ),
);
/** Messages of pg's errors without a code. */
const BROKEN = new RegExp(
  [
    'Connection terminated',
    'timeout exceeded when trying to connect',
    'timeout expired',
    'Query read timeout',
    'Client has encountered a connection error',
    'not queryable',
    'Client was closed',
    'Cannot use a pool after calling end',
  ].join('|'),
  'i',
);

/**
 * True for a transient error: the database is down, it cancelled this statement (a deadlock, a timeout, a cancellation), or
 * other writers were first.
 */
export const isPassing = (error: unknown): boolean =>
  isConnectionError(error) ||
  error instanceof StoreOverloaded ||
  error instanceof WrongRevision ||
  isOfOtherTables(error) ||
  /^(40...|55P03|57014)$/.test(String((error as { code?: unknown } | null | undefined)?.code));

/**
 * True when the tables are not (or no longer) those of this release: another version of a read model is being built or was
 * just swapped in. PostgreSQL also refuses statements that a connection prepared before the swap.
 */
function isOfOtherTables(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return (
    code === '42703' || code === '42P01' || (code === '0A000' && message === 'cached plan must not change result type')
  );
}

/** Runs a query and turns errors about an unavailable database or tables of another release into StoreUnavailable. */
export async function available<T>(query: Promise<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    if (isOfOtherTables(error)) throw new StoreUnavailable('the tables are being changed', { cause: error });
    throw isConnectionError(error) ? new StoreUnavailable('the database is away', { cause: error }) : error;
  }
}

/**
 * Runs `work` in one transaction on a connection of the pool. If the connection breaks, it is discarded and
 * StoreUnavailable is thrown; whether the transaction was committed is then unknown.
 */
export async function inTransaction<T>(pool: Pool, work: (tx: PoolClient) => Promise<T>): Promise<T> {
  const client = await available(pool.connect());
  let broken: Error | undefined;
  const onError = (error: Error) => (broken = error);
  client.on('error', onError);
  try {
    return await available(transaction(client, () => work(client)));
  } catch (error) {
    if (error instanceof StoreUnavailable) broken ??= error;
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

/**
 * How long a change of tables waits for a lock. All later statements on the table queue behind it, even reads: behind an
 * hour's backup all of them would wait.
 */
export const LOCK_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Runs `work`, which creates, changes or drops tables, in one transaction that waits at most LOCK_MS for a lock. Without
 * the lock it is rolled back and tried again without limit; `prepare` runs before each attempt.
 */
export async function changingTables<T>(
  pool: Pool,
  work: (tx: PoolClient) => Promise<T>,
  prepare: () => Promise<void> = () => Promise.resolve(),
): Promise<T> {
  for (let pauseMs = LOCK_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    await prepare();
    try {
      return await inTransaction(pool, async (tx) => {
        await tx.query(`set local lock_timeout = ${LOCK_MS}`);
        return work(tx);
      });
    } catch (error) {
      if (!isLockedOut(error)) throw error;
      await sleep(pauseMs);
    }
  }
}

/** True when a statement failed because another session holds a lock: it may be tried again. */
const isLockedOut = (error: unknown): boolean => /^(55P03|40P01)$/.test((error as { code?: string }).code ?? '');

/** Runs `work` between begin and commit, or rolls back and throws. */
export async function transaction<T>(client: Pick<PoolClient, 'query'>, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const result = await work();
    const { command } = await client.query('commit');
    // PostgreSQL reports the commit of a failed transaction as a successful rollback.
    if (command !== 'COMMIT') throw new Error('the transaction had failed before its commit');
    return result;
  } catch (error) {
    if (!isConnectionError(error)) await client.query('rollback');
    throw error;
  }
}

/** A 63-bit number for an advisory lock; the same words give the same number in every process. */
export function lockKey(...words: string[]): string {
  let hash = 0xcbf29ce484222325n;
  for (const char of words.join('/'))
    hash = ((hash ^ BigInt(char.codePointAt(0)!)) * 0x100000001b3n) & 0x7fffffffffffffffn;
  return hash.toString();
}

/**
 * Applies the numbered SQL files of `folder` that `schema` does not have yet, all or none, under a lock, since several
 * processes may start at once. Creates the schema.
 */
export async function migrate(pool: Pool, schema: string, folder: string): Promise<void> {
  await changingTables(pool, async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [lockKey('migrate', schema)]);
    await tx.query(`create schema if not exists ${schema}`);
    await tx.query(
      `create table if not exists ${schema}.migrations (name text primary key, at timestamptz not null default now())`,
    );
    const done = await tx.query<{ name: string }>(`select name from ${schema}.migrations`);
    const seen = new Set(done.rows.map((row) => row.name));
    const files = readdirSync(folder)
      .filter((file) => /^\d+.*\.sql$/.test(file))
      .sort();
    await tx.query(`set local search_path = ${schema}, public`);
    for (const file of files.filter((name) => !seen.has(name))) {
      await tx.query(readFileSync(join(folder, file), 'utf8'));
      await tx.query(`insert into ${schema}.migrations (name) values ($1)`, [file]);
    }
  });
}

/** Folder with the SQL of the event store, for `migrate`. */
export const EVENT_STORE_SQL = join(__dirname, '..', 'sql');

export type Listener = {
  /**
   * Calls back once when it listens, because something may have happened before; then after each notification with this payload, and
   * after a reconnect. Call the returned function to unsubscribe. While no process subscribes to a payload, no notification is sent (sql/003-tell.sql).
   */
  on(payload: string, callback: () => void): () => void;
  close(): Promise<void>;
};

/** Interval of a query that detects a dead connection: on a network that drops packets no socket is closed. */
const HEARTBEAT_MS = 15_000;

/** One LISTEN connection per process, on the channel `gatehouse`; it reconnects by itself. */
export function listen(url: string): Listener {
  const callbacks = new Map<string, Set<() => void>>();
  let closed = false;
  /** Runs statements one after another on the connection; undefined while it is not listening. */
  let listening: ((text: string, values?: unknown[]) => Promise<unknown>) | undefined;
  let client: Client | undefined;
  let retryMs = 50;
  let retry: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    const mine = new Client({ ...clientConfig(url), query_timeout: HEARTBEAT_MS });
    client = mine;
    let last: Promise<unknown> = Promise.resolve();
    const inTurn = (text: string, values: unknown[] = []): Promise<unknown> => {
      last = last.then(() => mine.query(text, values)).catch(() => lost());
      return last;
    };
    const heartbeat = setInterval(() => void inTurn('select 1'), HEARTBEAT_MS).unref();
    const lost = () => {
      if (client !== mine) return;
      client = undefined;
      listening = undefined;
      clearInterval(heartbeat);
      mine.end().catch(() => undefined);
      if (closed) return;
      retry = setTimeout(() => void connect(), retryMs);
      retryMs = Math.min(retryMs * 2, 1_000);
    };
    mine.on('error', lost);
    mine.on('end', lost);
    mine.on('notification', ({ payload }) => wake(payload ?? ''));
    try {
      await mine.connect();
      await mine.query(setUp('public'));
      await mine.query('listen gatehouse');
      retryMs = 50;
      listening = inTurn;
      subscribe([...callbacks.keys()]);
    } catch {
      lost();
    }
  }
  void connect();

  function wake(payload: string): void {
    for (const callback of callbacks.get(payload) ?? []) callback();
  }

  /**
   * Takes the shared locks that make commits notify these payloads, then calls their callbacks. After a reconnect this is
   * done for all payloads.
   */
  function subscribe(payloads: readonly string[]): void {
    if (payloads.length === 0) return;
    const text = 'select pg_advisory_lock_shared(hashtextextended(payload, 0)) from unnest($1::text[]) payload';
    void listening?.(text, [payloads]).then(() => payloads.forEach(wake));
  }

  function unsubscribe(payload: string): void {
    void listening?.('select pg_advisory_unlock_shared(hashtextextended($1, 0))', [payload]);
  }

  return {
    on(payload, callback) {
      const set = callbacks.get(payload) ?? new Set();
      const isFirst = set.size === 0;
      callbacks.set(payload, set.add(callback));
      if (isFirst) subscribe([payload]);
      else callback();
      return () => {
        if (!set.delete(callback) || set.size > 0) return;
        callbacks.delete(payload);
        unsubscribe(payload);
      };
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      const last = client;
      await last?.end().catch(() => undefined);
    },
  };
}

/** `next` resolves when `wake` was called since the last wait, when `signal` aborts, or after `atMostMs`. */
export function waker(): { wake(): void; next(signal: AbortSignal, atMostMs: number): Promise<void> } {
  let woken = false;
  let resolveNext: (() => void) | undefined;
  return {
    wake() {
      woken = true;
      resolveNext?.();
    },
    async next(signal, atMostMs) {
      if (!woken && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(done, atMostMs);
          function done(): void {
            clearTimeout(timer);
            signal.removeEventListener('abort', done);
            resolveNext = undefined;
            resolve();
          }
          resolveNext = done;
          signal.addEventListener('abort', done, { once: true });
        });
      }
      woken = false;
    },
  };
}
