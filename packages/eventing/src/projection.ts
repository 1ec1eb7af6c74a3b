import type { Recorded } from '@gatehouse/events/envelope';
import type { Pool, PoolClient } from 'pg';
import type { Tx } from './event-bus';
import type { EventStore, Position } from './event-store';
import { reasonOf, type FeedHealth } from './feed-health';
import { readModelLock } from './inline';
import { runAsOwner, type Owner } from './owner';
import { factsOf, forgetStuck, PoisonEvent, rememberStuck, skippedBy, type Skipped } from './poison';
import { available, isConnectionError, isPassing, lockKey, transaction, waker, type Listener } from './postgres';
import { spanOver } from './tracing';

/** A source of events that can be followed from any position: a store, or one partition of a topic. */
export type Feed = Pick<EventStore, 'follow' | 'start' | 'before'> & {
  /** Topic of its checkpoints: the context of a store, or a topic of Kafka. */
  readonly topic: string;
};

export type Consumer = {
  /** Name of the checkpoint. */
  readonly name: string;
  readonly feed: Feed;
  /** Applies events in the transaction that moves the checkpoint. Must tolerate an event that it has applied before. */
  handle(tx: Tx, events: readonly Recorded[]): Promise<void>;
  /** The types for which `handle` does anything; for a batch without such events only the checkpoint moves. Absent: all. */
  readonly only?: readonly string[];
  /** For a read model that appends fill themselves (inline.ts). Then only what they left out is applied here. */
  readonly inline?: {
    readonly log: Pick<EventStore, 'head' | 'between'>;
    /** `ContextStore.appendLock`. */
    readonly appendLock: string;
    readonly listener: Listener;
  };
};

export type ConsumerContext = {
  readonly pool: Pool;
  readonly schema: string;
  readonly signal: AbortSignal;
  onHealth(health: FeedHealth): void;
};

/**
 * Minimum time between the starts of two batches: at thousands of events a second a transaction for each group commit would
 * cost more than the commits. After a pause a batch starts at once.
 */
const PACE_MS = 10;
/** Most events in one transaction. */
const SLICE = 250;

/**
 * Follows a feed until aborted: in one process at a time (a session lock on its own connection), with one transaction per
 * batch for effect and checkpoint. A broken connection is replaced. A poison event stops only this consumer, after all
 * events before it: it is tried again with growing pauses, health reports it, and `stuck_events` records the place.
 */
export async function consumeFeed(consumer: Consumer, context: ConsumerContext): Promise<void> {
  const { name, feed } = consumer;
  const { pool, schema, signal, onHealth } = context;
  const key = lockKey('consumer', schema, name, feed.topic);
  const here = { name, topic: feed.topic, partition: 0 };
  /**
   * Where the last attempt stopped. One failure may be caused by the connection; a second one at the same event makes it a
   * poison event.
   */
  let stopped: Position | undefined;
  await runAsOwner(
    {
      name,
      topic: feed.topic,
      pool,
      key,
      signal,
      onHealth,
      isPoison: (error) => !isConnectionError(error),
      async failed(error) {
        if (!(error instanceof StoppedAtPoison)) return undefined;
        const { poison, checkpoint } = error;
        const before = stopped;
        stopped = poison.position;
        if (before !== stopped) return undefined;
        await rememberStuck(pool, here, { poison, checkpoint, next: poison.position });
        return poison.event;
      },
    },
    async (client, owner) => {
      const skipped = await skippedBy(client, name);
      const onProgress = (applied: boolean) => {
        owner.onProgress(applied);
        if (stopped === undefined || !applied) return;
        stopped = undefined;
        void forgetStuck(pool, here);
      };
      const apply = consumer.inline ? applyLeftOut : applyAll;
      await apply(client, { consumer, schema, skipped }, { ...owner, onProgress });
    },
  );
}

/** A poison event, and the checkpoint before it. */
class StoppedAtPoison extends Error {
  override name = 'StandsStill';
  constructor(
    readonly poison: PoisonEvent,
    readonly checkpoint: Position,
  ) {
    super(reasonOf(poison.cause));
  }
}

/** The checkpoint has changed since this owner read it, so it must read it again. */
class CheckpointMoved extends Error {
  override name = 'CheckpointMoved';
}

/** Applies the feed while this process owns it. */
async function applyAll(client: PoolClient, place: Omit<Place, 'at'>, { signal, onProgress }: Owner): Promise<void> {
  const { consumer } = place;
  let at = await readCheckpoint(client, consumer);
  onProgress(false);
  const pause = waker();
  for await (const batch of consumer.feed.follow(at, signal, consumer.only)) {
    const began = performance.now();
    for (const slice of slicesOf(batch)) {
      at = await applyBatch(client, { ...place, at }, slice);
      onProgress(true);
    }
    const ahead = PACE_MS - (performance.now() - began);
    if (ahead > 0) await pause.next(signal, ahead);
  }
}

