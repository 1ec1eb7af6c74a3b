import type { InventoryContext } from '@gatehouse/inventory/inventory';
import { inventoryContext } from '@gatehouse/inventory/context';
import type { Service } from '@gatehouse/service/run';
import { uploadRoute } from './upload';

/** Cart positions and quotas over REST: contract §8. */
export const cart: Service<InventoryContext> = {
  name: 'cart',
  context: inventoryContext,
  mount: (inventory) => ({ routes: [uploadRoute(inventory.uploads)] }),
};
