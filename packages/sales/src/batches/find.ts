import type { Instant } from '@gatehouse/domain/instant';
import type { Ticket } from '@gatehouse/events/sales';
import { StoreUnavailable, type Position } from '@gatehouse/eventing/event-store';
import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';

/** An event of the shop. */
export type Where = { readonly organizer: string; readonly event: string };

/** A batch as the API shows it in a list (contract §9.1). */
export type BatchRow = {
  readonly id: number;
  /** The UUID by which its creation was followed. */
  readonly job: string;
  readonly creation: Instant;
  readonly testmode: boolean;
  readonly sales_channel: string;
  readonly comment: string;
  readonly layout: number;
  readonly subevent: number | null;
  readonly item: number;
  readonly variation: number | null;
  readonly amount: number;
};

/** With the codes of its orders, in the order of its tickets. */
export type MadeBatch = BatchRow & { readonly orders: readonly string[] };

/** How far the creation of a batch is (contract §9.4). */
export type JobState =
  | { readonly status: 'waiting' }
  /** 0 to 100. */
  | { readonly status: 'running'; readonly percentage: number }
  | { readonly status: 'failed'; readonly message: string }
  | { readonly status: 'succeeded'; readonly batch: MadeBatch };

/** A ticket with what a page says of it that is not said of the batch. */
export type PrintableTicket = Ticket & {
  /** Of its order. */
  readonly position: number;
  /** With its tax; two decimals. */
  readonly price: string;
  /** The language of its order. */
  readonly locale: string;
};

export type BatchOrder = { readonly by: 'id' | 'creation'; readonly descending: boolean };

/** Finds batches. All its functions reject with StoreUnavailable while the database cannot be reached. */
export type BatchFinder = {
  /** How many batches of an event are created, and at most `limit` of them after the first `offset`, by `id` if no order is given. */
  page(
    where: Where,
    asked: { readonly offset: number; readonly limit: number; readonly ordering?: BatchOrder },
  ): Promise<{ count: number; rows: BatchRow[] }>;
  /** A batch that is created. */
  find(where: Where, id: number): Promise<MadeBatch | undefined>;
  /**
   * How far a batch of an event is. Undefined: there was none, or it has ended more than 24 hours ago (contract §9.4). A batch
   * that was requested before the call is found, or else this rejects with StoreUnavailable.
   */
  job(where: Where, job: string): Promise<JobState | undefined>;
  /** At most `count` tickets of a batch after its first `from`, in their order; only those of a batch that is created. */
  tickets(job: string, from: number, count: number): Promise<PrintableTicket[]>;
};

/** How many batches were requested in the last 24 hours, by what became of them. Rejects with StoreUnavailable. */
export async function countBatches(pool: Pool): Promise<Readonly<Record<'open' | 'created' | 'failed', number>>> {
  const { rows } = await available(
    pool.query<{ status: JobRow['status']; count: number }>(
      `select status, count(*)::integer as count from batches where creation > now() - interval '24 hours' group by status`,
    ),
  );
  return { open: 0, created: 0, failed: 0, ...Object.fromEntries(rows.map(({ status, count }) => [status, count])) };
}

export type BatchFinderParts = {
  readonly pool: Pool;
  /** Waits until read models have applied all that this context's history holds, bounded. */
  caughtUp(models: readonly 'batches'[]): Promise<boolean>;
  /** Whether the events up to a position of the context's history have left for other contexts. */
  hasLeft(position: Position): Promise<boolean>;
};

const COLUMNS =
  'id, job, creation, testmode, sales_channel, comment, layout, date as subevent, item, variation, amount';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type JobRow = {
  readonly id: number;
  readonly status: 'open' | 'created' | 'failed';
  readonly message: string;
  readonly end_position: Position;
  /** It has ended more than 24 hours ago. */
  readonly expired: boolean;
  /** Of a hundred tickets. */
  readonly percentage: number;
};

