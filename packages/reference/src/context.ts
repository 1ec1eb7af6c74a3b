import { setTimeout as sleep } from 'node:timers/promises';
import type { ContextStore, Position } from '@gatehouse/eventing/event-store';
import { opening } from '@gatehouse/eventing/opening';
import { openRequestPool } from '@gatehouse/eventing/postgres';
import { freshness } from '@gatehouse/eventing/freshness';
import { publishedUpTo } from '@gatehouse/eventing/relay';
import type { Backends } from '@gatehouse/service/backends';
import type { ContextDefinition, Opened } from '@gatehouse/service/context';
import { openHistory } from '@gatehouse/service/feeds';
import type { Pool } from 'pg';
import { deviceFinder, devicesModel, type DeviceFinder } from './device-model';

const REFERENCE = 'reference';

/** What the service reference works with; importer and commands only need the history (`openReference`). */
export type Reference = Opened & {
  readonly store: ContextStore;
  readonly findDevice: DeviceFinder;
  /**
   * Waits, up to a limit, until other contexts can read the event at this position: from then on they wait for it before
   * they refuse something that they do not know. Never rejects: what is written is true in any case.
   */
  published(position: Position): Promise<void>;
};

/** Devices are set up one by one: for finding one and for an append. */
const SERVING_CONNECTIONS = 2;
const PUBLISHED_WITHIN_MS = 2_000;
const LOOK_MS = 20;

async function open(backends: Backends): Promise<Reference> {
  return opening((opened) => {
    const listener = backends.listenerOf(REFERENCE);
    const pool = openRequestPool(backends.urlOf(REFERENCE), REFERENCE, SERVING_CONNECTIONS);
    opened(() => pool.end());
    const store = backends.store(REFERENCE, pool);
    // Without a relay the other contexts read this history themselves.
    const hasLeft = backends.isRelayed
      ? publishedUpTo(pool, { ...store, topic: REFERENCE })
      : () => Promise.resolve(true);
    const fresh = freshness({ pool, schema: REFERENCE, listener, store });
    return Promise.resolve({
      serving: [pool],
      store,
      findDevice: deviceFinder({ pool, caughtUp: () => fresh.caughtUp([devicesModel.name]) }),
      async published(position) {
        const until = Date.now() + PUBLISHED_WITHIN_MS;
        while (Date.now() < until && !(await hasLeft(position).catch(() => false))) await sleep(LOOK_MS);
      },
      async close() {
        await store.idle();
        await pool.end();
      },
    });
  });
}

/** The context `reference`, the shop's facts: importer and credentials are commands, devices set themselves up. */
export const referenceContext: ContextDefinition<Reference> = {
  name: REFERENCE,
  readModels: [devicesModel],
  servingConnections: SERVING_CONNECTIONS,
  open,
};

/** For imports: one connection holds the lock, the others read and write in parallel. */
const CONNECTIONS = 4;

/** Opens history and connections of `reference`, for the importer and for credentials. Creates or updates the schema. */
export const openReference = (backends: Backends): Promise<{ store: ContextStore; pool: Pool }> =>
  openHistory(referenceContext, backends, CONNECTIONS);
