import type { Envelope } from '@gatehouse/events/envelope';
import type { OrderFact } from '@gatehouse/events/reference';
import { batchStream } from '@gatehouse/events/sales';
import { foldCase } from '@gatehouse/domain/fold';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { lockReadModel } from '@gatehouse/eventing/read-model-lock';
import { takeBatches, type Batch, type BatchTicket } from '@gatehouse/shop/orders/batches';
import { countCheckins, lockFacts } from './orders';
import { preparedOf } from './prepared';
import { COLUMNS, rowsOf, type TicketRow } from './row';
import { moveTicketTallies } from './tallies';

/** Rows in one statement: it keeps PostgreSQL busy for some ten milliseconds, and this process for four, in which scans wait. */
const AT_ONCE = 250;

/**
 * Applies batches of offline tickets to `tickets` (contract §9): their tickets are like all others as soon as their batch is
 * created.
 */
export async function projectBatches(tx: Tx, events: readonly Envelope[]): Promise<void> {
  if (events.every(({ type }) => type === 'BatchRequested')) return;
  await lockFacts(tx);
  await takeBatches(tx, events, (batch, tickets) => takeBatch(tx, batch, tickets));
}

async function takeBatch(tx: Tx, batch: Batch, chunks: AsyncIterable<readonly BatchTicket[]>): Promise<void> {
  const first = firstRow(batch);
  for await (const tickets of chunks) {
    for (let at = 0; at < tickets.length; at += AT_ONCE) {
      await writeTickets(
        tx,
        first,
        tickets.slice(at, at + AT_ONCE).map((ticket) => mintedOf(first, ticket)),
      );
    }
  }
  const { event, date, item, variation, status, canceled } = first;
  const place = { event, date, item, variation, status, canceled };
  await moveTicketTallies(tx, [{ ...place, by: batch.amount }]);
  // Not earlier, because scans are not counted meanwhile. A scan before this lock is counted here, since it is recorded now;
  // one after it counts itself, since it sees these rows.
  await lockReadModel(tx, 'tickets');
  await countCheckins(tx, place, { first: batch.first_position, amount: batch.amount });
}

/**
 * The row of the first ticket: an order of its own with one position, as a shop would state it (contract, decisions, Offline
 * sales). Those of the others differ in what was minted, so it is made once.
 */
function firstRow(batch: Batch): TicketRow {
  const { organizer, event, testmode, datetime, sales_channel, locale, item, variation, date, layout } = batch;
  const { price, tax_rate, tax_value, tax_rule, first_position: id } = batch;
  const order: OrderFact = {
    ...{ import: 0, hash: '', organizer, event, code: '', status: 'p', testmode, email: null, datetime, sales_channel },
    ...{ locale, require_approval: false, checkin_attention: false, invoice_address: null },
    positions: [
      {
        ...{ id, positionid: 1, item, variation, subevent: date, price, tax_rate, tax_value, tax_rule },
        ...{ attendee_name: null, attendee_name_parts: {}, attendee_email: null, voucher: null, addon_to: null },
        ...{ secret: '', pseudonymization_id: '', seat: null, canceled: false, answers: [], checkins: [] },
      },
    ],
  };
  const [row] = rowsOf(order, NO_NAMES, batchStream(batch.batch));
  return { ...row!, facts: { ...row!.facts, layout } };
}

/** The columns in which tickets of a batch differ. */
const MINTED = [
  'id',
  'order_code',
  'code_key',
  'secret',
  'secret_key',
  'pseudonymization_id',
  'facts',
  'prepared',
] as const;
type Minted = Pick<TicketRow, (typeof MINTED)[number]>;

function mintedOf(first: TicketRow, { id, code, secret, pseudonymization_id }: BatchTicket): Minted {
  const facts = { ...first.facts, secret, pseudonymization_id, order: { ...first.facts.order, code } };
  return {
    id,
    order_code: code,
    code_key: foldCase(code),
    secret,
    secret_key: foldCase(secret),
    pseudonymization_id,
    facts,
    prepared: preparedOf({ ...first, id, facts }),
  };
}

/**
 * Writes tickets that are like the first one in all other columns. To copy whole rows costs PostgreSQL a fourth less, but this process,
 * in which scans wait for a turn, 40 % more.
 */
async function writeTickets(tx: Tx, first: TicketRow, tickets: readonly Minted[]): Promise<void> {
  const shared = COLUMNS.filter((column) => !MINTED.some((each) => each === column));
  await tx.query({
    name: 'tickets_of_batch',
    text: `insert into tickets (${[...MINTED, ...shared].join()})
           select ${[...MINTED.map((column) => `t.${column}`), ...shared.map((column) => `first.${column}`)].join()}
           from json_populate_record(null::tickets, $1) first, json_populate_recordset(null::tickets, $2) t`,
    values: [JSON.stringify(first), JSON.stringify(tickets)],
  });
}

/** Any name scheme: tickets without names look the same in all of them. */
const NO_NAMES = 'full';
