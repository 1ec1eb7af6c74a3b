import { join } from 'node:path';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import type { ContextDefinition } from '@gatehouse/service/context';
import { catalogModel } from '@gatehouse/shop/catalog-model';
import { credentialsModel } from '@gatehouse/shop/credentials';
import { restAccess } from '@gatehouse/shop/principals';
import { cartsModel } from './carts/read-model';
import { openInventory, SERVING_CONNECTIONS, type InventoryContext } from './inventory';
import { placesSubscriber } from './places';
import { shopModel } from './shop/read-model';
import { expireCarts } from './sweeper';

/** In the order in which they are installed. */
export const READ_MODELS: readonly ReadModel[] = [
  catalogModel(['organizer', 'event', 'date', 'category', 'item', 'question', 'quota', 'channel']),
  credentialsModel,
  shopModel,
  cartsModel,
];

/** `inventory`: what is promised before it is sold. Its read models know the shop; its history is what was reserved. */
export const inventoryContext: ContextDefinition<InventoryContext> = {
  name: 'inventory',
  sql: [join(__dirname, '..', 'sql')],
  readModels: READ_MODELS,
  subscribers: [{ group: 'places', topics: ['sales'], after: shopModel.name, handler: placesSubscriber }],
  workers: [{ name: 'expiry', after: cartsModel.name, work: expireCarts }],
  servingConnections: SERVING_CONNECTIONS,
  open: openInventory,
  access: restAccess,
};
