import { available, inTransaction } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import type { Where } from '../batches/find';
import type { PrintedBatch } from './files';
import type { Jobs } from './jobs';

/** One beginning of a file's job. Once another one has begun, nothing of this one is written any more. */
export type Attempt = Where & {
  readonly file: string;
  readonly job: string;
  readonly batch: PrintedBatch;
  /** From 1. */
  readonly attempt: number;
};

/** The file is another attempt's now, or was deleted: this one must stop. */
export class Superseded extends Error {}

/** A process that has said nothing for so long is taken for dead. Its attempt is given up, so if it lives it has worked in vain. */
const SILENT = "interval '10 seconds'";
/** What a client is told of an error that is none of its business (contract §9.4). */
const INTERNAL = 'Internal error';

export type Attempts = {
  /** Begins the job that waits longest. Undefined: none waits. */
  begin(): Promise<Attempt | undefined>;
  /** Says that the process lives, and how many tickets are drawn. Throws Superseded. */
  alive(of: Attempt, drawn: number): Promise<void>;
  /** Stores a chunk, numbered from 0. Throws Superseded. */
  write(of: Attempt, chunk: { number: number; bytes: Buffer; drawn: number }): Promise<void>;
  /** All chunks are stored; `size` in bytes. Throws Superseded. */
  succeed(of: Attempt, size: number): Promise<void>;
  /** It can never be drawn, for a reason that people may read. */
  refuse(of: Attempt, message: string): Promise<void>;
  /** It was not drawn: it is tried again after a pause, or has failed if it was tried often enough. */
  giveUp(of: Attempt, reason: string): Promise<void>;
  /** Gives up the attempts of dead processes. */
  giveUpSilent(): Promise<void>;
};

type FileKey = Pick<Attempt, 'file' | 'job' | 'attempt'>;

export function attempts(pool: Pool, jobs: Jobs): Attempts {
  /** Changes the row of the file while this is its attempt; whether it was. */
  async function change(client: Pick<Pool, 'query'>, { file, attempt }: FileKey, set: string, values: unknown[]) {
    const { rowCount } = await client.query(
      `update render_files set ${set} where id = $1 and attempt = $2 and status = 'running'`,
      [file, attempt, ...values],
    );
    return rowCount === 1;
  }

  const giveUp = (of: FileKey, reason: string): Promise<void> =>
    inTransaction(pool, async (tx) => {
      if (!(await change(tx, of, "status = 'waiting', drawn = 0", []))) return;
      if (await jobs.retry(tx, of.job, reason)) return;
      await tx.query(
        `update render_files set status = 'failed', message = $2, expires = now() + interval '24 hours' where id = $1`,
        [of.file, INTERNAL],
      );
    });

  return {
    begin: () =>
      inTransaction(pool, async (tx) => {
        const job = await jobs.fetch(tx);
        if (job === undefined) return undefined;
        const { rows } = await tx.query<Attempt>(
          `update render_files set status = 'running', attempt = attempt + 1, drawn = 0, alive = now() where job = $1
           returning id as file, job, organizer, event, batch, attempt`,
          [job],
        );
        const begun = rows[0];
        if (begun) await tx.query('delete from render_chunks where file = $1', [begun.file]);
        else await jobs.complete(tx, job);
        return begun;
      }),
    async alive(of, drawn) {
      if (!(await available(change(pool, of, 'alive = now(), drawn = $3', [drawn])))) throw new Superseded();
    },
    async write({ file, attempt }, { number, bytes, drawn }) {
      // One statement: the lock on the file's row lets no other attempt begin between its two halves.
      const { rowCount } = await available(
        pool.query({
          name: 'render_write',
          text: `with mine as (
                   update render_files set alive = now(), drawn = $5
                   where id = $1 and attempt = $2 and status = 'running' returning id
                 )
                 insert into render_chunks (file, attempt, number, bytes) select id, $2, $3, $4 from mine`,
          values: [file, attempt, number, bytes, drawn],
        }),
      );
      if (rowCount !== 1) throw new Superseded();
    },
    succeed: (of, size) =>
      inTransaction(pool, async (tx) => {
        const set = "status = 'succeeded', size = $3, drawn = amount, expires = now() + interval '24 hours'";
        if (!(await change(tx, of, set, [size]))) throw new Superseded();
        await jobs.complete(tx, of.job);
      }),
    refuse: (of, message) =>
      inTransaction(pool, async (tx) => {
        const set = "status = 'failed', message = $3, expires = now() + interval '24 hours'";
        if (await change(tx, of, set, [message])) await jobs.complete(tx, of.job);
      }),
    giveUp,
    async giveUpSilent() {
      const { rows } = await available(
        pool.query<FileKey>({
          name: 'render_silent',
          text: `select id as file, job, attempt from render_files where status = 'running' and alive < now() - ${SILENT}`,
        }),
      );
      for (const silent of rows) await giveUp(silent, 'its process is silent');
    },
  };
}
