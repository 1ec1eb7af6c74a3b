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
  /** Of the context's schema, where the checkpoint is. */
  readonly pool: Pool;
  readonly signal: AbortSignal;
  onHealth(health: FeedHealth): void;
};

/**
 * A busy second costs four sends, not one for each group commit: most of a send's cost does not depend on its size. The first
 * event after a pause goes at once; only the next ones wait.
 */
const BATCH_MS = 250;
/** With so many events in a batch more are waiting: then twenty sends a second. */
const FULL_BATCH = 1_000;
const FULL_BATCH_MS = 50;

/**
 * Publishes a context's events in their order until aborted: one process at a time (economy only: two side by side merely
 * repeat), the checkpoint moved when every partition has acknowledged. Never skips: after an error it reads the checkpoint again.
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
  // A bus that is not the one we filled before shows itself at once, not with the next event.
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
      // Only the event that is not understood stays, and none before it is sent again and again.
      for (const event of batch.events) await publish([event], event.position);
      await publish([], batch.position);
    }
    onProgress(true);
    const atLeastMs = batch.events.length < FULL_BATCH ? BATCH_MS : FULL_BATCH_MS;
    await pause.next(signal, Math.max(0, atLeastMs - (performance.now() - begunMs)));
  }
}

/** A broker that does not answer must not hold up a stop; what was on its way is sent again by the next relay. */
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
  /** Null: no relay has ever begun. */
  readonly position: Position | null;
  readonly head: Position;
  /** When the oldest event that is not published was recorded; null when all are. */
  readonly oldest: string | null;
};

/** How far the relay of a context has come. */
export async function relayStatus(pool: Pool, feed: Log): Promise<RelayStatus> {
  const head = await feed.head();
  const position = (await available(checkpointOf(pool, feed))) ?? null;
  return { position, head, oldest: await oldestAfter(feed, { position: position ?? feed.start, head }) };
}

/** How much of a context's history is not published, in the store's own measure; 0: nothing. */
export async function relayLeft(pool: Pool, feed: Log): Promise<number> {
  const head = await feed.head();
  return feed.between((await available(checkpointOf(pool, feed))) ?? feed.start, head);
}

/**
 * Lets the relay publish again from a position on, by default from the first event, and accept its topics as they are now. A
 * running relay begins anew.
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