/** Most events that are applied under the append lock, for which all appends wait. */
const CLOSE = 250;
/** Only a safety net: appends tell when they have left something out. */
const GAP_PATIENCE_MS = 5_000;

/**
 * Applies what appends have left out. Only with the append lock can a busy history's head be reached; from there on appends fill the
 * read model again. For a read model that is far behind, or that somebody else is changing, appends do not wait.
 */
async function applyLeftOut(
  client: PoolClient,
  place: Omit<Place, 'at'>,
  { signal, onProgress }: Owner,
): Promise<void> {
  const { consumer, schema } = place;
  const { feed, only } = consumer;
  const { log, listener } = consumer.inline!;
  const pause = waker();
  let forget: (() => void) | undefined;
  try {
    while (!signal.aborted) {
      const began = performance.now();
      // In this order: an append in between moves both, and the read model does not seem to be behind.
      const head = await log.head();
      const at = await readCheckpoint(client, consumer);
      const behind = feed.before(at, head);
      // Where nothing is left to apply, a failure of before is over, too.
      onProgress(!behind);
      if (!behind) {
        // Also wakes when it begins to listen, so one more look finds earlier events.
        forget ??= listener.on(`${schema}.behind`, pause.wake);
        await pause.next(signal, GAP_PATIENCE_MS);
        continue;
      }
      forget?.();
      forget = undefined;
      if (log.between(at, head) <= CLOSE && (await reachHead(client, place))) {
        onProgress(true);
      } else {
        let reached = at;
        await replay(feed, { from: at, until: head, only }, async (events, position) => {
          for (const slice of slicesOf({ events, position })) {
            signal.throwIfAborted();
            reached = await applyBatch(client, { ...place, at: reached }, slice);
            onProgress(true);
          }
        });
      }
      const ahead = PACE_MS - (performance.now() - began);
      if (ahead > 0) await pause.next(signal, ahead);
    }
  } finally {
    forget?.();
  }
}

/**
 * Applies everything up to the head while no append can move it. Returns false when the read model is in use, too far behind, or
 * cannot apply these events: then they must be applied without the lock.
 */
async function reachHead(client: PoolClient, { consumer, schema, skipped }: Omit<Place, 'at'>): Promise<boolean> {
  const { name, feed, only, handle, inline } = consumer;
  const { log, appendLock } = inline!;
  try {
    return await transaction(client, async () => {
      await client.query('select pg_advisory_xact_lock($1)', [appendLock]);
      // Neither the checkpoint's lock nor the read model's is waited for: appends would wait as well.
      const { rows } = await client.query<{ position: Position; free: boolean }>(
        `select position, pg_try_advisory_xact_lock(hashtextextended(current_schema(), $3)) as free
         from checkpoints where name = $1 and topic = $2 and partition = 0 for update skip locked`,
        [name, feed.topic, readModelLock(name)],
      );
      const [mine] = rows;
      if (!mine?.free) return false;
      const head = await log.head();
      if (log.between(mine.position, head) > CLOSE) return false;
      const events: Recorded[] = [];
      await replay(feed, { from: mine.position, until: head, only }, (batch) => {
        events.push(...batch.filter((event) => !skipped.has(event)));
        return Promise.resolve();
      });
      if (events.length > 0) {
        const traces = events.map((event) => event.trace);
        await spanOver(`process ${schema}.${name}`, traces, () => handle(client, events));
      }
      await moveCheckpoint(client, consumer, schema, head);
      return true;
    });
  } catch (error) {
    if (isPassing(error)) throw error;
    return false;
  }
}

async function readCheckpoint(tx: Tx, { name, feed }: Consumer): Promise<Position> {
  await tx.query('insert into checkpoints (name, topic, position) values ($1, $2, $3) on conflict do nothing', [
    name,
    feed.topic,
    feed.start,
  ]);
  const { rows } = await tx.query<{ position: string }>(
    'select position from checkpoints where name = $1 and topic = $2 and partition = 0',
    [name, feed.topic],
  );
  return rows[0]!.position;
}

type Batch = { readonly events: readonly Recorded[]; readonly position: Position };
type Place = {
  readonly consumer: Consumer;
  readonly schema: string;
  /** Never applied, not even by a consumer that was reset. */
  readonly skipped: Skipped;
  readonly at: Position;
};

