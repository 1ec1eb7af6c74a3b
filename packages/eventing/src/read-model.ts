import type { Context } from '@gatehouse/events/contexts';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Pool } from 'pg';
import type { Tx } from './event-bus';
import type { Position } from './event-store';
import type { Log } from './log-bus';
import type { InlineProjection } from './inline';
import { applyUpToPoison, skippedBy } from './poison';
import { changingTables, inTransaction, LOCK_MS, lockKey } from './postgres';
import { replay } from './projection';
import { refreshStatistics } from './statistics';

/**
 * Tables that are derived from history and can be rebuilt from it. Names in its SQL are unqualified: the same code fills
 * the live tables and, in another schema, those of a rebuild or a verification.
 */
export type ReadModel = {
  readonly name: string;
  /** Raised whenever tables or handlers change: the next start builds the new version beside the old one and swaps them. */
  readonly version: number;
  /** Creates the tables, with the keys that handlers need. */
  readonly sql: string;
  /** Creates the indexes that only readers need. A rebuild runs it after applying most of history, which is much faster. */
  readonly indexes?: string;
  /**
   * The last of `handles` that writes to the tables with these indexes: a rebuild makes them while it applies the contexts after it.
   * Absent: after all of them.
   */
  readonly indexedAfter?: Context;
  readonly tables: readonly ReadModelTable[];
  /**
   * Applies each context's events to the tables. Must tolerate an event that it has applied before, and any interleaving of
   * contexts.
   */
  readonly handles: Partial<Record<Context, (tx: Tx, events: readonly Envelope[]) => Promise<void>>>;
  /** The types of events for which a handler does anything; absent: all. Others are not even read (`EventStore.follow`). */
  readonly only?: readonly string[];
  /** How appends to the context's own history fill it in their own transaction (inline.ts); absent: only its projection fills it. */
  readonly inline?: InlineProjection;
};

export type ReadModelTable = {
  readonly name: string;
  /** Columns of the primary key. */
  readonly key: string;
  /** Columns that are derived from history alone, for comparing; `*` for all. */
  readonly columns: string;
  /** A condition on rows `r` in a schema: which ones are compared. Absent: all. */
  readonly where?: (schema: string) => string;
};

export type ReadModelContext = {
  readonly pool: Pool;
  readonly schema: string;
  /** The histories that its consumers follow; checkpoints are positions in these. */
  readonly feeds: ReadonlyMap<Context, Log>;
  /** Ends a rebuild that waits for its swap; the rebuild rejects then. */
  readonly signal?: AbortSignal;
};

/** Events applied so far. The total is unknown, because positions are opaque. */
export type Progress = (state: { topic: Context; events: number; position: Position }) => void;

/** Creates the tables of a read model that this schema has never had. Returns false when another version is installed. */
export async function installReadModel(model: ReadModel, { pool, schema }: ReadModelContext): Promise<boolean> {
  return changingTables(pool, async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [lockKey('read-model', schema, model.name)]);
    const { rows } = await tx.query<{ version: number }>('select version from read_models where name = $1', [
      model.name,
    ]);
    if (rows[0]) return rows[0].version === model.version;
    await tx.query(model.sql);
    if (model.indexes) await tx.query(model.indexes);
    await tx.query('insert into read_models (name, version) values ($1, $2)', [model.name, model.version]);
    return true;
  });
}

/**
 * Builds a read model from history in another schema, catches up, and swaps the tables in one short transaction. Readers
 * use the old tables until then, and writers are not blocked. While a long transaction (a backup) reads the old tables, the
 * swap is retried, catching up before each attempt, so that no statement queues behind it.
 */
export async function rebuildReadModel(model: ReadModel, context: ReadModelContext, progress: Progress): Promise<void> {
  const { pool, schema } = context;
  const beside = `${schema}_${model.name.replaceAll('-', '_')}_next`;
  await withLock(pool, lockKey('rebuild', schema, model.name), async () => {
    await createBeside(pool, model, beside);
    let at = startOf(model, context);
    let indexing = Promise.resolve();
    const onApplied = (topic: Context) => {
      if (!model.indexes || topic !== lastToIndex(model)) return;
      indexing = inSchema(pool, beside, (tx) => tx.query(model.indexes!));
      // Its failure is reported when it is awaited.
      indexing.catch(() => undefined);
    };
    at = await replayInto({ beside, model, context, progress, onApplied }, at).finally(() =>
      indexing.catch(() => undefined),
    );
    await indexing;
    // Without statistics the first queries would use an arbitrary index.
    await refreshStatistics({ pool, schema: beside, tables: model.tables.map(({ name }) => name) });
    await changingTables(
      pool,
      (tx) => swapIn(tx, { beside, model, context }, at),
      // One more round while the live model is not locked, so that little remains for the round under the lock.
      async () => {
        context.signal?.throwIfAborted();
        at = await replayInto({ beside, model, context, progress }, at);
      },
    );
  });
}

