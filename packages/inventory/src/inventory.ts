import type { EventBus } from '@gatehouse/eventing/event-bus';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import { opening } from '@gatehouse/eventing/opening';
import { openKeyedPool, openRequestPool } from '@gatehouse/eventing/postgres';
import { freshness } from '@gatehouse/eventing/freshness';
import type { Backends } from '@gatehouse/service/backends';
import { CATALOG } from '@gatehouse/shop/catalog-model';
import { openShop, type Shop } from '@gatehouse/shop/shop';
import type { Pool } from 'pg';
import { cartIds } from './cart-ids';
import { cartFinder, type CartFinder } from './carts/find';
import { cartsModel } from './carts/read-model';
import { inventoryStreams, type InventoryStreams } from './inventory-streams';
import { refusalLog } from './refusals';
import { reservations, type Reservations } from './reservations';
import { factsReader, type FactsReader } from './shop/facts';
import { shopModel } from './shop/read-model';
import { uploads, type Uploads } from './uploads';

const INVENTORY = 'inventory';

/** What the service cart or a command works with. */
export type InventoryContext = Shop & {
  /** The pools that requests and decisions need. */
  readonly serving: readonly Pool[];
  readonly store: ContextStore;
  /** What decisions know of the shop. */
  readonly facts: FactsReader;
  readonly streams: InventoryStreams;
  readonly reservations: Reservations;
  readonly carts: CartFinder;
  /** Waits until read models have applied all that this context's history holds, bounded (design §1.9). */
  caughtUp(models: readonly ('carts' | 'shop')[]): Promise<boolean>;
  readonly uploads: Uploads;
  close(): Promise<void>;
};

/** For all that requests ask beside a reservation. */
const REQUEST_CONNECTIONS = 4;
/** One each for reading facts, for appends and for loads, which never run two of a kind at once, and one for the rest. */
const KEYED_CONNECTIONS = 4;
/** What every process needs to serve; `InventoryContext.serving` are the pools. */
export const SERVING_CONNECTIONS = REQUEST_CONNECTIONS + KEYED_CONNECTIONS;

/** Opens the context over a migrated schema; a command needs no bus. */
export async function openInventory(backends: Backends, { bus }: { bus?: EventBus } = {}): Promise<InventoryContext> {
  const listener = backends.listenerOf(INVENTORY);
  const url = backends.urlOf(INVENTORY);
  const pool = openRequestPool(url, INVENTORY, REQUEST_CONNECTIONS);
  const keyed = openKeyedPool(url, INVENTORY, KEYED_CONNECTIONS);
  const store = backends.store(INVENTORY, keyed, [shopModel, cartsModel]);
  const shop = await opening((opened) => {
    opened(() => pool.end());
    return openShop({ pool, schema: INVENTORY, listener, bus, awaited: [CATALOG, shopModel.name] });
  });
  const { catalog } = shop;
  const { caughtUp } = freshness({ pool, schema: INVENTORY, listener, store });
  const facts = factsReader(keyed, catalog, shop);
  const refusals = refusalLog(store);
  const streams = inventoryStreams(store, pool);
  const carts = cartFinder(pool);
  return {
    ...shop,
    serving: [pool, keyed],
    store,
    facts,
    streams,
    reservations: reservations({ streams, facts, carts, ids: cartIds(keyed), refusals, catalog, caughtUp }),
    carts,
    caughtUp: (models) => caughtUp(models),
    uploads: uploads(pool),
    async close() {
      catalog.close();
      await refusals.idle();
      await facts.idle();
      await store.idle();
      await keyed.end();
      await pool.end();
    },
  };
}
