import { NewerEventVersion } from '@gatehouse/events/define';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Pool, PoolClient } from 'pg';
import type { EventBus } from './event-bus';
import type { Position } from './event-store';
import { oldestAfter } from './lag';
import type { FeedHealth } from './feed-health';
import { disconnectOwner, runAsOwner, type Owner } from './owner';
import { available, lockKey, waker } from './postgres';
import type { Log } from './log-bus';
import type { Feed } from './projection';
import { acceptGeneration, RELAY } from './topic-generation';

export type Relay = {
  /** The context's own store, which is the outbox. */
  readonly feed: Feed;
  readonly bus: Pick<EventBus, 'publish'>;
  /** Pool of the context's schema, which has the checkpoint. */
  readonly pool: Pool;
  readonly signal: AbortSignal;
  onHealth(health: FeedHealth): void;
};

/**
 * Pause between sends, so that a busy second costs four sends, not one for each group commit: most of a send's cost does
 * not depend on its size. The first event after a pause is sent at once.
 */
const BATCH_MS = 250;
/** A batch of this size means that more events are waiting: then twenty sends a second. */
const FULL_BATCH = 1_000;
const FULL_BATCH_MS = 50;

/**
 * Publishes a context's events in their order until aborted, and moves the checkpoint when every partition has
 * acknowledged. A lock keeps it to one process at a time, only to save work: two relays would publish everything twice. It
 * never skips an event: after an error it reads the checkpoint again.
 */
export async function runRelay(relay: Relay): Promise<void> {
  const { feed, pool, signal, onHealth } = relay;
  const isPoison = (error: unknown) => error instanceof NewerEventVersion;
  await runAsOwner(
    { name: RELAY, topic: feed.topic, pool, key: lockOf(feed), signal, onHealth, isPoison },
    (client, owner) => publishAll(relay, client, owner),
  );
}

async function publishAll({ feed, bus }: Relay, client: PoolClient, { signal, onProgress }: Owner): Promise<void> {
  const pause = waker();
  // Publishing nothing checks at once, not at the next event, that the topics are those that this relay filled before.
  await unlessAborted(bus.publish([]), signal);
  let at = await readCheckpoint(client, feed);
  onProgress(false);
  for await (const batch of feed.follow(at, signal)) {
    const begunMs = performance.now();
    const publish = async (events: readonly Envelope[], position: Position) => {
      if (events.length > 0) await unlessAborted(bus.publish(events), signal);
      await move(client, { feed, from: at, to: position });
      at = position;
    };
    try {
      await publish(batch.events, batch.position);
    } catch (error) {
      if (!(error instanceof NewerEventVersion) || batch.events.length < 2) throw error;
      // One by one, so that events before the unknown one are published and not repeated at each retry.
      for (const event of batch.events) await publish([event], event.position);
      await publish([], batch.position);
    }
    onProgress(true);
    const atLeastMs = batch.events.length < FULL_BATCH ? BATCH_MS : FULL_BATCH_MS;
    await pause.next(signal, Math.max(0, atLeastMs - (performance.now() - begunMs)));
  }
}

/** A broker that does not answer must not delay a stop; the next relay sends the same events again. */
async function unlessAborted(sending: Promise<void>, signal: AbortSignal): Promise<void> {
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new Error('stopped while publishing'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
  });
  try {
    await Promise.race([sending, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function readCheckpoint(client: PoolClient, feed: Feed): Promise<Position> {
  await client.query('insert into checkpoints (name, topic, position) values ($1, $2, $3) on conflict do nothing', [
    RELAY,
    feed.topic,
    feed.start,
  ]);
  return (await checkpointOf(client, feed))!;
}

async function checkpointOf(client: Pick<Pool, 'query'>, feed: Feed): Promise<Position | undefined> {
  const { rows } = await client.query<{ position: string }>(
    'select position from checkpoints where name = $1 and topic = $2 and partition = 0',
    [RELAY, feed.topic],
  );
  return rows[0]?.position;
}

async function move(client: PoolClient, place: { feed: Feed; from: Position; to: Position }): Promise<void> {
  const { rowCount } = await client.query({
    name: 'move_relay',
    text: 'update checkpoints set position = $4 where name = $1 and topic = $2 and partition = 0 and position = $3',
    values: [RELAY, place.feed.topic, place.from, place.to],
  });
  if (rowCount !== 1) throw new Error('the checkpoint was moved by another relay or by a command');
}

export type RelayStatus = {
  /** Null: no relay has ever run. */
  readonly position: Position | null;
  readonly head: Position;
  /** When the oldest unpublished event was recorded; null when all are published. */
  readonly oldest: string | null;
};

/** How far the relay of a context has published. */
export async function relayStatus(pool: Pool, feed: Log): Promise<RelayStatus> {
  const head = await feed.head();
  const position = (await available(checkpointOf(pool, feed))) ?? null;
  return { position, head, oldest: await oldestAfter(feed, { position: position ?? feed.start, head }) };
}

/** Whether the relay of a context has published all events up to a position. Rejects with StoreUnavailable. */
export const publishedUpTo =
  (pool: Pool, feed: Feed) =>
  async (position: Position): Promise<boolean> => {
    const published = await available(checkpointOf(pool, feed));
    return published !== undefined && !feed.before(published, position);
  };

/** How much of a context's history is not published, in the store's own measure; 0 when all is. */
export async function relayBacklog(pool: Pool, feed: Log): Promise<number> {
  const head = await feed.head();
  return feed.between((await available(checkpointOf(pool, feed))) ?? feed.start, head);
}

/**
 * Makes the relay publish again from a position, by default from the first event, and accept its topics as they are now. A
 * running relay is restarted.
 */
export async function rewindRelay(
  pool: Pool,
  { feed, topics, to = feed.start }: { feed: Feed; topics: readonly string[]; to?: Position },
): Promise<void> {
  for (const topic of topics) await acceptGeneration(pool, { name: RELAY, topic });
  await pool.query(
    `insert into checkpoints (name, topic, position) values ($1, $2, $3)
     on conflict (name, topic, partition) do update set position = excluded.position`,
    [RELAY, feed.topic, to],
  );
  await disconnectOwner(pool, lockOf(feed));
}

const lockOf = (feed: Feed): string => lockKey('relay', feed.topic);
