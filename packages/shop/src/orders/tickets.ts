import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OrderFact } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { copyOrders, writeOrders, type AppliedOrder, type WholeState } from './states';

/** What a read model keeps of a ticket at the least: the order that named it last, and the import that said so. */
export type OwnedTicket = { readonly id: number; readonly order_stream: string; readonly order_import: number };

/** The tickets of one read model. */
export type TicketTable<Before extends OwnedTicket, Row extends OwnedTicket> = {
  /** How these tickets stand; those that are not there are left out. */
  read(ids: readonly number[]): Promise<readonly Before[]>;
  /** Their whole rows, to make ended ones of them. */
  readRows(ids: readonly number[]): Promise<readonly Row[]>;
  /** The rows of the tickets that a state names, made as they are asked for: there may be ten thousand. */
  rowsOf(order: OrderFact, stream: string): Iterable<Row>;
  /** The row of a ticket that a state of its order does not name (any more). */
  endedRow(row: Row, order: OrderFact): Row;
  /** Writes rows, and moves what is counted of them. */
  write(changed: readonly ChangedTicket<Before, Row>[]): Promise<void>;
};

/** `before` undefined: the ticket is new. */
export type ChangedTicket<Before, Row> = { readonly before: Before | undefined; readonly row: Row };

/** A ticket's stored row, the order that owns it now, and its new row; `row` undefined: the row stays as it is. */
type TicketChange<Before, Row> = {
  readonly before: Before | undefined;
  owner: string;
  import: number;
  row: Row | undefined;
};

/** Rows made in one turn of the event loop; requests of the same process wait for the turn. */
const A_TURN = 500;

/**
 * Applies new states of orders to the tickets of a read model (import.md §3). An order is stated whole: a ticket that its newest
 * state does not name is canceled, unless another order has named it since.
 */
export async function takeOrders<Before extends OwnedTicket, Row extends OwnedTicket>(
  tx: Tx,
  { states, applied }: { states: readonly WholeState[]; applied: ReadonlyMap<string, AppliedOrder> },
  table: TicketTable<Before, Row>,
): Promise<void> {
  if (states.length === 0) return;
  const named = states.flatMap(({ order }) => order.positions.map(({ id }) => id));
  const held = states.flatMap(({ stream }) => applied.get(stream)?.tickets ?? []);
  const changes = new Map<number, TicketChange<Before, Row>>();
  for (const before of await table.read([...new Set([...named, ...held])])) {
    const { id, order_stream: owner, order_import } = before;
    changes.set(id, { before, owner, import: order_import, row: undefined });
  }
  const ends = endingIn(states, applied);
  const ending = new Map((ends.length > 0 ? await table.readRows(ends) : []).map((row) => [row.id, row]));
  const orders = new Map(applied);
  let made = 0;
  for (const { stream, revision, order } of states) {
    const tickets: number[] = [];
    for (const row of table.rowsOf(order, stream)) {
      if (++made % A_TURN === 0) await nextTurn();
      const now = changes.get(row.id);
      // It belongs to the order that named it last.
      if (now && now.owner !== stream && now.import > order.import) continue;
      changes.set(row.id, { before: now?.before, owner: stream, import: order.import, row });
      tickets.push(row.id);
    }
    const names = new Set(tickets);
    for (const id of orders.get(stream)?.tickets ?? []) {
      const now = changes.get(id);
      if (names.has(id) || now?.owner !== stream) continue;
      now.row = table.endedRow(now.row ?? ending.get(id)!, order);
      tickets.push(id);
    }
    orders.set(stream, { stream, revision, tickets });
  }
  await table.write([...changes.values()].flatMap(({ before, row }) => (row ? [{ before, row }] : [])));
  const stated = [...new Set(states.map(({ stream }) => stream))].map((stream) => orders.get(stream)!);
  await copyOrders(
    tx,
    stated.filter(({ stream }) => !applied.has(stream)),
  );
  await writeOrders(
    tx,
    stated.filter(({ stream }) => applied.has(stream)),
  );
}

/** The tickets that an order had and that a later state of it does not name. */
function endingIn(states: readonly WholeState[], applied: ReadonlyMap<string, AppliedOrder>): number[] {
  return states.flatMap(({ stream, order }) => {
    const names = new Set(order.positions.map(({ id }) => id));
    return applied.get(stream)?.tickets.filter((id) => !names.has(id)) ?? [];
  });
}
