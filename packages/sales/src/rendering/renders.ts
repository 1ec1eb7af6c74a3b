import { randomUUID } from 'node:crypto';
import type { Owner } from '@gatehouse/eventing/owner';
import { inTransaction, waker, type Listener } from '@gatehouse/eventing/postgres';
import { uuidV5 } from '@gatehouse/eventing/uuid';
import { described, type Log } from '@gatehouse/service/log';
import { openPrinter, type Printer } from '@gatehouse/ticket-pdf/printer';
import type { Pool } from 'pg';
import type { Where } from '../batches/find';
import { attempts, Superseded, type Attempt } from './attempts';
import { draw } from './draw';
import { addFile, countFiles, deleteExpired, readFile, stateOf, type PrintedBatch, type RenderState } from './files';
import { openJobs } from './jobs';
import { Unprintable, type PageSource } from './pages';
import { renderMetrics } from './render-metrics';

export type { RenderState } from './files';

/** The PDFs of batches (contract §9.4), rendered by whichever process has time. */
export type Renders = {
  /**
   * Orders a file. Returns the UUIDs of its job and of itself: with an idempotency key (`by.request`, a UUID) the same whenever it
   * runs again, and then nothing new is ordered.
   */
  begin(
    where: Where,
    batch: PrintedBatch,
    by: { readonly request?: string | undefined },
  ): Promise<{ job: string; file: string }>;
  /** Undefined for what is unknown, does not belong together, or has expired: 24 hours after it was ordered or has ended. */
  state(where: Where, batch: number, job: string, file: string): Promise<RenderState | undefined>;
  /** The bytes `from` to `to` (exclusive) of a complete file, a chunk at a time. Throws when it is deleted meanwhile. */
  read(file: string, from: number, to: number): AsyncIterable<Buffer>;
};

/** The same with what the context's workers do. */
export type Rendering = Renders & {
  /** Renders what is ordered, one file after another, until aborted. For every process with the role `projections`. */
  work(owner: Owner, log: Log): Promise<void>;
  /** Deletes expired files until aborted. For one process at a time. */
  purge(owner: Owner): Promise<void>;
  close(): void;
};

/** Only a safety net for orders, which notify; jobs of dead processes and those that pause before another try are found by it. */
const LOOK_MS = 2_000;
/** Fifty times what 10,000 tickets take. Longer than that nothing is drawn any more: the thread is stuck. */
const LONGEST_MS = 10 * 60_000;
/** A thread that has drawn keeps some hundred megabytes, fonts among them; another one begins in half a second. */
const IDLE_MS = 60_000;

export type RenderParts = {
  /** Of the context's schema; jobs and files use it for a few milliseconds at a time. */
  readonly pool: Pool;
  readonly schema: string;
  readonly listener: Listener;
  readonly source: PageSource;
};

/** Opens files and jobs over the migrated schema. Nothing runs before `work` or `purge` is called. */
export async function openRenders({ pool, schema, listener, source }: RenderParts): Promise<Rendering> {
  const jobs = await openJobs(pool);
  const tries = attempts(pool, jobs);
  const metrics = renderMetrics(() => countFiles(pool));
  const topic = `${schema}.render`;

  /** Whatever becomes of it, the next job can follow. */
  async function render(
    attempt: Attempt,
    { printer, log, signal }: { printer: Printer; log: Log; signal: AbortSignal },
  ) {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]);
    const stop = () => void printer.close();
    limit.addEventListener('abort', stop);
    try {
      await draw(attempt, { source, attempts: tries, printer, log, signal: limit, onPages: metrics.drawn });
    } catch (error) {
      if (error instanceof Superseded) return;
      if (error instanceof Unprintable) return await tries.refuse(attempt, error.message);
      const { file, batch, attempt: number } = attempt;
      if (!signal.aborted)
        log.error({ file, batch: batch.id, attempt: number, ...described(error) }, 'a file was not rendered');
      await tries.giveUp(attempt, signal.aborted ? 'its process stops' : 'it failed');
    } finally {
      limit.removeEventListener('abort', stop);
    }
  }

  return {
    async begin(where, batch, { request }) {
      const ids =
        request === undefined
          ? { job: randomUUID(), file: randomUUID() }
          : { job: uuidV5(request, 'render-job'), file: uuidV5(request, 'render-file') };
      await inTransaction(pool, async (tx) => {
        await addFile(tx, ids, where, batch);
        await jobs.send(tx, ids.job);
        await tx.query('select tell($1)', [topic]);
      });
      return ids;
    },
    state: (where, batch, job, file) => stateOf(pool, where, { batch, job, file }),
    read: (file, from, to) => readFile(pool, file, from, to),
    async work({ signal, onProgress }, log) {
      const pause = waker();
      const forget = listener.on(topic, pause.wake);
      const printer = openPrinter();
      let worked = performance.now();
      try {
        while (!signal.aborted) {
          await tries.giveUpSilent();
          const attempt = await tries.begin();
          onProgress(true);
          if (attempt) {
            await render(attempt, { printer, log, signal });
            worked = performance.now();
          } else {
            if (performance.now() - worked > IDLE_MS) await printer.close();
            await pause.next(signal, LOOK_MS);
          }
        }
      } finally {
        forget();
        await printer.close();
      }
    },
    async purge({ signal, onProgress }) {
      const pause = waker();
      while (!signal.aborted) {
        const waitMs = await inTransaction(pool, (tx) => deleteExpired(tx, jobs));
        onProgress(true);
        await pause.next(signal, waitMs);
      }
    },
    close: () => metrics.close(),
  };
}
