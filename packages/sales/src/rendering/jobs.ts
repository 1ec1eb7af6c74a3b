import type { Tx } from '@gatehouse/eventing/event-bus';
import { available } from '@gatehouse/eventing/postgres';
import PgBoss from 'pg-boss';
import type { Pool } from 'pg';

/*
 * Jobs of pg-boss, in the database of the context, next to the files that they draw.
 *
 * Why pg-boss 10: it is maintained, runs on Node 20, sends, fetches, completes and deletes in a transaction of ours, works on our pool
 * without connections of its own, and starts no timer unless it is told to. graphile-worker 0.17 needs its own connections, and the
 * lock of a worker that was killed holds for four hours.
 *
 * What it has not before version 12 (which needs Node 22) is a heartbeat: its jobs expire a fixed time after they began, whether
 * their worker lives or not. So a file's row says when its process was last alive (attempts.ts), whoever is idle gives back the jobs
 * of dead processes, and pg-boss's own expiration and maintenance are not used: nothing here needs them.
 */

/** Its tables are pg-boss's own: nobody else reads or writes them. */
const SCHEMA = 'sales_jobs';
const QUEUE = 'render';

/** A job whose process dies each time must not go on for ever. */
const OPTIONS = { retryLimit: 4, retryDelay: 1, retryBackoff: true } as const;

/** Jobs by their UUIDs. Each function is part of the transaction that changes the row of the job's file. */
export type Jobs = {
  /** Does nothing when there is such a job. */
  send(tx: Tx, id: string): Promise<void>;
  /** Takes the oldest job that waits; undefined: there is none. It is this process's until it is completed or returned. */
  fetch(tx: Tx): Promise<string | undefined>;
  complete(tx: Tx, id: string): Promise<void>;
  /** Returns a job that was not done; whether it will be tried again, after a pause. */
  retry(tx: Tx, id: string, reason: string): Promise<boolean>;
  remove(tx: Tx, ids: readonly string[]): Promise<void>;
};

/** Creates or updates pg-boss's schema. Several processes may do this at the same time. */
export async function openJobs(pool: Pool): Promise<Jobs> {
  const on = (client: Pick<Tx, 'query'>) => ({
    db: { executeSql: (text: string, values: unknown[]) => client.query(text, values) },
  });
  const boss = new PgBoss({ ...on(pool), schema: SCHEMA, supervise: false, schedule: false });
  await available(boss.start());
  await available(boss.createQueue(QUEUE));
  // Nothing of it runs by itself, so nothing needs to be stopped.
  return {
    async send(tx, id) {
      await boss.send(QUEUE, {}, { id, ...OPTIONS, ...on(tx) });
    },
    async fetch(tx) {
      const [job] = await boss.fetch(QUEUE, on(tx));
      return job?.id;
    },
    complete: (tx, id) => boss.complete(QUEUE, id, {}, on(tx)),
    async retry(tx, id, reason) {
      await boss.fail(QUEUE, id, { reason }, on(tx));
      return (await boss.getJobById(QUEUE, id, { ...on(tx), includeArchive: false }))?.state === 'retry';
    },
    remove: (tx, ids) => boss.deleteJob(QUEUE, [...ids], on(tx)),
  };
}
