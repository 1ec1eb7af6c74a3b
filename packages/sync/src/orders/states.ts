import type { Envelope } from '@gatehouse/events/envelope';
import { objectOf } from '@gatehouse/events/given';
import type { OrderFact } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';
import {
  appliedOrders,
  takeStates,
  writeOrders,
  type AppliedOrder,
  type WholeState,
} from '@gatehouse/shop/orders/states';
import { nextInstant } from './clock';
import { deleteTicketOrders, writeShown, writeTexts, writeTicketOrders, type ShownOrder } from './write';

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
  const { named, dropped } = ownersAfter(states, applied);
  await writeTicketOrders(tx, named);
  await deleteTicketOrders(tx, dropped);
}

/**
 * Which orders tickets belong to after these states, one after the other: so that it does not matter which of them are applied at
 * once. A ticket belongs to the order that named it last, until that order's next state no longer names it.
 */
function ownersAfter(states: readonly WholeState[], applied: ReadonlyMap<string, AppliedOrder>) {
  /** By ticket; `stream` null: of no order, if its stored owner is one of `by` (null: whatever that is). */
  const owners = new Map<number, { stream: string | null; by: readonly string[] | null }>();
  const current = new Map([...applied].map(([stream, { tickets }]) => [stream, new Set(tickets)]));
  for (const { stream, order } of states) {
    const tickets = new Set(order.positions.map(({ id }) => id));
    for (const ticket of current.get(stream) ?? []) {
      if (tickets.has(ticket)) continue;
      const owner = owners.get(ticket);
      if (owner?.stream === stream) owners.set(ticket, { stream: null, by: null });
      else if (!owner || (owner.stream === null && owner.by)) {
        owners.set(ticket, { stream: null, by: [...(owner?.by ?? []), stream] });
      }
    }
    for (const ticket of tickets) owners.set(ticket, { stream, by: null });
    current.set(stream, tickets);
  }
  const named: { ticket: number; stream: string }[] = [];
  const dropped: { ticket: number; stream: string | null }[] = [];
  for (const [ticket, { stream, by }] of owners) {
    if (stream !== null) named.push({ ticket, stream });
    else dropped.push(...(by ?? [null]).map((former) => ({ ticket, stream: former })));
  }
  return { named, dropped };
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
