import { createHash } from 'node:crypto';
import type { Envelope } from '@gatehouse/events/envelope';
import { batchStream } from '@gatehouse/events/sales';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { takeBatches, type Batch, type BatchTicket } from '@gatehouse/shop/orders/batches';
import { writeOrders } from '@gatehouse/shop/orders/states';
import { nextInstant } from './clock';
import { writeShown, writeTexts, writeTicketOrders, type ShownOrder } from './write';

/** Orders in one statement, and made in one turn of the event loop. */
const AT_ONCE = 500;

/** Applies batches of offline tickets to `orders` (contract §9): each ticket is a paid order of its own. */
export const projectBatches = (tx: Tx, events: readonly Envelope[]): Promise<void> =>
  takeBatches(tx, events, (batch, tickets) => takeBatch(tx, batch, tickets));

async function takeBatch(tx: Tx, batch: Batch, chunks: AsyncIterable<readonly BatchTicket[]>): Promise<void> {
  const codes: string[] = [];
  for await (const tickets of chunks) {
    for (let at = 0; at < tickets.length; at += AT_ONCE) await writeWhole(tx, batch, tickets.slice(at, at + AT_ONCE));
    for (const { code } of tickets) codes.push(code);
  }
  // Not earlier, since every other change of an order waits for it. These orders have never been shown, so it does not matter
  // which check-ins of their tickets came before.
  const now = await nextInstant(tx);
  for (let at = 0; at < codes.length; at += AT_ONCE) {
    const rows = codes.slice(at, at + AT_ONCE).map((code) => shownRow(batch, code));
    await writeShown(tx, rows, now);
  }
}

async function writeWhole(tx: Tx, batch: Batch, tickets: readonly BatchTicket[]): Promise<void> {
  const orders = tickets.map((ticket) => ({ ticket, stream: streamOf(batch, ticket.code) }));
  await writeTexts(
    tx,
    orders.map(({ ticket, stream }) => ({ stream, data: batchOrder(batch, ticket) })),
  );
  await writeOrders(
    tx,
    orders.map(({ ticket, stream }) => ({ stream, revision: 0, tickets: [ticket.id] })),
  );
  await writeTicketOrders(
    tx,
    orders.map(({ ticket, stream }) => ({ ticket: ticket.id, stream })),
  );
}

const streamOf = ({ batch }: Batch, code: string): string => `${batchStream(batch)}/${code}`;

function shownRow(batch: Batch, code: string): ShownOrder {
  const { organizer, event, testmode, datetime } = batch;
  const stream = streamOf(batch, code);
  return { stream, event: `${organizer}/${event}`, code, status: 'p', testmode, email: null, datetime };
}

/**
 * The order of a ticket as a shop of today would send it, with all its keys, and without what such an order has not: a buyer, a
 * payment, a page in the shop (contract, decisions, Offline sales).
 */
function batchOrder(batch: Batch, ticket: BatchTicket): object {
  const { event, testmode, datetime, sales_channel, locale, price } = batch;
  const { code } = ticket;
  return {
    ...{ code, event, status: 'p', testmode, secret: orderSecret(ticket), email: null, phone: null, locale, datetime },
    ...{ expires: datetime, payment_date: null, payment_provider: null, fees: [], total: price },
    ...{ tax_rounding_mode: 'line', comment: '', custom_followup_at: null, invoice_address: null },
    positions: [batchPosition(batch, ticket)],
    ...{ downloads: [], checkin_attention: false, checkin_text: null, last_modified: datetime, payments: [] },
    ...{ refunds: [], require_approval: false, sales_channel, url: '', customer: null, valid_if_pending: false },
    ...{ api_meta: {}, cancellation_date: null, plugin_data: {} },
  };
}

function batchPosition(batch: Batch, { id, code, secret, pseudonymization_id }: BatchTicket): object {
  const { item, variation, date, price, tax_rate, tax_value, tax_rule } = batch;
  return {
    ...{ id, order: code, positionid: 1, item, variation, price, attendee_name: null, attendee_name_parts: {} },
    ...{ company: null, street: null, zipcode: null, city: null, country: null, state: null, discount: null },
    ...{ attendee_email: null, voucher: null, tax_rate, tax_value, secret, addon_to: null, subevent: date },
    ...{ checkins: [], print_logs: [], downloads: [], answers: [], tax_rule, pseudonymization_id, seat: null },
    ...{ canceled: false, tax_code: null, valid_from: null, valid_until: null, blocked: null },
    ...{ voucher_budget_use: null, plugin_data: {} },
  };
}

/**
 * In a shop it opens the order's page. There is none here, but apps insist on the field (clients.md §3): of the same length,
 * the same at each replay, and no ticket's secret, which would let in.
 */
const orderSecret = ({ secret }: BatchTicket): string =>
  createHash('sha256').update(`order of ${secret}`).digest('hex').slice(0, 16);
