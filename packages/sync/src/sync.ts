import type { EventBus } from '@gatehouse/eventing/event-bus';
import { opening } from '@gatehouse/eventing/opening';
import { openRequestPool } from '@gatehouse/eventing/postgres';
import type { Backends } from '@gatehouse/service/backends';
import { openShop, type Shop } from '@gatehouse/shop/shop';
import type { Pool } from 'pg';
import { openObjects, type Objects } from './objects/objects';
import { orderFinder, type OrderFinder } from './orders/find';

const SYNC = 'sync';

/** What the service sync works with. */
export type SyncContext = Shop & {
  /** The pools that requests need. */
  readonly serving: readonly Pool[];
  readonly store: { idle(): Promise<void> };
  readonly objects: Objects;
  readonly orders: OrderFinder;
  close(): Promise<void>;
};

/** What every process needs to serve; `SyncContext.serving` are the pools. Few, so that scans have the database's time. */
export const SERVING_CONNECTIONS = 3;

/** Opens the context over a migrated schema; a command needs no bus. */
export async function openSync(backends: Backends, { bus }: { bus?: EventBus } = {}): Promise<SyncContext> {
  const listener = backends.listenerOf(SYNC);
  const pool = openRequestPool(backends.urlOf(SYNC), SYNC, SERVING_CONNECTIONS);
  const { shop, objects } = await opening(async (opened) => {
    opened(() => pool.end());
    const shop = await openShop({ pool, schema: SYNC, listener, bus, awaited: [] });
    opened(() => shop.catalog.close());
    return { shop, objects: await openObjects({ pool, schema: SYNC, listener }) };
  });
  return {
    ...shop,
    serving: [pool],
    // It writes no history.
    store: { idle: () => Promise.resolve() },
    objects,
    orders: orderFinder(pool),
    refresh: async () => void (await Promise.all([shop.refresh(), objects.refresh()])),
    async close() {
      objects.close();
      shop.catalog.close();
      await pool.end();
    },
  };
}
