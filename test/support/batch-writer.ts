import { randomUUID } from 'node:crypto';
import { sales, type BatchRequested, type Ticket } from '@gatehouse/events/sales';
import { batchStream } from '@gatehouse/events/sales';
import { batch, failBatch, issueTickets, requestBatch, TICKETS_AT_ONCE } from '@gatehouse/domain/batch';
import { streams } from '@gatehouse/eventing/streams';
import { openMint } from '@gatehouse/sales/mint';
import type { System } from './system';

/** A batch as its tickets are printed. */
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

  async function request(wanted: Wanted): Promise<string> {
    const job = randomUUID();
    const data = { ...TERMS, id: number++, batch: job, datetime: '2027-06-20T10:00:00Z', ...wanted };
    await batches.transact(batchStream(job), requestBatch(data), by);
    return job;
  }

  /** Issues the next tickets of a batch; with the last of them it is created. */
  async function issue(
    job: string,
    made: { firstPosition: number; tickets: Ticket[]; testmode: boolean },
    most: number,
  ) {
    const minted = mint.tickets(most, made.testmode);
    const from = made.tickets.length;
    const { result } = await batches.transact(batchStream(job), issueTickets(from, minted, made.firstPosition), by);
    const count = (result.next?.from ?? Infinity) - from;
    made.tickets.push(...minted.slice(0, count));
    return result.next;
  }

  return {
    /** A batch of these tickets, complete; `chunk` of them in each event. */
    async create(wanted: Wanted, chunk = TICKETS_AT_ONCE): Promise<MadeBatch> {
      const job = await request(wanted);
      const made = { firstPosition: position, tickets: [] as Ticket[], testmode: wanted.testmode ?? false };
      position += wanted.amount;
      for (let left = wanted.amount; left > 0; left -= chunk) await issue(job, made, Math.min(chunk, left));
      return { job, ...made };
    },
    /** A batch of which some tickets are issued, but not all. */
    async begin(wanted: Wanted, count: number): Promise<MadeBatch> {
      const job = await request(wanted);
      const made = { firstPosition: position, tickets: [] as Ticket[], testmode: wanted.testmode ?? false };
      position += wanted.amount;
      await issue(job, made, count);
      return { job, ...made };
    },
    /** Ends a batch without tickets. */
    fail: (job: string) => batches.transact(batchStream(job), failBatch('There are no places left.'), by),
  };
}

type Wanted = Pick<BatchRequested['data'], 'organizer' | 'event' | 'item' | 'amount'> &
  Partial<Omit<BatchRequested['data'], 'batch' | 'id'>>;

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
