import type { ContextStore } from '@gatehouse/eventing/event-store';
import { EVENT_STORE_SQL, migrate, openPool } from '@gatehouse/eventing/postgres';
import { lagsOf } from '@gatehouse/eventing/lag';
import { runRelay } from '@gatehouse/eventing/relay';
import { feedStates } from '@gatehouse/service/feed-states';
import type { Backends } from '@gatehouse/service/backends';
import type { ContextModule, OpenContext, Platform, Service } from '@gatehouse/service/run';
import type { Pool } from 'pg';

const REFERENCE = 'reference';
const CONNECTIONS = 4;
const PING_MS = 1_000;
const PING_PATIENCE_MS = 5_000;

/** Opens history and connections of `reference`, for the importer and for credentials. Creates or updates the schema. */
export async function openReference(backends: Backends): Promise<{ store: ContextStore; pool: Pool }> {
  const pool = openPool(backends.urlOf(REFERENCE), REFERENCE, CONNECTIONS);
  await migrate(pool, REFERENCE, EVENT_STORE_SQL);
  return { pool, store: backends.store(REFERENCE, pool) };
}

/** `reference` as a process hosts it: its relay. Importer and credentials are commands. */
export const referenceContext: ContextModule<null> = { name: REFERENCE, open };

/** The service that publishes what the importer writes. It has no routes. */
export const referenceRelay: Service<null> = { name: 'reference', context: referenceContext, mount: () => ({}) };

async function open({ config, backends, log }: Platform): Promise<OpenContext<null>> {
  const { store, pool } = await openReference(backends);
  const { onHealth, troubles } = feedStates(log);
  const { bus, isRelayed, close } = await backends.bus({
    context: REFERENCE,
    follows: [],
    pool,
    onHealth,
  });
  const stop = new AbortController();
  const feed = { ...store, topic: REFERENCE };
  const relaying =
    config.roles.has('relay') && isRelayed
      ? runRelay({ feed, bus, pool, signal: stop.signal, onHealth })
      : Promise.resolve();

  let reachable = true;
  const ping = setInterval(() => {
    void pool.query({ text: 'select 1', query_timeout: PING_PATIENCE_MS }).then(
      () => (reachable = true),
      () => (reachable = false),
    );
  }, PING_MS);
  ping.unref();

  return {
    value: null,
    // Nobody asks here.
    credentials: { find: () => Promise.resolve('unknown') },
    events: { exists: () => false },
    health: () => ({ blocking: reachable ? [] : ['the database cannot be reached'], troubles: troubles() }),
    lags: () => lagsOf({ pool, schema: REFERENCE, feeds: new Map([[REFERENCE, feed]]), isRelayed }),
    async close() {
      clearInterval(ping);
      stop.abort();
      await relaying.catch(() => undefined);
      await close();
      await pool.end();
    },
  };
}
