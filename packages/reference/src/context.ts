import type { ContextStore } from '@gatehouse/eventing/event-store';
import { opening } from '@gatehouse/eventing/opening';
import { EVENT_STORE_SQL, migrate, openPool } from '@gatehouse/eventing/postgres';
import { lagsOf } from '@gatehouse/eventing/lag';
import { runRelay } from '@gatehouse/eventing/relay';
import type { Config } from '@gatehouse/service/config';
import { feedStates } from '@gatehouse/service/feed-states';
import type { Backends } from '@gatehouse/service/backends';
import type { ContextModule, OpenContext, Platform, Service } from '@gatehouse/service/run';
import { watchStore } from '@gatehouse/service/store-health';
import type { Pool } from 'pg';

const REFERENCE = 'reference';
/** For imports: one holds the lock, the others read and write at the same time. */
const CONNECTIONS = 4;
/** The relay holds one for its lock and reads with another. */
const RELAY_CONNECTIONS = 3;
const PING_PATIENCE_MS = 5_000;

/** Opens history and connections of `reference`, for the importer and for credentials. Creates or updates the schema. */
export async function openReference(
  backends: Backends,
  connections = CONNECTIONS,
): Promise<{ store: ContextStore; pool: Pool }> {
  return opening(async (opened) => {
    const pool = openPool(backends.urlOf(REFERENCE), REFERENCE, connections);
    opened(() => pool.end());
    await migrate(pool, REFERENCE, EVENT_STORE_SQL);
    return { pool, store: backends.store(REFERENCE, pool) };
  });
}

/** `reference` as a process hosts it: its relay. Importer and credentials are commands. */
export const referenceContext: ContextModule<null> = { name: REFERENCE, connections: connectionsOf, open };

/** The service that publishes what the importer writes. It has no routes. */
export const referenceRelay: Service<null> = { name: 'reference', context: referenceContext, mount: () => ({}) };

/** Without a broker there is no relay, and nothing to do but to say whether the database is there. */
function connectionsOf({ eventBus, roles }: Config): number {
  return eventBus.kind === 'kafka' && roles.has('relay') ? RELAY_CONNECTIONS : 1;
}

function open({ config, backends, log }: Platform): Promise<OpenContext<null>> {
  return opening(async (opened) => {
    const { store, pool } = await openReference(backends, connectionsOf(config));
    opened(() => pool.end());
    const { onHealth, troubles } = feedStates(log);
    const { bus, isRelayed, close } = await backends.bus({ context: REFERENCE, follows: [], pool, onHealth });
    opened(close);
    const ask = () => pool.query({ text: 'select 1', query_timeout: PING_PATIENCE_MS });
    const health = await watchStore([], { log, name: 'the database', also: ask });
    const stop = new AbortController();
    const feed = { ...store, topic: REFERENCE };
    const relaying =
      config.roles.has('relay') && isRelayed
        ? runRelay({ feed, bus, pool, signal: stop.signal, onHealth })
        : Promise.resolve();

    return {
      value: null,
      // Nobody asks here.
      credentials: { find: () => Promise.resolve('unknown') },
      events: { exists: () => false },
      health: () => ({ blocking: [health.trouble()].filter((each) => each !== null), troubles: troubles() }),
      lags: () => lagsOf({ pool, schema: REFERENCE, feeds: new Map([[REFERENCE, feed]]), isRelayed }),
      async close() {
        health.close();
        stop.abort();
        await relaying.catch(() => undefined);
        await close();
        await pool.end();
      },
    };
  });
}
