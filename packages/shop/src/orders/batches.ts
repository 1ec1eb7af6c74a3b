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
 * Applies batches of offline tickets (contract §9): issued tickets are staged, and BatchCreated hands all of them to `take` at once;
 * from then on they are tickets like all others. BatchFailed drops them. A batch ends once: whatever is delivered of it
 * again changes nothing. No statement of the shop is about these tickets: its ids are below theirs, and its order codes
 * shorter (events/sales.ts).
 */
export async function takeBatches(
  tx: Tx,
  events: readonly Envelope[],
  take: (batch: Batch, tickets: readonly BatchTicket[]) => Promise<void>,
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
    const chunks = [...(await unstage(tx, data.batch)), ...(issued.get(data.batch) ?? [])];
    issued.delete(data.batch);
    ended.add(data.batch);
    await tx.query('insert into ended_batches (batch) values ($1)', [data.batch]);
    if (type === 'BatchCreated') await take(data, ticketsOf(data, chunks));
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

/** All that was issued. Throws when some of it is missing: it would be a ticket that is sold and not admitted. */
function ticketsOf({ batch, amount }: Batch, chunks: readonly Chunk[]): BatchTicket[] {
  const all: BatchTicket[] = [];
  // Each once, even if its event was delivered twice.
  const once = [...new Map(chunks.map((chunk) => [chunk.from, chunk])).values()];
  for (const { from, first_position, tickets } of once.sort((a, b) => a.from - b.from)) {
    if (from !== all.length) break;
    tickets.forEach((ticket, i) => all.push({ ...ticket, id: first_position + i }));
  }
  if (all.length === amount) return all;
  throw new Error(`the tickets of ${batchStream(batch)} from number ${all.length} on are missing`);
}
