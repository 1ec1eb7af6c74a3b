import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import { BATCH_TABLES } from '@gatehouse/shop/orders/batches';
import { ORDER_TABLES } from '@gatehouse/shop/orders/states';
import { projectBatches } from './batches';
import { ticketsInline } from './changes';
import { projectOrders } from './orders';
import { COLUMNS } from './row';
import { projectHistory } from './scans';

function sqlOf(file: string): string {
  return readFileSync(join(__dirname, '..', '..', 'sql', file), 'utf8');
}

/**
 * Read model `tickets`, from the events of reference and sales (facts) and of admission itself, which may come in any
 * interleaving.
 */
export const ticketsModel: ReadModel = {
  name: 'tickets',
  version: 10,
  sql: sqlOf('tickets.read-model.sql') + ORDER_TABLES.sql + BATCH_TABLES.sql,
  indexes: sqlOf('tickets.read-model-indexes.sql'),
  indexedAfter: 'sales',
  tables: [
    { name: 'tickets', key: 'id', columns: ['id', ...COLUMNS].map((column) => `r.${column}`).join(', ') },
    ...ORDER_TABLES.tables,
    ...BATCH_TABLES.tables,
    { name: 'name_schemes', key: 'event', columns: '*' },
    { name: 'admissions', key: 'ticket', columns: '*' },
    { name: 'checkins', key: 'list, ticket', columns: '*' },
    { name: 'deleted_lists', key: 'list', columns: '*' },
    { name: 'ticket_tallies', key: 'event, date, item, variation, status', columns: '*' },
    { name: 'checkin_tallies', key: 'list, event, date, item, variation, status, canceled', columns: '*' },
  ],
  handles: { reference: projectOrders, sales: projectBatches, admission: projectHistory },
  inline: ticketsInline,
};
