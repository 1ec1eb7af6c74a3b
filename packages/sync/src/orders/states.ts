import type { Envelope } from '@gatehouse/events/envelope';
import { objectOf } from '@gatehouse/events/given';
import type { OrderFact } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { appliedOrders, takeStates, writeOrders, type WholeState } from '@gatehouse/shop/orders/states';
import { nextInstant } from './clock';
import { writeShown, writeTexts, writeTicketOrders, type ShownOrder } from './write';

/** Applies the shop's orders to `orders`. Applying an event again changes nothing. */
export async function projectOrders(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const stated = events.filter(({ type }) => type === 'OrderStated');
  if (stated.length === 0) return;
  const now = await nextInstant(tx);
  const applied = await appliedOrders(tx, [...new Set(stated.map(({ stream }) => stream))]);
  const states = await takeStates(tx, stated, applied);
  if (states.length === 0) return;
  const newest = newestOf(states);
  await writeOrders(
    tx,
    newest.map(({ stream, revision, order }) => ({ stream, revision, tickets: order.positions.map(({ id }) => id) })),
  );
  await writeShown(tx, newest.map(shownRow), now);
  await writeTexts(
    tx,
    newest.map(({ stream, order }) => ({ stream, data: orderObject(order) })),
  );
  await writeTicketOrders(
    tx,
    newest.flatMap(({ stream, order }) => order.positions.map(({ id: ticket }) => ({ ticket, stream }))),
  );
}

/** The newest state of each order, in the order in which these were stated. */
function newestOf(states: readonly WholeState[]): WholeState[] {
  const newest = new Map<string, WholeState>();
  for (const state of states) {
    newest.delete(state.stream);
    newest.set(state.stream, state);
  }
  return [...newest.values()];
}

const shownRow = ({ stream, order }: WholeState): ShownOrder => ({
  stream,
  event: `${order.organizer}/${order.event}`,
  code: order.code,
  status: order.status,
  testmode: order.testmode,
  email: order.email,
  datetime: order.datetime,
});

/** The order as the shop sent it. What an old fact does not tell is left out, but for what every order has. */
const orderObject = (order: OrderFact): Record<string, unknown> => ({
  code: order.code,
  event: order.event,
  ...objectOf(order),
  positions: order.positions.map((position) => ({ order: order.code, ...objectOf(position) })),
});
