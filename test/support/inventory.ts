import { checkin } from '@gatehouse/checkin/service';
import { cart } from '@gatehouse/cart/service';
import { inventoryContext } from '@gatehouse/inventory/context';
import { openInventory, type InventoryContext } from '@gatehouse/inventory/inventory';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { openFeeds, type Feeds } from '@gatehouse/service/feeds';
import { startSystem, type System } from './system';

/** The system with the service cart, and its context as a process beside it has it. */
export type InventorySystem = System & {
  readonly inventory: InventoryContext;
  /** The histories that inventory reads, and connections to look at its tables. */
  readonly inventoryFeeds: Feeds;
};

export async function startInventory(env: Readonly<Record<string, string>> = {}): Promise<InventorySystem> {
  const system = await startSystem([checkin, cart], env);
  const backends = openBackends(readConfig(env), system.databaseUrl);
  const inventoryFeeds = await openFeeds(inventoryContext, backends, { connections: 3 });
  const inventory = await openInventory(backends, { bus: inventoryFeeds.bus.bus });
  return {
    ...system,
    inventory,
    inventoryFeeds,
    async close() {
      await inventory.close();
      await inventoryFeeds.close();
      await backends.close();
      await system.close();
    },
  };
}
