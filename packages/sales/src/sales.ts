import type { EventBus } from '@gatehouse/eventing/event-bus';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import { opening } from '@gatehouse/eventing/opening';
import { openKeyedPool, openRequestPool } from '@gatehouse/eventing/postgres';
import { freshness } from '@gatehouse/eventing/freshness';
import { publishedUpTo } from '@gatehouse/eventing/relay';
import type { Backends } from '@gatehouse/service/backends';
import { layoutOf } from '@gatehouse/shop/layouts';
import { openShop, type Shop } from '@gatehouse/shop/shop';
import type { Pool } from 'pg';
import { batchStreams, type BatchStreams } from './batch-streams';
import { batchFinder, countBatches, type BatchFinder } from './batches/find';
import { openCodes, type Codes } from './codes';
import { batchRequests, type RequestBatch } from './request';
import type { PageSource } from './rendering/pages';
import { openRenders, type Rendering } from './rendering/renders';
import { stateGauge } from './state-gauge';

const SALES = 'sales';

/** What the service offline-sales or a command works with. */
export type SalesContext = Shop & {
  /** The pools that requests need. */
  readonly serving: readonly Pool[];
  readonly store: ContextStore;
  readonly batches: BatchStreams;
  readonly codes: Codes;
  readonly request: RequestBatch;
  readonly finder: BatchFinder;
  /** Waits until read models have applied all that this context's history holds, bounded (design §1.9). */
  caughtUp(models: readonly 'batches'[]): Promise<boolean>;
  readonly renders: Rendering;
  close(): Promise<void>;
};

const REQUEST_CONNECTIONS = 3;
/** For appends and loads. */
const KEYED_CONNECTIONS = 2;
/** What every process needs to serve; `SalesContext.serving` are the pools. */
export const SERVING_CONNECTIONS = REQUEST_CONNECTIONS + KEYED_CONNECTIONS;

/** Opens the context over a migrated schema; a command needs no bus. */
export async function openSales(backends: Backends, { bus }: { bus?: EventBus } = {}): Promise<SalesContext> {
  const listener = backends.listenerOf(SALES);
  const url = backends.urlOf(SALES);
  const pool = openRequestPool(url, SALES, REQUEST_CONNECTIONS);
  const keyed = openKeyedPool(url, SALES, KEYED_CONNECTIONS);
  const store = backends.store(SALES, keyed);
  const { caughtUp } = freshness({ pool, schema: SALES, listener, store });
  const batches = batchStreams(store);
  const finder = batchFinder({
    pool,
    caughtUp: (models) => caughtUp(models),
    // Without relays the history itself is what other contexts follow.
    hasLeft: backends.isRelayed ? publishedUpTo(pool, { ...store, topic: SALES }) : () => Promise.resolve(true),
  });
  const { shop, renders } = await opening(async (opened) => {
    opened(() => pool.end());
    const shop = await openShop({ pool, schema: SALES, listener, bus, awaited: [] });
    opened(() => shop.catalog.close());
    const source: PageSource = {
      catalog: shop.catalog,
      tickets: finder.tickets,
      layout: (where, id) => layoutOf(pool, where, id),
    };
    return { shop, renders: await openRenders({ pool, schema: SALES, listener, source }) };
  });
  const endGauge = stateGauge(
    'gatehouse.batches',
    'Batches of the last 24 hours by state, of all processes: open, created, failed',
    () => countBatches(pool),
  );
  return {
    ...shop,
    serving: [pool, keyed],
    store,
    batches,
    codes: openCodes(keyed),
    request: batchRequests({ pool, batches }),
    finder,
    renders,
    caughtUp: (models) => caughtUp(models),
    async close() {
      endGauge();
      renders.close();
      shop.catalog.close();
      await store.idle();
      await keyed.end();
      await pool.end();
    },
  };
}
