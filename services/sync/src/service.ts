import type { Service } from '@gatehouse/service/run';
import { syncContext } from '@gatehouse/sync/context';
import type { SyncContext } from '@gatehouse/sync/sync';
import { eventRoutes } from './events';
import { objectRoutes } from './objects';
import { orderRoutes } from './orders';

/** What scanners copy, over REST: the shop's objects as it sent them. */
export const sync: Service<SyncContext> = {
  name: 'sync',
  context: syncContext,
  mount: (context) => ({
    routes: [...eventRoutes(context), ...objectRoutes(context), ...orderRoutes(context)],
  }),
};
