import type { Envelope } from '@gatehouse/events/envelope';
import { batchStream, sales, type BatchCreated, type Ticket, type TicketsIssued } from '@gatehouse/events/sales';
import type { Tx } from '@gatehouse/eventing/event-bus';
import type { ReadModelTable } from '@gatehouse/eventing/read-model';

/** The tables of a read model that follows batches of offline tickets, in each context's own schema. */
export const BATCH_TABLES = {
  sql: `
    -- Issued tickets of batches that are not created yet, as their events have them: no valid tickets.
    create table issued_tickets (
      batch text collate "C" not null,
      start integer not null,
      first_position integer not null,
      tickets json not null,
      primary key (batch, start)
    );
    -- Batches that were created or have failed, so that nothing of them is applied again.
    create table ended_batches (batch text collate "C" primary key);
  `,
  tables: [
    { name: 'issued_tickets', key: 'batch, start', columns: 'r.batch, r.start, r.first_position, r.tickets::jsonb' },
    { name: 'ended_batches', key: 'batch', columns: '*' },
  ] satisfies readonly ReadModelTable[],
};

/** What a created batch makes of its tickets. */
export type Batch = BatchCreated['data'];
/** A ticket of a batch; `id`: of its position. */
export type BatchTicket = Ticket & { readonly id: number };

/** Tickets of a batch that are issued, but not valid yet. */
type Chunk = Pick<TicketsIssued['data'], 'batch' | 'from' | 'first_position' | 'tickets'>;

/**
 * Applies batches of offline tickets (contract §9): issued tickets are staged, and BatchCreated hands all of them to `take`, in their
 * order and as many at a time as were issued together; from then on they are tickets like all others. BatchFailed drops them. A
 * batch ends once: whatever is delivered of it again changes nothing. No statement of the shop is about these tickets: its ids are
 * below theirs, and its order codes shorter (events/sales.ts). Rejects when tickets of a created batch are missing: they would be
 * sold and not admitted.
 */
export async function takeBatches(
  tx: Tx,
  events: readonly Envelope[],
  take: (batch: Batch, tickets: AsyncIterable<readonly BatchTicket[]>) => Promise<void>,
): Promise<void> {
  const read = events.filter(({ type }) => type !== 'BatchRequested').map((stored) => sales.read(stored));
  const known = read.filter((event) => event !== undefined && event.type !== 'BatchRequested');
  if (known.length === 0) return;
  const ended = await endedAmong(tx, [...new Set(known.map(({ data }) => data.batch))]);
  const issued = new Map<string, Chunk[]>();
  for (const { type, data } of known) {
    if (ended.has(data.batch)) continue;
    if (type === 'TicketsIssued') {
      issued.set(data.batch, [...(issued.get(data.batch) ?? []), data]);
      continue;
    }
    if (type === 'BatchCreated') await take(data, ticketsOf(tx, data, issued.get(data.batch) ?? []));
    issued.delete(data.batch);
    ended.add(data.batch);
    await tx.query('delete from issued_tickets where batch = $1', [data.batch]);
    await tx.query('insert into ended_batches (batch) values ($1)', [data.batch]);
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

/** All that was issued, whether it is staged or was delivered with the batch's end. */
async function* ticketsOf(
  tx: Tx,
  { batch, amount }: Batch,
  delivered: readonly Chunk[],
): AsyncGenerator<readonly BatchTicket[]> {
  const byFrom = new Map(delivered.map((chunk) => [chunk.from, chunk]));
  let next = 0;
  while (next < amount) {
    const chunk = byFrom.get(next) ?? (await staged(tx, batch, next));
    if (!chunk) break;
    const { first_position, tickets } = chunk;
    yield tickets.map((ticket, i) => ({ ...ticket, id: first_position + i }));
    next += tickets.length;
  }
  if (next !== amount) throw new Error(`the tickets of ${batchStream(batch)} from number ${next} on are missing`);
}

async function staged(tx: Tx, batch: string, from: number): Promise<Chunk | undefined> {
  const { rows } = await tx.query<Chunk>({
    name: 'batches_staged',
    text: 'select batch, start as "from", first_position, tickets from issued_tickets where batch = $1 and start = $2',
    values: [batch, from],
  });
  return rows[0];
}
