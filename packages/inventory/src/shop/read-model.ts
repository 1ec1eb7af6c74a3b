import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Tx } from '@gatehouse/eventing/event-bus';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import { lockReadModel } from '@gatehouse/eventing/read-model-lock';
import { ORDER_TABLES } from '@gatehouse/shop/orders/states';
import { takePositions } from './positions';
import { takePromises } from './promises';
import { takeSeats } from './seats';
import { openTallies } from './tallies';
import { takeWaiting } from './waiting';

const sqlOf = (file: string): string => readFileSync(join(__dirname, '..', '..', 'sql', file), 'utf8');

const TYPES = new Set([
  'OrderStated',
  'VoucherStated',
  'CartPositionStated',
  'WaitingListEntryStated',
  'SeatStated',
  'CartReleased',
]);
const isOfShop = ({ type }: Pick<Envelope, 'type'>): boolean => TYPES.has(type);

/**
 * Read model `shop`: the facts of a decision that the shop states, counted. Fed by reference and, for carts of the shop that were
 * released here, by inventory's own history; either may come first.
 */
export const shopModel: ReadModel = {
  name: 'shop',
  version: 2,
  sql: sqlOf('shop.read-model.sql') + ORDER_TABLES.sql,
  indexes: sqlOf('shop.read-model-indexes.sql'),
  tables: [
    { name: 'shop_positions', key: 'id', columns: '*' },
    { name: 'shop_waiting', key: 'id', columns: '*' },
    { name: 'shop_vouchers', key: 'id', columns: '*' },
    {
      name: 'shop_carts',
      key: 'id',
      columns: `r.id, r.revision, r.event, r.cart_id, r.item, r.variation, r.date, r.price, r.voucher, r.seat, r.addon_to, r.datetime,
        r.expires, r.includes_tax, r.attendee_name_parts::jsonb, r.attendee_email, r.answers::jsonb`,
    },
    { name: 'shop_released_carts', key: 'id', columns: '*' },
    { name: 'seats', key: 'id', columns: '*' },
    { name: 'shop_revisions', key: 'event', columns: '*' },
    { name: 'shop_taken', key: 'product', columns: '*' },
    { name: 'shop_until', key: 'account, scale, span', columns: '*' },
    ...ORDER_TABLES.tables,
  ],
  handles: { reference: projectShop, inventory: projectShop },
  only: [...TYPES],
  inline: 'filtered',
};

async function projectShop(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const said = events.filter(isOfShop);
  if (said.length === 0) return;
  await lockReadModel(tx, 'shop');
  const tallies = openTallies();
  await takePositions(tx, said, tallies);
  await takePromises(tx, said, tallies);
  await takeWaiting(tx, said, tallies);
  await takeSeats(tx, said);
  await tallies.write(tx);
}
