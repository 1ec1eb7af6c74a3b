import type { InventoryContext } from '@gatehouse/inventory/inventory';
import { inventoryContext } from '@gatehouse/inventory/context';
import type { Service } from '@gatehouse/service/run';
import { cartRoutes } from './cart-positions';
import { quotaRoutes } from './quotas';
import { uploadRoute } from './upload';

/** Cart positions and quotas over REST: contract §8. */
export const cart: Service<InventoryContext> = {
  name: 'cart',
  context: inventoryContext,
  mount: (inventory) => ({
    routes: [...cartRoutes(inventory), ...quotaRoutes(inventory), uploadRoute(inventory.uploads)],
  }),
};
