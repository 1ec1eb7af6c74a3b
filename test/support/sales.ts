import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { inventoryContext } from '@gatehouse/inventory/context';
import { openInventory, type InventoryContext } from '@gatehouse/inventory/inventory';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { salesContext } from '@gatehouse/sales/context';
import type { WantedBatch } from '@gatehouse/sales/request';
import { openSales, type SalesContext } from '@gatehouse/sales/sales';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { openFeeds, type Feeds } from '@gatehouse/service/feeds';
import type { Service } from '@gatehouse/service/run';
import { SHOP } from './shop';
import { startSystem, type System } from './system';

/** The system with the services cart and offline-sales, and their contexts as a process beside it has them. */
export type SalesSystem = System & {
  readonly sales: SalesContext;
  readonly inventory: InventoryContext;
  /** The histories that they read, and connections to look at their tables. */
  readonly salesFeeds: Feeds;
  readonly inventoryFeeds: Feeds;
};

export async function startSales(
  env: Readonly<Record<string, string>> = {},
  services: readonly Service<unknown>[] = [checkin, cart, offlineSales, reference],
): Promise<SalesSystem> {
  const system = await startSystem(services, env);
  const backends = openBackends(readConfig(env), system.databaseUrl);
  const salesFeeds = await openFeeds(salesContext, backends, { connections: 3 });
  const inventoryFeeds = await openFeeds(inventoryContext, backends, { connections: 3 });
  const sales = await openSales(backends, { bus: salesFeeds.bus.bus });
  const inventory = await openInventory(backends, { bus: inventoryFeeds.bus.bus });
  return {
    ...system,
    ...{ sales, inventory, salesFeeds, inventoryFeeds },
    async close() {
      await sales.close();
      await inventory.close();
      await salesFeeds.close();
      await inventoryFeeds.close();
      await backends.close();
      await system.close();
    },
  };
}

/** What a request may want of the shop in `hall.ts`. */
export const WANTED: WantedBatch = {
  ...{ item: SHOP.pass, variation: null, date: null, layout: 123, amount: 3 },
  ...{ sales_channel: 'web', testmode: false, comment: 'Box office', locale: 'en' },
  ...{ price: '10.00', tax_rate: '19.00', tax_value: '1.60', tax_rule: null },
};
