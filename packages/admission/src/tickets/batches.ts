import type { Envelope } from '@gatehouse/events/envelope';
import type { OrderFact } from '@gatehouse/events/reference';
import { batchStream, sales, type BatchCreated, type Ticket, type TicketsIssued } from '@gatehouse/events/sales';
import { foldCase } from '@gatehouse/domain/fold';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { lockReadModel } from '@gatehouse/eventing/read-model-lock';
import { lockFacts, moveCheckins, type Changed } from './orders';
import { COLUMNS, rowsOf, type TicketRow } from './row';
import { moveTicketTallies } from './tallies';

/** Tickets of a batch that are issued, but not valid yet. */
type Chunk = Pick<TicketsIssued['data'], 'batch' | 'from' | 'first_position' | 'tickets'>;

/** Rows in one statement, and made in one turn of the event loop. */
const AT_ONCE = 500;

/**
 * Applies batches of offline tickets to `tickets` (contract §9): issued tickets are staged, and BatchCreated makes rows of all of
 * them at once; from then on they are tickets like all others. BatchFailed drops them. A batch ends once: whatever is
 * delivered of it again changes nothing. No statement of the shop is about these tickets: its ids are below theirs, and its
 * order codes shorter (events/sales.ts).
 */
export async function projectBatches(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const read = events.filter(({ type }) => type !== 'BatchRequested').map((stored) => sales.read(stored));
  const known = read.filter((event) => event !== undefined && event.type !== 'BatchRequested');
  if (known.length === 0) return;
  await lockFacts(tx);
  const ended = await endedAmong(tx, [...new Set(known.map(({ data }) => data.batch))]);
  const issued = new Map<string, Chunk[]>();
  for (const { type, data } of known) {
    if (ended.has(data.batch)) continue;
    if (type === 'TicketsIssued') {
      issued.set(data.batch, [...(issued.get(data.batch) ?? []), data]);
      continue;
    }
    const chunks = [...(await unstage(tx, data.batch)), ...(issued.get(data.batch) ?? [])];
    issued.delete(data.batch);
    ended.add(data.batch);
    await tx.query('insert into ended_batches (batch) values ($1)', [data.batch]);
    if (type === 'BatchCreated') await takeBatch(tx, data, chunks);
  }
  await stage(tx, [...issued.values()].flat());
}

async function endedAmong(tx: Tx, batches: readonly string[]): Promise<Set<string>> {
  const { rows } = await tx.query<{ batch: string }>({
    name: 'batches_ended',
    text: `select e.batch from unnest($1::text[]) as q(batch)
           cross join lateral (select * from ended_batches where batch = q.batch offset 0) e`,
    values: [batches],
  });
  return new Set(rows.map(({ batch }) => batch));
}

async function stage(tx: Tx, chunks: readonly Chunk[]): Promise<void> {
  for (const { batch, from, first_position, tickets } of chunks) {
    await tx.query({
      name: 'batches_stage',
      text: `insert into issued_tickets (batch, start, first_position, tickets) values ($1, $2, $3, $4)
             on conflict do nothing`,
      values: [batch, from, first_position, JSON.stringify(tickets)],
    });
  }
}

/** Removes the staged tickets of a batch and returns them, in any order. */
async function unstage(tx: Tx, batch: string): Promise<Chunk[]> {
  const { rows } = await tx.query<Chunk>({
    name: 'batches_unstage',
    text: 'delete from issued_tickets where batch = $1 returning batch, start as "from", first_position, tickets',
    values: [batch],
  });
  return rows;
}

/** Makes tickets of all that was issued. Throws when some of it is missing: it would be a ticket that is sold and not admitted. */
async function takeBatch(tx: Tx, batch: BatchCreated['data'], chunks: readonly Chunk[]): Promise<void> {
  const first = firstRow(batch);
  const { event, date, item, variation, status, canceled } = first;
  const place = { event, date, item, variation, status, canceled };
  const changed: Changed[] = [];
  for (const { from, first_position, tickets } of inOrder(chunks)) {
    if (from !== changed.length) break;
    for (let at = 0; at < tickets.length; at += AT_ONCE) {
      const rows = tickets.slice(at, at + AT_ONCE).map((ticket, i) => mintedOf(first, ticket, first_position + at + i));
      await writeTickets(tx, first, rows);
      for (const { id } of rows) changed.push({ before: undefined, row: { ...place, id } });
    }
  }
  if (changed.length !== batch.amount) {
    throw new Error(`the tickets of ${batchStream(batch.batch)} from number ${changed.length} on are missing`);
  }
  const places = changed.map(({ row }) => row);
  await moveTicketTallies(tx, places, new Map());
  // Not earlier, because scans are not counted meanwhile. A scan before this lock is counted here, since it is recorded now;
  // one after it counts itself, since it sees these rows.
  await lockReadModel(tx, 'tickets');
  await moveCheckins(tx, changed);
}

/** Sorted by their place in the batch; each once, even if its event was delivered twice. */
const inOrder = (chunks: readonly Chunk[]): Chunk[] =>
  [...new Map(chunks.map((chunk) => [chunk.from, chunk])).values()].sort((a, b) => a.from - b.from);

/**
 * The row of the first ticket: an order of its own with one position, as a shop would state it (contract, decisions, Offline
 * sales). Those of the others differ in what was minted, so it is made once.
 */
function firstRow(batch: BatchCreated['data']): TicketRow {
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
const MINTED = ['id', 'order_code', 'code_key', 'secret', 'secret_key', 'pseudonymization_id', 'facts'] as const;
type Minted = Pick<TicketRow, (typeof MINTED)[number]>;

const mintedOf = ({ facts }: TicketRow, { code, secret, pseudonymization_id }: Ticket, id: number): Minted => ({
  id,
  order_code: code,
  code_key: foldCase(code),
  secret,
  secret_key: foldCase(secret),
  pseudonymization_id,
  facts: { ...facts, secret, pseudonymization_id, order: { ...facts.order, code } },
});

/** Writes tickets that are like the first one in all other columns: parsing whole rows would take half as long again. */
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