/** Splits a large batch, so that an import does not delay the requests of the same process. */
function* slicesOf({ events, position }: Batch): Iterable<Batch> {
  let from = 0;
  for (; from + SLICE < events.length; from += SLICE) {
    yield { events: events.slice(from, from + SLICE), position: events[from + SLICE - 1]!.position };
  }
  yield { events: events.slice(from), position };
}

/** True when the consumer wants no event of the batch. */
const wantsNothing = ({ only }: Consumer, { events }: Batch): boolean =>
  only !== undefined && !events.some(({ type }) => only.includes(type));

/** Returns the position reached. If the batch fails, its events are applied one by one up to the one that fails. */
async function applyBatch(client: PoolClient, place: Place, batch: Batch): Promise<Position> {
  if (wantsNothing(place.consumer, batch)) return passOver(client, place, batch.position);
  try {
    return await applyAtOnce(client, place, batch);
  } catch (error) {
    if (isPassing(error) || error instanceof CheckpointMoved || batch.events.length === 0) throw error;
  }
  let { at } = place;
  for (const event of batch.events) {
    try {
      at = await applyAtOnce(client, { ...place, at }, { events: [event], position: event.position });
    } catch (error) {
      if (isPassing(error) || error instanceof CheckpointMoved) throw error;
      throw new StoppedAtPoison(new PoisonEvent(factsOf(event), event.position, error), at);
    }
  }
  return applyAtOnce(client, { ...place, at }, { events: [], position: batch.position });
}

/** Moves the checkpoint past events that change nothing, in one statement. */
async function passOver(client: PoolClient, place: Place, position: Position): Promise<Position> {
  const { consumer, schema, at } = place;
  const { name, feed } = consumer;
  const { rowCount } = await available(
    client.query({
      name: 'pass_over',
      text: `with moved as (
               update checkpoints set position = $3 where name = $1 and topic = $2 and partition = 0 and position = $4
               returning 1
             )
             select tell($5) from moved`,
      values: [name, feed.topic, position, at, `${schema}.${name}`],
    }),
  );
  // Another has moved it, as a rebuild does when it swaps its tables in.
  if (rowCount !== 1) return applyAtOnce(client, place, { events: [], position });
  return position;
}

async function applyAtOnce(client: PoolClient, place: Place, batch: Batch): Promise<Position> {
  const { consumer, schema, skipped, at } = place;
  const { name, feed } = consumer;
  return transaction(client, async () => {
    // The row's lock fences off an earlier owner: its transaction fails here.
    const { rows } = await client.query<{ position: string }>({
      name: 'lock_checkpoint',
      text: 'select position from checkpoints where name = $1 and topic = $2 and partition = 0 for update',
      values: [name, feed.topic],
    });
    const applied = rows[0]?.position;
    if (applied === undefined || feed.before(applied, at)) throw new CheckpointMoved('the checkpoint was set back');
    const events = batch.events.filter((event) => feed.before(applied, event.position) && !skipped.has(event));
    if (events.length > 0) {
      const traces = events.map((event) => event.trace);
      await spanOver(`process ${schema}.${name}`, traces, () => consumer.handle(client, events));
    }
    if (!feed.before(applied, batch.position)) return applied;
    await moveCheckpoint(client, consumer, schema, batch.position);
    return batch.position;
  });
}

async function moveCheckpoint(tx: Tx, { name, feed }: Consumer, schema: string, position: Position): Promise<void> {
  await tx.query({
    name: 'move_checkpoint',
    text: `with moved as (update checkpoints set position = $3 where name = $1 and topic = $2 and partition = 0)
           select tell($4)`,
    values: [name, feed.topic, position, `${schema}.${name}`],
  });
}

/**
 * Applies a feed from its first event up to `until` through `handle`; for rebuilding and verifying. `only`: the types of which
 * `handle` wants events, as in `EventStore.follow`.
 */
export async function replay(
  feed: Feed,
  range: { from: Position; until: Position; only?: readonly string[] | undefined },
  handle: (events: readonly Recorded[], position: Position) => Promise<void>,
): Promise<Position> {
  let at = range.from;
  if (!feed.before(at, range.until)) return at;
  const stop = new AbortController();
  const batches = feed.follow(at, stop.signal, range.only)[Symbol.asyncIterator]();
  try {
    let next = batches.next();
    for (;;) {
      const { done, value: batch } = await next;
      if (done) return at;
      const events = batch.events.filter((event) => !feed.before(range.until, event.position));
      at = feed.before(range.until, batch.position) ? range.until : batch.position;
      const goesOn = feed.before(at, range.until);
      // The next batch is read while this one is applied.
      if (goesOn) next = batches.next();
      // Its failure is reported when it is awaited.
      next.catch(() => undefined);
      await handle(events, at);
      if (!goesOn) return at;
    }
  } finally {
    stop.abort();
    await batches.return?.();
  }
}
