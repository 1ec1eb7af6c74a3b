import type { SalesContext } from '@gatehouse/sales/sales';
import { salesContext } from '@gatehouse/sales/context';
import type { Service } from '@gatehouse/service/run';
import { batchRoutes } from './batches';
import { renderingRoutes } from './rendering';

/** Batches of offline tickets over REST: contract §9. */
export const offlineSales: Service<SalesContext> = {
  name: 'offline-sales',
  context: salesContext,
  mount: (sales) => ({ routes: [...batchRoutes(sales), ...renderingRoutes(sales)] }),
};
