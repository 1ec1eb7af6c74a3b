import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inventoryEvents } from '@gatehouse/events/inventory';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import { cartsInline } from './changes';
import { projectCarts } from './project';

const sqlOf = (file: string): string => readFileSync(join(__dirname, '..', '..', 'sql', file), 'utf8');

/** Read model `carts`: our own reservations, and the folded state of each event's stream. */
export const cartsModel: ReadModel = {
  name: 'carts',
  version: 5,
  sql: sqlOf('carts.read-model.sql'),
  indexes: sqlOf('carts.read-model-indexes.sql'),
  tables: [
    // When what is due is purged is not said by history (sql/003-fill-carts.sql).
    {
      ...{ name: 'carts', key: 'id', columns: '*' },
      where: (schema) =>
        `r.held or r.kept_from >= (select max(newest) from ${schema}.inventories) - interval '14 days'`,
    },
    { name: 'released_carts', key: 'event, id', columns: '*' },
    { name: 'place_batches', key: 'event, id', columns: '*' },
    { name: 'closed_quotas', key: 'event, quota', columns: '*' },
    { name: 'inventories', key: 'event', columns: 'event, revision, learned, whole, newest, listed' },
  ],
  handles: { inventory: projectCarts },
  only: [...inventoryEvents.definitions.keys()],
  inline: cartsInline,
};
