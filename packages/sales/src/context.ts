import { join } from 'node:path';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import type { ContextDefinition } from '@gatehouse/service/context';
import { catalogModel } from '@gatehouse/shop/catalog-model';
import { credentialsModel } from '@gatehouse/shop/credentials';
import { layoutsModel } from '@gatehouse/shop/layouts';
import { restAccess } from '@gatehouse/shop/principals';
import { batchesModel } from './batches/read-model';
import { openSales, SERVING_CONNECTIONS, type SalesContext } from './sales';
import { ticketsSubscriber } from './tickets';

/** In the order in which they are installed. */
export const READ_MODELS: readonly ReadModel[] = [
  catalogModel(['organizer', 'event', 'date', 'category', 'item', 'channel']),
  credentialsModel,
  layoutsModel,
  batchesModel,
];

/** `sales`: batches of offline tickets, from the request to the printed page. */
export const salesContext: ContextDefinition<SalesContext> = {
  name: 'sales',
  sql: [join(__dirname, '..', 'sql')],
  readModels: READ_MODELS,
  subscribers: [{ group: 'tickets', topics: ['inventory'], handler: ticketsSubscriber }],
  workers: [
    {
      name: 'render',
      everywhere: true,
      after: batchesModel.name,
      work: ({ renders }, owner, log) => renders.work(owner, log),
    },
    { name: 'purge', work: ({ renders }, owner) => renders.purge(owner) },
  ],
  servingConnections: SERVING_CONNECTIONS,
  open: openSales,
  access: restAccess,
};
