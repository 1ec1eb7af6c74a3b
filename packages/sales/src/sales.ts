import { sales, type BatchEvent } from '@gatehouse/events/sales';
import { batch, type Batch } from '@gatehouse/domain/batch';
import type { EventBus } from '@gatehouse/eventing/event-bus';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import { opening } from '@gatehouse/eventing/opening';
import { openKeyedPool, openRequestPool } from '@gatehouse/eventing/postgres';
import { streams, type Streams } from '@gatehouse/eventing/streams';
import type { Backends } from '@gatehouse/service/backends';
import { layoutOf } from '@gatehouse/shop/layouts';
import { openShop, type Shop } from '@gatehouse/shop/shop';
import type { Pool } from 'pg';
import type { PageSource } from './rendering/pages';
import { openRenders, type Rendering } from './rendering/renders';

const SALES = 'sales';

/** What the service offline-sales or a command works with. */
export type SalesContext = Shop & {
  /** The pools that requests need. */
  readonly serving: readonly Pool[];
  readonly store: ContextStore;
  readonly batches: Streams<Batch, BatchEvent>;
  readonly renders: Rendering;
  close(): Promise<void>;
};

const REQUEST_CONNECTIONS = 3;
/** For appends and loads. */
const KEYED_CONNECTIONS = 2;
/** What every process needs to serve; `SalesContext.serving` are the pools. */
export const SERVING_CONNECTIONS = REQUEST_CONNECTIONS + KEYED_CONNECTIONS;

/** Batches whose states a process keeps in memory: each holds what its tickets use, some megabytes for ten thousand. */
const REMEMBERED = 20;

/** Opens the context over a migrated schema; a command needs no bus. */
export async function openSales(backends: Backends, { bus }: { bus?: EventBus } = {}): Promise<SalesContext> {
  const listener = backends.listenerOf(SALES);
  const url = backends.urlOf(SALES);
  const pool = openRequestPool(url, SALES, REQUEST_CONNECTIONS);
  const keyed = openKeyedPool(url, SALES, KEYED_CONNECTIONS);
  const store = backends.store(SALES, keyed);
  const { shop, renders } = await opening(async (opened) => {
    opened(() => pool.end());
    const shop = await openShop({ pool, schema: SALES, listener, bus, awaited: [] });
    opened(() => shop.catalog.close());
    return { shop, renders: await openRenders({ pool, schema: SALES, listener, source: pageSource(shop) }) };
  });
  return {
    ...shop,
    serving: [pool, keyed],
    store,
    batches: streams(store, batch, { catalog: sales, remember: REMEMBERED }),
    renders,
    async close() {
      renders.close();
      shop.catalog.close();
      await store.idle();
      await keyed.end();
      await pool.end();
    },
  };
}

/** What tickets are printed from. There are no batches yet. */
const pageSource = ({ pool, catalog }: Shop): PageSource => ({
  catalog,
  tickets: () => Promise.resolve([]),
  layout: (where, id) => layoutOf(pool, where, id),
});
