import { randomUUID } from 'node:crypto';
import { batchStream, sales, type BatchRequested, type Ticket } from '@gatehouse/events/sales';
import { batch, failBatch, issueTickets, requestBatch, TICKETS_AT_ONCE } from '@gatehouse/domain/batch';
import { streams } from '@gatehouse/eventing/streams';
import { openMint } from '@gatehouse/sales/mint';
import type { System } from './system';

/** A batch with its tickets in their order. */
export type MadeBatch = { readonly job: string; readonly firstPosition: number; readonly tickets: readonly Ticket[] };

/**
 * Writes batches of offline tickets into the history of sales by its own decisions, but at once and without asking
 * inventory for places: for tests of those that follow them.
 */
export function batchWriter(system: System) {
  const { own } = system.feedsOf('sales');
  const batches = streams(own, batch, { catalog: sales, remember: 1 });
  const mint = openMint();
  const by = { actor: 'token:1', trace: null };
  let position = 1_000_000_000;
  let number = 1;

  /** Requests a batch and issues its first `count` tickets, `chunk` in each event; with the last one it is created. */
  async function begin(wanted: Wanted, count: number, chunk = TICKETS_AT_ONCE): Promise<MadeBatch> {
    const { amount, testmode = false } = wanted;
    const job = randomUUID();
    const stream = batchStream(job);
    const data = { ...TERMS, id: number++, batch: job, datetime: DATETIME, ...wanted };
    await batches.transact(stream, requestBatch(data), by);
    const tickets: Ticket[] = [];
    while (tickets.length < count) {
      const minted = mint.tickets(Math.min(chunk, count - tickets.length), testmode);
      await batches.transact(stream, issueTickets(tickets.length, minted, position), by);
      tickets.push(...minted);
    }
    const made = { job, firstPosition: position, tickets };
    position += amount;
    return made;
  }

  return {
    begin,
    /** A whole batch. */
    create: (wanted: Wanted, chunk?: number): Promise<MadeBatch> => begin(wanted, wanted.amount, chunk),
    /** Ends a batch without tickets. */
    fail: (job: string) => batches.transact(batchStream(job), failBatch('There are no places left.'), by),
  };
}

type Wanted = Pick<BatchRequested['data'], 'organizer' | 'event' | 'item' | 'amount'> &
  Partial<Omit<BatchRequested['data'], 'batch' | 'id'>>;

const DATETIME = '2027-06-20T10:00:00.123456Z';
const TERMS = {
  variation: null,
  date: null,
  sales_channel: 'web',
  testmode: false,
  layout: 7,
  price: '23.00',
  tax_rate: '19.00',
  tax_value: '3.67',
  tax_rule: 2,
  locale: 'en',
  comment: '',
} as const;