/** How long a swap waits for a projection's current batch, and a change of tables beside the live ones; no other statement waits for it. */
const BATCH_MS = 10_000;

/** Applies the remaining events and replaces the live tables. */
async function swapIn(
  tx: Tx,
  { beside, model, context }: Omit<Replay, 'progress' | 'onApplied'>,
  at: ReadonlyMap<Context, Position>,
): Promise<void> {
  const { schema } = context;
  await tx.query(`set local lock_timeout = ${BATCH_MS}`);
  // From here until the commit the consumers' checkpoints are locked.
  const { rows } = await tx.query<{ topic: string; position: Position }>(
    'select topic, position from checkpoints where name = $1 and partition = 0 order by topic for update',
    [model.name],
  );
  await tx.query(`set local lock_timeout = ${LOCK_MS}`);
  const live = new Map(rows.map((row) => [row.topic, row.position]));
  await tx.query(`set local search_path = ${beside}, ${schema}, public`);
  const skipped = await skippedBy(context.pool, model.name);
  for (const [topic, handle] of handlesOf(model)) {
    const feed = feedOf(context, topic);
    const range = { from: at.get(topic)!, until: live.get(feed.topic) ?? feed.start, only: model.only };
    const reached = await replay(feed, range, async (batch) => {
      const events = batch.filter((event) => !skipped.has(event));
      if (events.length > 0) await handle(tx, events);
    });
    await tx.query(
      `insert into ${schema}.checkpoints (name, topic, position) values ($1, $2, $3)
       on conflict (name, topic, partition) do update set position = excluded.position`,
      [model.name, feed.topic, reached],
    );
  }
  // From here on readers wait.
  const { rows: old } = await tx.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = to_regnamespace($1) and relname = any($2::text[])`,
    [schema, model.tables.map(({ name }) => name)],
  );
  if (old.length > 0) {
    await tx.query(`lock table ${old.map(({ name }) => `${schema}.${name}`).join(', ')} in access exclusive mode`);
  }
  await tx.query(`create schema ${beside}_old`);
  for (const { name } of old) await tx.query(`alter table ${schema}.${name} set schema ${beside}_old`);
  for (const { name } of model.tables) await tx.query(`alter table ${beside}.${name} set schema ${schema}`);
  await tx.query(
    `insert into ${schema}.read_models (name, version) values ($1, $2)
     on conflict (name) do update set version = excluded.version, generation = ${schema}.read_models.generation + 1`,
    [model.name, model.version],
  );
  await tx.query(`drop schema ${beside}_old cascade`);
  await tx.query(`drop schema ${beside} cascade`);
  await tx.query('select pg_notify($1, $2)', ['gatehouse', `${schema}.${model.name}`]);
}

export type Difference = { table: string; key: string; live: unknown; replayed: unknown };

/**
 * Compares a read model with a replay of history up to the same checkpoints, in chunks, by hashes, while the system may be
 * running. Returns up to 50 rows that differ; an empty result means that the read model equals the replay.
 */
export async function verifyReadModel(
  model: ReadModel,
  context: ReadModelContext,
  progress: Progress,
): Promise<Difference[]> {
  const { pool, schema } = context;
  const beside = `${schema}_${model.name.replaceAll('-', '_')}_verify`;
  return withLock(pool, lockKey('verify', schema, model.name), async () => {
    await createBeside(pool, model, beside);
    const snapshot = await pool.connect();
    try {
      await snapshot.query('begin transaction isolation level repeatable read read only');
      const { rows } = await snapshot.query<{ topic: string; position: Position }>(
        'select topic, position from checkpoints where name = $1 and partition = 0',
        [model.name],
      );
      const until = new Map(rows.map((row) => [row.topic, row.position]));
      await replayInto({ beside, model, context, progress }, startOf(model, context), until);
      const differences: Difference[] = [];
      for (const table of model.tables) {
        differences.push(...(await compareTable(table, { tx: snapshot, schema }, { tx: pool, schema: beside })));
      }
      return differences.slice(0, MOST_DIFFERENCES);
    } finally {
      await snapshot.query('rollback').catch(() => undefined);
      snapshot.release();
      await changingTables(pool, (tx) => tx.query(`drop schema if exists ${beside} cascade`));
    }
  });
}

const MOST_DIFFERENCES = 50;
const CHUNKS = 256;

async function compareTable(
  table: ReadModelTable,
  live: { tx: Tx; schema: string },
  replayed: { tx: Tx; schema: string },
): Promise<Difference[]> {
  const chunk = `(hashtextextended(row(${table.key})::text, 0) & ${CHUNKS - 1})::integer`;
  const columns = table.columns === '*' ? 'r.*' : table.columns;
  const line = `(select to_jsonb(x)::text from (select ${columns}) x)`;
  const source = (schema: string) => `${schema}.${table.name} r where (${table.where?.(schema) ?? true})`;
  const hashes = async ({ tx, schema }: typeof live) => {
    const { rows } = await tx.query<{ chunk: number; hash: string }>(
      `select ${chunk} as chunk, sum(hashtextextended(${line}, 1)::numeric)::text || '/' || count(*) as hash
       from ${source(schema)} group by 1`,
    );
    return new Map(rows.map((row) => [row.chunk, row.hash]));
  };
  const [ours, theirs] = [await hashes(live), await hashes(replayed)];
  const differences: Difference[] = [];
  for (let n = 0; n < CHUNKS && differences.length < MOST_DIFFERENCES; n++) {
    if (ours.get(n) === theirs.get(n)) continue;
    const lines = async ({ tx, schema }: typeof live) => {
      const { rows } = await tx.query<{ key: string; line: string }>(
        `select row(${table.key})::text as key, ${line} as line from ${source(schema)} and ${chunk} = $1`,
        [n],
      );
      return new Map(rows.map((row) => [row.key, row.line]));
    };
    const [a, b] = [await lines(live), await lines(replayed)];
    for (const key of new Set([...a.keys(), ...b.keys()])) {
      if (a.get(key) === b.get(key)) continue;
      differences.push({ table: table.name, key, live: parse(a.get(key)), replayed: parse(b.get(key)) });
    }
  }
  return differences;
}

const parse = (line: string | undefined): unknown => (line === undefined ? null : JSON.parse(line));

async function createBeside(pool: Pool, model: ReadModel, beside: string): Promise<void> {
  await changingTables(pool, async (tx) => {
    await tx.query(`drop schema if exists ${beside} cascade`);
    await tx.query(`create schema ${beside}`);
  });
  await inSchema(pool, beside, (tx) => tx.query(model.sql));
}

/** Tables beside the live ones are locked by nobody but autovacuum, which gives way to a statement that waits for it. */
async function inSchema(pool: Pool, schema: string, work: (tx: Tx) => Promise<unknown>): Promise<void> {
  await inTransaction(pool, async (tx) => {
    await tx.query(`set local search_path = ${schema}, public`);
    await tx.query(`set local lock_timeout = ${BATCH_MS}`);
    await work(tx);
  });
}

type Replay = {
  readonly beside: string;
  readonly model: ReadModel;
  readonly context: ReadModelContext;
  readonly progress: Progress;
  /** A context's events have all been applied. */
  onApplied?(topic: Context): void;
};

/**
 * Replays every feed of a model into the tables of the other schema, up to the feeds' heads or given positions, without
 * skipped events. Throws PoisonEvent at an event that cannot be applied.
 */
async function replayInto(
  { beside, model, context, progress, onApplied }: Replay,
  from: ReadonlyMap<Context, Position>,
  until?: ReadonlyMap<string, Position>,
): Promise<Map<Context, Position>> {
  const reached = new Map<Context, Position>();
  const skipped = await skippedBy(context.pool, model.name);
  for (const [topic, handle] of handlesOf(model)) {
    const feed = feedOf(context, topic);
    const end = until ? (until.get(feed.topic) ?? feed.start) : await feed.head();
    let events = 0;
    const range = { from: from.get(topic)!, until: end, only: model.only };
    const at = await replay(feed, range, async (batch, position) => {
      const applied = batch.filter((event) => !skipped.has(event));
      if (applied.length > 0) {
        await applyUpToPoison(applied, (events) =>
          inTransaction(context.pool, async (tx) => {
            // What a crash loses here is made anew; the swap's own commit makes all of it durable.
            await tx.query(
              `set local search_path = ${beside}, ${context.schema}, public; set local synchronous_commit = off`,
            );
            await handle(tx, events);
          }),
        );
      }
      events += batch.length;
      progress({ topic, events, position });
    });
    reached.set(topic, at);
    onApplied?.(topic);
  }
  return reached;
}

const handlesOf = (model: ReadModel) =>
  Object.entries(model.handles) as [Context, NonNullable<ReadModel['handles'][Context]>][];

const lastToIndex = (model: ReadModel): Context => model.indexedAfter ?? handlesOf(model).at(-1)![0];

function feedOf(context: ReadModelContext, topic: Context): Log {
  const feed = context.feeds.get(topic);
  if (!feed) throw new Error(`no feed of ${topic} here`);
  return feed;
}

const startOf = (model: ReadModel, context: ReadModelContext): Map<Context, Position> =>
  new Map(handlesOf(model).map(([topic]) => [topic, feedOf(context, topic).start]));

/** Another process is rebuilding or verifying the same read model. */
export class AlreadyAtWork extends Error {
  override name = 'AlreadyAtWork';
}

/** Runs `work` while holding a session lock; throws AlreadyAtWork if it is held. */
async function withLock<T>(pool: Pool, key: string, work: () => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [key]);
    if (!rows[0]!.mine) throw new AlreadyAtWork('another process is doing this already');
    return await work();
  } finally {
    await client.query('select pg_advisory_unlock($1)', [key]).catch(() => undefined);
    client.release();
  }
}
