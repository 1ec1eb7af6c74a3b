import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import { BATCH_TABLES } from '@gatehouse/shop/orders/batches';
import { ORDER_TABLES } from '@gatehouse/shop/orders/states';
import { projectBatches } from './batches';
import { projectHistory } from './check-ins';
import { projectOrders } from './states';

const sqlOf = (file: string): string => readFileSync(join(__dirname, '..', '..', 'sql', file), 'utf8');

export const ORDERS = 'orders';

/**
 * Read model `orders`: the shop's orders as it sent them and those of batches of offline tickets, and what the gates know of their
 * tickets since.
 */
export const ordersModel: ReadModel = {
  name: ORDERS,
  version: 3,
  sql: sqlOf('orders.read-model.sql') + ORDER_TABLES.sql + BATCH_TABLES.sql,
  indexes: sqlOf('orders.read-model-indexes.sql'),
  tables: [
    ...ORDER_TABLES.tables,
    ...BATCH_TABLES.tables,
    {
      name: 'shown_orders',
      key: 'stream',
      columns: 'r.stream, r.event, r.code, r.status, r.testmode, r.email, r.datetime',
    },
    { name: 'order_texts', key: 'stream', columns: 'r.stream, r.data::jsonb' },
    { name: 'order_tallies', key: 'event, testmode, status', columns: '*' },
    { name: 'order_editions', key: 'event', columns: 'r.event' },
    { name: 'ticket_orders', key: 'ticket', columns: '*' },
    { name: 'gate_checkins', key: 'ticket', columns: 'r.ticket, r.revision, r.state::jsonb' },
    { name: 'gone_lists', key: 'list', columns: '*' },
    { name: 'order_clock', key: 'one', columns: 'r.one' },
  ],
  handles: { reference: projectOrders, sales: projectBatches, admission: projectHistory },
};
