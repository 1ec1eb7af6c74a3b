import type { Envelope, Recorded } from '@gatehouse/events/envelope';
import {
  sales,
  type BatchCreated,
  type BatchFailed,
  type BatchRequested,
  type TicketsIssued,
} from '@gatehouse/events/sales';
import type { Tx } from '@gatehouse/eventing/event-bus';

/** Applies what became of batches to the read model `batches`: a statement for all events of a kind. */
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
  if (issued.length > 0) await issue(tx, issued);
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

async function issue(tx: Tx, issued: readonly TicketsIssued['data'][]): Promise<void> {
  await tx.query({
    name: 'batches_issue',
    text: `insert into batch_tickets
           select * from unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[], $5::json[], $6::json[])
           on conflict do nothing`,
    values: [
      issued.map(({ batch }) => batch),
      issued.map(({ from }) => from),
      issued.map(({ tickets }) => tickets.length),
      issued.map(({ first_position }) => first_position),
      issued.map(({ tickets }) => JSON.stringify(tickets.map(({ code }) => code))),
      issued.map(({ tickets }) => JSON.stringify(tickets)),
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
