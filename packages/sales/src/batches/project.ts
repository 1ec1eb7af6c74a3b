import type { Envelope, Recorded } from '@gatehouse/events/envelope';
import {
  sales,
  type BatchCreated,
  type BatchFailed,
  type BatchRequested,
  type TicketsIssued,
} from '@gatehouse/events/sales';
import type { Tx } from '@gatehouse/eventing/event-bus';

/** Applies what became of batches to the read model `batches`: a statement for all events of a kind, but for each that issued tickets. */
export async function projectBatches(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const read = events.flatMap((stored) => {
    const event = sales.read(stored);
    return event ? [{ ...event, stored }] : [];
  });
  const requested = read.flatMap((event) => (event.type === 'BatchRequested' ? [event.data] : []));
  const issued = read.flatMap((event) => (event.type === 'TicketsIssued' ? [event.data] : []));
  const ended = read.flatMap((event) => {
    if (event.type !== 'BatchCreated' && event.type !== 'BatchFailed') return [];
    return [endingOf(event.stored, event)];
  });
  // In the order in which a batch has them.
  if (requested.length > 0) await open(tx, requested);
  for (const each of issued) await issue(tx, each);
  if (ended.length > 0) await end(tx, ended);
}

type Ending = {
  readonly job: string;
  readonly status: 'created' | 'failed';
  readonly message: string | null;
  readonly time: string;
  readonly position: string;
};

const endingOf = (stored: Envelope, { type, data }: BatchCreated | BatchFailed): Ending => ({
  job: data.batch,
  status: type === 'BatchCreated' ? 'created' : 'failed',
  message: 'message' in data ? data.message : null,
  time: stored.time,
  // A read model follows the history of its own context in the store, where every event has a position.
  position: (stored as Recorded).position,
});

async function open(tx: Tx, requested: readonly BatchRequested['data'][]): Promise<void> {
  await tx.query({
    name: 'batches_open',
    text: `insert into batches
           select batch, organizer || '/' || event, id, datetime, testmode, sales_channel, comment, layout, date, item, variation,
                  amount, price, locale, 'open'
           from json_to_recordset($1) as b(
             batch uuid, organizer text, event text, id integer, datetime timestamptz, testmode boolean, sales_channel text,
             comment text, layout integer, date integer, item integer, variation integer, amount integer, price text, locale text
           )
           on conflict do nothing`,
    values: [JSON.stringify(requested)],
  });
}

/** One event: many of them would keep PostgreSQL and this process busy for long, while scans wait. */
async function issue(tx: Tx, { batch, from, first_position, tickets }: TicketsIssued['data']): Promise<void> {
  await tx.query({
    name: 'batches_issue',
    text: 'insert into batch_tickets values ($1, $2, $3, $4, $5, $6) on conflict do nothing',
    values: [
      ...[batch, from, tickets.length, first_position],
      JSON.stringify(tickets.map(({ code }) => code)),
      JSON.stringify(tickets),
    ],
  });
}

async function end(tx: Tx, ended: readonly Ending[]): Promise<void> {
  await tx.query({
    name: 'batches_end',
    text: `update batches b set status = e.status, message = e.message, ended = e.time, end_position = e.position
           from json_to_recordset($1) as e(job uuid, status text, message text, time timestamptz, position text)
           where b.job = e.job`,
    values: [JSON.stringify(ended)],
  });
}
