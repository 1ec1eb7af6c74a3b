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
  // The append lock orders writers only when each statement sees what was committed before it began, whatever the server's
  // own default is.
  default_transaction_isolation: 'read committed',
  // The locks of a machine that went away without a word are free again in half a minute, not in two hours.
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '4',
};

/**
 * For statements that find rows by keys only, of a few or of many thousands: planned once per connection, by indexes whatever
 * the statistics say. Else PostgreSQL plans a statement with arrays anew at each call, which costs more than to run it, or
 * keeps a plan of the days when its tables were tiny.
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

/** How long a connection may take, and its settings once it stands. */
const CONNECT_MS = 5_000;

/**
 * The settings of a session, in a statement of its own when the connection is new. Not as the start-up parameter `options`: pgbouncer
 * refuses that, and one in the URL would replace ours.
 */
function setUp(schema: string, extra: Readonly<Record<string, string>> = {}): QueryConfig {
  const all = Object.entries({ ...settings, ...extra, search_path: `${schema},public` });
  const text = `select ${all.map(([name, value]) => `set_config('${name}', '${value}', false)`).join(', ')}`;
  return { text, query_timeout: CONNECT_MS };
}

/** A pool whose connections see one context's schema. Never ends the process when the database goes away. */
export function openPool(url: string, schema: string, max = 10): Pool {
  return poolOf({ ...clientConfig(url), max }, { schema, use: 'work' });
}

/** How long a request waits for an answer of PostgreSQL: a network that swallows packets must not hold it for ever. */
const ANSWER_MS = 10_000;

/** A pool for what requests ask: a query without an answer is a connection error after ten seconds. */
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
  // A connection without its settings would be a wrong one: it is thrown away when they cannot be made. pg-pool waits for the answer,
  // its types do not know.
  const onConnect = (client: ClientBase) => client.query(settled) as unknown as void;
  const pool = new Pool({ ...config, idleTimeoutMillis: 0, onConnect });
  // Without a listener an idle connection that breaks would end the process; the next query reports it.
  pool.on('error', () => undefined);
  // So would one that breaks between being taken and being listened to: both may stand in one packet.
  pool.on('connect', (client) => client.on('error', () => undefined));
  observe(pool, names);
  return pool;
}

/**
 * Asks every connection that a pool has idle, and opens those that it lacks: a pool that serves must be whole before it is needed
 * whole. Rejects as the first that fails does.
 */
export async function pingAll(pool: Pool, atMostMs: number): Promise<void> {
  const free = pool.options.max - (pool.totalCount - pool.idleCount);
  await Promise.all(Array.from({ length: free }, () => pool.query({ text: 'select 1', query_timeout: atMostMs })));
}

/** Whether PostgreSQL refused a connection because there are too many: of the server, the database or the role. */
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

/** Whether an error says that the database is away, going away or only a stand-in, not that the statement was wrong. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof StoreUnavailable) return true;
  // Not `instanceof Error`: jest runs tests in a realm of their own, and the network's errors are of node's.
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && (/^(08|57P|53|25006)/.test(code) || NETWORK_ERRORS.has(code))) return true;
  return typeof message === 'string' && BROKEN.test(message);
}

const NETWORK_ERRORS: ReadonlySet<string> = new Set(
  'ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ENOENT ETIMEDOUT EHOSTUNREACH ENETUNREACH ENETDOWN ENOTFOUND EAI_AGAIN'.split(
    ' ',
  ),
);
/** What pg says without a code. */
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
 * Whether the same may go well the next time: the database is away, or it gave up this call in favour of another (a deadlock, a
 * time-out, a cancellation), or others were first.
 */
export const isPassing = (error: unknown): boolean =>
  isConnectionError(error) ||
  error instanceof StoreOverloaded ||
  error instanceof WrongRevision ||
  isOfOtherTables(error) ||
  /^(40...|55P03|57014)$/.test(String((error as { code?: unknown } | null | undefined)?.code));

/**
 * Whether the tables are not (or not any more) those that this release knows: another version of a read model is being built or has
 * just taken their place. PostgreSQL also refuses a statement that a connection prepared before.
 */
function isOfOtherTables(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return (
    code === '42703' || code === '42P01' || (code === '0A000' && message === 'cached plan must not change result type')
  );
}

/** Runs a query so that an absent database is a StoreUnavailable, and tables of another release are, too. */
export async function available<T>(query: Promise<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    if (isOfOtherTables(error)) throw new StoreUnavailable('the tables are being changed', { cause: error });
    throw isConnectionError(error) ? new StoreUnavailable('the database is away', { cause: error }) : error;
  }
}

/**
 * Runs `work` in one transaction on a connection of the pool, which is thrown away when it broke: then StoreUnavailable, and
 * whether the transaction was committed is unknown.
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
 * How long a change of tables waits for a lock. Everybody who comes to the table after it waits, too, even those who only read:
 * behind a backup that takes an hour all of them would.
 */
export const LOCK_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Runs `work`, which creates, changes or drops something, in one transaction that waits for no lock longer than LOCK_MS. When it
 * does not get one it is rolled back and tried again, for as long as it takes; each time `prepare` goes before it.
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

/** Whether a statement gave up because somebody else holds a lock: it may be tried again. */
const isLockedOut = (error: unknown): boolean => /^(55P03|40P01)$/.test((error as { code?: string }).code ?? '');

/** Runs `work` between begin and commit, or rolls back and throws. */
export async function transaction<T>(client: Pick<PoolClient, 'query'>, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const result = await work();
    const { command } = await client.query('commit');
    // PostgreSQL answers the commit of a failed transaction with a rollback, and calls that a success.
    if (command !== 'COMMIT') throw new Error('the transaction had failed before its commit');
    return result;
  } catch (error) {
    if (!isConnectionError(error)) await client.query('rollback');
    throw error;
  }
}

/** A 63-bit number for an advisory lock, from words; the same words give the same number in every process. */
export function lockKey(...words: string[]): string {
  let hash = 0xcbf29ce484222325n;
  for (const char of words.join('/'))
    hash = ((hash ^ BigInt(char.codePointAt(0)!)) * 0x100000001b3n) & 0x7fffffffffffffffn;
  return hash.toString();
}

/**
 * Applies the numbered SQL files of `folder` that `schema` has not seen yet, all or none, under a lock: several processes may
 * start at once. Creates the schema.
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

/** The SQL of the event store, for `migrate`. */
export const EVENT_STORE_SQL = join(__dirname, '..', 'sql');

export type Listener = {
  /**
   * Calls back once when it listens, because something may have happened before; then after each notification with this payload, and
   * after a reconnect. Call the returned function to unsubscribe. While no process subscribes to a payload, no notification is sent (sql/003-tell.sql).
   */
  on(payload: string, callback: () => void): () => void;
  close(): Promise<void>;
};

/** How often the connection is asked whether it still lives: a network that swallows packets ends no connection. */
const HEARTBEAT_MS = 15_000;

/** One LISTEN connection per process, on the channel `gatehouse`; it comes back by itself. */
export function listen(url: string): Listener {
  const callbacks = new Map<string, Set<() => void>>();
  let closed = false;
  /** The connection while it listens: one statement after the other. */
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

  /** Says that somebody waits for these, and wakes them then. A connection that comes back does so for all. */
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

/** `next` resolves when `wake` was called since the last wait, or `signal` is aborted, or after `atMostMs`. */
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
