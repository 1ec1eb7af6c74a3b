import { UnusableDatabase } from '@gatehouse/eventing/database-check';
import { pingAll, isExhausted } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import type { Log } from './log';

export type StoreHealth = {
  /** Why requests cannot be served; null when they can. */
  trouble(): string | null;
  close(): void;
};

const EVERY_MS = 1_000;
/** On a network that drops packets a query gets neither a reply nor an error. */
const PATIENCE_MS = 5_000;

/**
 * Checks each connection of the pools that serve requests once a second, since a working connection does not prove that
 * others can be opened. `also` runs a further check. Throws UnusableDatabase when not all connections can be opened at the
 * start.
 */
export async function watchStore(
  pools: readonly Pool[],
  { log, name, also = () => Promise.resolve() }: { log: Log; name: string; also?: () => Promise<unknown> },
): Promise<StoreHealth> {
  let trouble: string | null = null;
  let asking = false;
  const askPools = () => Promise.all(pools.map((pool) => pingAll(pool, PATIENCE_MS)));
  const ask = () => Promise.all([askPools(), also()]);
  await askPools().catch((cause: unknown) => {
    const number = pools.reduce((sum, pool) => sum + pool.options.max, 0);
    throw new UnusableDatabase(
      `Not all of the ${number} connections for ${name} could be opened (${cause instanceof Error ? cause.message : String(cause)}): ` +
        'raise max_connections of PostgreSQL, or default_pool_size of pgbouncer.',
      { cause },
    );
  });
  async function look(): Promise<void> {
    if (asking) return;
    asking = true;
    const before = trouble;
    trouble = await ask().then(
      () => null,
      (error: unknown) =>
        isExhausted(error)
          ? `${name} takes no more connections: raise its max_connections, or run fewer processes`
          : `${name} cannot be reached`,
    );
    if (trouble !== before) {
      if (trouble !== null) log.error({ reason: trouble }, 'requests cannot be served');
      else log.info({ after: before }, 'requests can be served again');
    }
    asking = false;
  }
  const timer = setInterval(() => void look(), EVERY_MS).unref();
  return { trouble: () => trouble, close: () => clearInterval(timer) };
}
