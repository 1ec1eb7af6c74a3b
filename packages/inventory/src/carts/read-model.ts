import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inventoryEvents } from '@gatehouse/events/inventory';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import { projectCarts } from './project';

const sqlOf = (file: string): string => readFileSync(join(__dirname, '..', '..', 'sql', file), 'utf8');

/** Read model `carts`: our own reservations, and the folded state of each event's stream. */
export const cartsModel: ReadModel = {
  name: 'carts',
  version: 4,
  sql: sqlOf('carts.read-model.sql'),
  indexes: sqlOf('carts.read-model-indexes.sql'),
  tables: [
    { name: 'carts', key: 'id', columns: '*' },
    { name: 'released_carts', key: 'event, id', columns: '*' },
    { name: 'place_batches', key: 'event, id', columns: '*' },
    { name: 'closed_quotas', key: 'event, quota', columns: '*' },
    { name: 'inventories', key: 'event', columns: '*' },
  ],
  handles: { inventory: projectCarts },
  only: [...inventoryEvents.definitions.keys()],
};
