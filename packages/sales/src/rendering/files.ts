import type { Instant } from '@gatehouse/domain/instant';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import type { BatchRow, Where } from '../batches/find';
import type { Jobs } from './jobs';

/** Size of all stored chunks of a file but its last. */
export const CHUNK_BYTES = 256 * 1024;

/** What pages need to know of a batch. */
export type PrintedBatch = Pick<BatchRow, 'id' | 'job' | 'layout' | 'subevent' | 'item' | 'variation' | 'amount'>;

/** A rendering as its client sees it (contract §9.4). `size` in bytes. */
export type RenderState =
  | { readonly status: 'waiting' }
  | { readonly status: 'running'; readonly percentage: number }
  | { readonly status: 'failed'; readonly message: string }
  | {
      readonly status: 'succeeded';
      readonly file: { readonly name: string; readonly type: string; readonly size: number; readonly created: Instant };
    };

/** A file that is to be drawn, in the transaction that also sends its job. Does nothing when there is such a file. */
export async function addFile(
  tx: Tx,
  { file, job }: { file: string; job: string },
  where: Where,
  batch: PrintedBatch,
): Promise<void> {
  const { id, layout, subevent, item, variation, amount } = batch;
  const printed: PrintedBatch = { id, job: batch.job, layout, subevent, item, variation, amount };
  await tx.query(
    `insert into render_files (id, job, organizer, event, batch, batch_id, amount)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
    [file, job, where.organizer, where.event, printed, id, amount],
  );
}

type StateRow = {
  readonly status: RenderState['status'];
  readonly event: string;
  readonly percentage: number;
  readonly message: string | null;
  readonly size: string | null;
  readonly created: Instant;
};

/** Undefined when there is no such file, or it has expired (contract §9.4). */
export async function stateOf(
  pool: Pool,
  { organizer, event }: Where,
  { batch, job, file }: { batch: number; job: string; file: string },
): Promise<RenderState | undefined> {
  if (!isUuid(job) || !isUuid(file)) return undefined;
  const { rows } = await available(
    pool.query<StateRow>({
      name: 'render_state',
      // All tickets may be drawn before the file is complete.
      text: `select status, event, least(99, 100 * drawn / greatest(amount, 1)) as percentage, message, size, created
             from render_files
             where id = $1 and job = $2 and batch_id = $3 and organizer = $4 and event = $5 and expires > now()`,
      values: [file, job, batch, organizer, event],
    }),
  );
  return rows[0] && shown(rows[0], batch);
}

function shown({ status, event, percentage, message, size, created }: StateRow, batch: number): RenderState {
  switch (status) {
    case 'waiting':
      return { status };
    case 'running':
      return { status, percentage };
    case 'failed':
      return { status, message: message! };
    case 'succeeded': {
      const name = `tickets-${event}-${batch}.pdf`;
      return { status, file: { name, type: 'application/pdf', size: Number(size), created } };
    }
  }
}

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/**
 * The bytes `from` to `to` (exclusive) of a file that `stateOf` has found complete, chunk by chunk: one is in memory at a time.
 * Throws when the file is deleted meanwhile.
 */
export async function* readFile(pool: Pool, file: string, from: number, to: number): AsyncGenerator<Buffer, void> {
  for (let at = from; at < to;) {
    const start = at % CHUNK_BYTES;
    const number = (at - start) / CHUNK_BYTES;
    const length = Math.min(CHUNK_BYTES - start, to - at);
    const { rows } = await available(
      pool.query<{ bytes: Buffer }>({
        name: 'render_chunk',
        text: `select substr(chunk.bytes, $3, $4) as bytes
               from render_files file join render_chunks chunk on chunk.file = file.id and chunk.attempt = file.attempt
               where file.id = $1 and file.status = 'succeeded' and chunk.number = $2`,
        values: [file, number, start + 1, length],
      }),
    );
    if (rows[0]?.bytes.length !== length) throw new Error('a rendered file has no such bytes, or no longer');
    yield rows[0].bytes;
    at += length;
  }
}

/** A download that has begun in time may end. */
const GRACE = "interval '10 minutes'";
/** A file has some twenty megabytes. */
const DELETED_AT_ONCE = 10;
/** The next file expires a day after it is made, and none expires earlier than was known. */
const LONGEST_WAIT_MS = 60 * 60_000;

/** Deletes some files whose time is over, with their jobs. Returns after how many milliseconds there will be others. */
export async function deleteExpired(tx: Tx, jobs: Jobs): Promise<number> {
  const deleted = await tx.query<{ job: string }>(
    `delete from render_files where id in (
       select id from render_files where expires < now() - ${GRACE} order by expires limit ${DELETED_AT_ONCE}
       for update skip locked
     ) returning job`,
  );
  if (deleted.rows.length > 0)
    await jobs.remove(
      tx,
      deleted.rows.map(({ job }) => job),
    );
  const { rows } = await tx.query<{ wait: number | null }>(
    `select (extract(epoch from min(expires) + ${GRACE} - now()) * 1000)::float8 as wait from render_files`,
  );
  return Math.min(Math.max(rows[0]!.wait ?? LONGEST_WAIT_MS, 1), LONGEST_WAIT_MS);
}

/** How many files there are in each state, of those that have not expired. */
export async function countFiles(pool: Pool): Promise<Record<RenderState['status'], number>> {
  const { rows } = await available(
    pool.query<{ status: RenderState['status']; count: number }>(
      'select status, count(*)::integer as count from render_files where expires > now() group by status',
    ),
  );
  const counts = { waiting: 0, running: 0, failed: 0, succeeded: 0 };
  for (const { status, count } of rows) counts[status] = count;
  return counts;
}
