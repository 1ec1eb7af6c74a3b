import type { ReadModel } from '@gatehouse/eventing/read-model';
import type { ContextDefinition } from '@gatehouse/service/context';
import { catalogModel } from '@gatehouse/shop/catalog-model';
import { credentialsModel } from '@gatehouse/shop/credentials';
import { layoutsModel } from '@gatehouse/shop/layouts';
import { restAccess } from '@gatehouse/shop/principals';
import { openSales, SERVING_CONNECTIONS, type SalesContext } from './sales';

/** In the order in which they are installed. */
export const READ_MODELS: readonly ReadModel[] = [
  catalogModel(['organizer', 'event', 'date', 'category', 'item', 'channel']),
  credentialsModel,
  layoutsModel,
];

/** `sales`: batches of offline tickets, from the request to the printed page. */
export const salesContext: ContextDefinition<SalesContext> = {
  name: 'sales',
  readModels: READ_MODELS,
  servingConnections: SERVING_CONNECTIONS,
  open: openSales,
  access: restAccess,
};