/** The finder of the schema that the pool's connections see. */
export function batchFinder({ pool, caughtUp, hasLeft }: BatchFinderParts): BatchFinder {
  async function jobRow(where: Where, job: string): Promise<JobRow | undefined> {
    const { rows } = await available(
      pool.query<JobRow>({
        name: 'batch_job',
        text: `select id, status, message, end_position, coalesce(ended < now() - interval '24 hours', false) as expired,
                 (select coalesce(sum(t.amount), 0) from batch_tickets t where t.job = b.job)::integer * 100 / amount as percentage
               from batches b where job = $1 and event = $2`,
        values: [job, keyOf(where)],
      }),
    );
    return rows[0];
  }

  async function find(where: Where, id: number): Promise<MadeBatch | undefined> {
    const { rows } = await available(
      pool.query<BatchRow & { codes: string[][] }>({
        name: 'find_batch',
        text: `select ${COLUMNS}, (select json_agg(codes order by first) from batch_tickets t where t.job = b.job) as codes
               from batches b where event = $1 and id = $2 and status = 'created'`,
        values: [keyOf(where), id],
      }),
    );
    if (!rows[0]) return undefined;
    const { codes, ...row } = rows[0];
    return { ...row, orders: codes.flat() };
  }

  return {
    find,

    async page(where, { offset, limit, ordering = { by: 'id', descending: false } }) {
      const direction = ordering.descending ? 'desc' : 'asc';
      const order = ordering.by === 'id' ? `id ${direction}` : `creation ${direction}, id ${direction}`;
      const created = `from batches where event = $1 and status = 'created'`;
      const [counted, found] = await Promise.all([
        available(
          pool.query<{ count: number }>({
            name: 'count_batches',
            text: `select count(*)::integer as count ${created}`,
            values: [keyOf(where)],
          }),
        ),
        available(
          pool.query<BatchRow>({
            name: `page_batches_${ordering.by}_${direction}`,
            text: `select ${COLUMNS} ${created} order by ${order} limit $2 offset $3`,
            values: [keyOf(where), limit, offset],
          }),
        ),
      ]);
      return { count: counted.rows[0]!.count, rows: found.rows };
    },

    async job(where, job) {
      if (!UUID.test(job)) return undefined;
      let row = await jobRow(where, job);
      if (!row) {
        if (!(await caughtUp(['batches']))) throw new StoreUnavailable('the read model batches is behind its history');
        row = await jobRow(where, job);
      }
      if (!row || row.expired) return undefined;
      const { id, status, message, end_position, percentage } = row;
      if (status === 'failed') return { status, message };
      // Whoever is told of success may scan the tickets: the gates must have been told before.
      if (status === 'created' && (await hasLeft(end_position))) {
        return { status: 'succeeded', batch: (await find(where, id))! };
      }
      return percentage === 0 ? { status: 'waiting' } : { status: 'running', percentage };
    },

    async tickets(job, from, count) {
      const { rows } = await available(
        pool.query<{ first: number; first_position: number; tickets: Ticket[]; price: string; locale: string }>({
          name: 'batch_tickets',
          text: `select t.first, t.first_position, t.tickets, b.price, b.locale
                 from batches b join batch_tickets t using (job)
                 where job = $1 and b.status = 'created' and t.first < $2::integer + $3 and t.first + t.amount > $2
                 order by t.first`,
          values: [job, from, count],
        }),
      );
      return rows.flatMap(({ first, first_position, tickets, price, locale }) => {
        const skipped = Math.max(0, from - first);
        return tickets
          .slice(skipped, from + count - first)
          .map((ticket, i) => ({ ...ticket, position: first_position + skipped + i, price, locale }));
      });
    },
  };
}

/** A batch of whatever event, and how far it is. */
export type LatestJob = Pick<BatchRow, 'id' | 'job' | 'creation' | 'item' | 'amount'> & {
  /** `organizer/slug`. */
  readonly event: string;
  readonly status: JobRow['status'];
  /** Why it failed. */
  readonly message: string | null;
};

/** The newest batches of all events, at most `limit`. Rejects with StoreUnavailable. */
export async function latestJobs(pool: Pool, limit: number): Promise<LatestJob[]> {
  const { rows } = await available(
    pool.query<LatestJob>(
      'select id, job, creation, event, item, amount, status, message from batches order by id desc limit $1',
      [limit],
    ),
  );
  return rows;
}

const keyOf = ({ organizer, event }: Where): string => `${organizer}/${event}`;
