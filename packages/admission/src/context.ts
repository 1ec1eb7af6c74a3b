import { join } from 'node:path';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import type { ContextDefinition } from '@gatehouse/service/context';
import { catalogModel } from '@gatehouse/shop/catalog-model';
import { credentialsModel } from '@gatehouse/shop/credentials';
import { layoutsModel } from '@gatehouse/shop/layouts';
import { restAccess } from '@gatehouse/shop/principals';
import { SHOP_TOPICS } from '@gatehouse/shop/shop';
import { openAdmission, SERVING_CONNECTIONS, type Admission } from './admission';
import { exitAtTheirTime } from './exit-all';
import { historySubscriber } from './history';
import { listsModel } from './lists';
import { noncesModel } from './nonces';
import { ticketsModel } from './tickets/read-model';

/** In the order in which they are installed. */
export const READ_MODELS: readonly ReadModel[] = [
  catalogModel(['organizer', 'event', 'date', 'category', 'item', 'question', 'voucher', 'channel']),
  credentialsModel,
  layoutsModel,
  listsModel,
  ticketsModel,
  noncesModel,
];

/** The context `admission`: check-in lists, tickets and the decisions at the gates. */
export const admissionContext: ContextDefinition<Admission> = {
  name: 'admission',
  extensions: ['pg_trgm'],
  sql: [join(__dirname, '..', 'sql')],
  readModels: READ_MODELS,
  subscribers: [
    {
      group: 'history',
      topics: [...SHOP_TOPICS, 'sales'],
      after: listsModel.name,
      only: ['ListStated', 'OrderStated', 'BatchCreated'],
      handler: historySubscriber,
    },
  ],
  workers: [{ name: 'exits', after: ticketsModel.name, work: exitAtTheirTime }],
  servingConnections: SERVING_CONNECTIONS,
  open: openAdmission,
  access: restAccess,
};
