import type { Pool } from 'pg';
import { StoreUnavailable } from './event-store';
import { available, type Listener } from './postgres';

/** A read model's table that a process copies into its memory, row by row as they change. */
export type TableToFollow<Row extends { readonly change: string }> = {
  /** The read model, whose name is also what its changes are notified by. */
  readonly readModel: string;
  /**
   * Selects the rows that have changed after $1, in the order of their changes, each with its own as the text `change`: a
   * number that grows with every transaction that changes the table.
   */
  readonly changedAfter: string;
  /** Takes rows into memory; `isAll`: they are all that there are, and what was taken before is to be forgotten. */
  take(rows: readonly Row[], isAll: boolean): void;
};

export type FollowedTable = {
  /** Throws StoreUnavailable while the table has never been read. */
  requireRead(): void;
  /** Resolves when the memory has everything that the table had at the time of the call. Rejects with StoreUnavailable. */
  refresh(): Promise<void>;
  close(): void;
};

/** Pause before a failed read is repeated. */
const RETRY_MS = 500;

/**
 * Reads a table into memory and keeps it up to date: after each notification of the read model, and after each reconnect, in
 * which notifications may have been lost. When it resolves the table was read, unless the database is away or the read model
 * of this release is still being built; then it is read as soon as it can be.
 */
export async function followTable<Row extends { readonly change: string }>(
  table: TableToFollow<Row>,
  { pool, schema, listener }: { pool: Pool; schema: string; listener: Listener },
): Promise<FollowedTable> {
  /** Of the table that was read; undefined before the first read. A rebuilt read model has another one. */
  let generation: number | undefined;
  let change = '0';
  /** Ends with the read that is under way or asked for. */
  let last: Promise<unknown> = Promise.resolve();
  /** A read that has not begun. */
  let next: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;
  let closed = false;

  async function read(): Promise<void> {
    const { rows: models } = await available(
      pool.query<{ generation: number }>('select generation from read_models where name = $1', [table.readModel]),
    );
    const now = models[0]?.generation ?? 0;
    const isAll = now !== generation;
    const { rows } = await available(pool.query<Row>(table.changedAfter, [isAll ? '0' : change]));
    if (isAll || rows.length > 0) table.take(rows, isAll);
    change = rows.at(-1)?.change ?? (isAll ? '0' : change);
    generation = now;
  }

  /** One read at a time: who asks during a read may have missed it, and is served by the next one with all others. */
  function refresh(): Promise<void> {
    if (next) return next;
    next = last.then(() => {
      next = undefined;
      return read();
    });
    last = next.catch(() => undefined);
    return next;
  }

  /** A change is notified once, so a failed read must be repeated. */
  function follow(): void {
    clearTimeout(retry);
    refresh().catch(() => {
      if (!closed) retry = setTimeout(follow, RETRY_MS);
    });
  }

  const forget = listener.on(`${schema}.${table.readModel}`, follow);
  const close = (): void => {
    closed = true;
    clearTimeout(retry);
    forget();
  };
  await refresh().catch((error: unknown) => {
    if (error instanceof StoreUnavailable) return follow();
    close();
    throw error;
  });
  return {
    requireRead() {
      if (generation === undefined) throw new StoreUnavailable(`the table of ${table.readModel} has not been read yet`);
    },
    refresh,
    close,
  };
}
