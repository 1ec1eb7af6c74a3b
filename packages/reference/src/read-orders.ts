import type { Contents } from './entry';
import { spooledOrder } from './facts';
import { keepGivenOrder } from './given';
import type { EventScope } from './known';
import { ticketsOf } from './positions';
import { readRow, type Issue, type Note } from './raw';
import { readOrder } from './raw-orders';
import type { Row } from './rows';
import { lineOf } from './spool';
import { storageIssues } from './storage-limits';

/** Some orders of an export, in their order. */
export type OrdersRead = {
  readonly orders: readonly OrderRead[];
  /** Their lines for the spool, one after another; an order with issues has none. */
  readonly lines: Uint8Array<ArrayBuffer>;
};

/** `bytes`: the length of its line. */
export type OrderRead = {
  readonly index: number;
  readonly content: Contents['order'] | undefined;
  readonly issues: readonly Issue[];
  readonly notes: readonly Note[];
  readonly bytes: number;
};

/** Reads orders and checks all that needs no other order. */
export function readOrders(rows: readonly Row[], scope: EventScope): OrdersRead {
  let text = '';
  const orders = rows.map((row): OrderRead => {
    const { content, issues, notes } = readRow(row, readOrder, scope);
    const { index } = row;
    if (content === undefined) return { index, content, issues, notes, bytes: 0 };
    keepGivenOrder(content, row.value);
    const spooled = spooledOrder(content);
    const all = [...issues, ...storageIssues({ kind: 'order', content }, [spooled])];
    const line = all.length === 0 ? lineOf(spooled) : '';
    text += line;
    return {
      index,
      content: { ...ticketsOf(content), sales_channel: content.sales_channel },
      issues: all,
      notes,
      bytes: Buffer.byteLength(line),
    };
  });
  return { orders, lines: new TextEncoder().encode(text) };
}
