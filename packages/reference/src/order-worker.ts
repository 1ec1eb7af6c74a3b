import { parentPort } from 'node:worker_threads';
import { giveWay } from '@gatehouse/ticket-pdf/give-way';
import type { EventScope } from './known';
import { readOrders } from './read-orders';
import { rowsOf, type Piece } from './rows';

/** What a thread of the order reader is told: the event of the pieces that follow, or a piece, which it answers with `FromThread`. */
export type ToThread = { readonly scope: EventScope } | { readonly piece: Piece };

/** `OrdersRead`, with its orders as JSON: to clone the objects would take longer than to read them. */
export type FromThread = { readonly orders: string; readonly lines: Uint8Array<ArrayBuffer> };

giveWay();

let scope: EventScope;

parentPort!.on('message', (message: ToThread) => {
  if ('scope' in message) {
    scope = message.scope;
    return;
  }
  const { orders, lines } = readOrders(rowsOf(message.piece), scope);
  const answer: FromThread = { orders: JSON.stringify(orders), lines };
  parentPort!.postMessage(answer, [lines.buffer]);
});
