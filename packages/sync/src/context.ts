import type { ReadModel } from '@gatehouse/eventing/read-model';
import type { ContextDefinition } from '@gatehouse/service/context';
import { catalogModel } from '@gatehouse/shop/catalog-model';
import { credentialsModel } from '@gatehouse/shop/credentials';
import { restAccess } from '@gatehouse/shop/principals';
import { objectsModel } from './objects/read-model';
import { ordersModel } from './orders/read-model';
import { openSync, SERVING_CONNECTIONS, type SyncContext } from './sync';

/** In the order in which they are installed. */
export const READ_MODELS: readonly ReadModel[] = [
  catalogModel(['organizer', 'event', 'date', 'category', 'item', 'channel']),
  credentialsModel,
  objectsModel,
  ordersModel,
];

/** `sync`: what scanners copy to work without a network. It publishes nothing and has no history of its own. */
export const syncContext: ContextDefinition<SyncContext> = {
  name: 'sync',
  readModels: READ_MODELS,
  servingConnections: SERVING_CONNECTIONS,
  open: openSync,
  access: restAccess,
};
