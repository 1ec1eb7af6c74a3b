import type { Context } from '@gatehouse/events/contexts';
import type { Pool } from 'pg';
import type { EventStore, Position } from './event-store';
import { available } from './postgres';
import type { Feed } from './projection';
import { RELAY } from './topic-generation';

/** How far a projection, consumer or relay is behind. */
export type Lag = {
  readonly kind: 'projection' | 'consumer' | 'relay';
  readonly name: string;
  readonly topic: string;
  /**
   * When its oldest unprocessed event was recorded, in milliseconds since the epoch; null when it has processed everything.
   */
  readonly oldestMs: number | null;
};

/** Limits how long a request for metrics waits. */
const PATIENCE_MS = 2_000;

/** The lags of everything with a checkpoint in `schema`, whichever process does the work. */
export async function lagsOf(options: {
  pool: Pool;
  schema: string;
  /** The histories to which the checkpoints' positions belong; checkpoints in other topics are left out. */
  feeds: ReadonlyMap<Context, Feed & Pick<EventStore, 'head'>>;
  /** Whether a relay is configured: an earlier one may have left its checkpoint. */
  isRelayed: boolean;
}): Promise<Lag[]> {
  const { pool, schema, feeds, isRelayed } = options;
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const { rows } = await available(
    pool.query<{ name: string; topic: Context; position: Position }>({
      query_timeout: PATIENCE_MS,
      text: 'select name, topic, position from checkpoints where topic = any($1::text[]) and ($2 or name <> $3)',
      values: [[...feeds.keys()], isRelayed, RELAY],
    }),
  );
  // Most checkpoints are at the same few positions, mostly at a head.
  const known = new Map<string, Promise<string | null>>();
  const oldest = (topic: Context, position: Position) => {
    const key = `${topic} ${position}`;
    const feed = feeds.get(topic)!;
    const found = known.get(key) ?? feed.head().then((head) => oldestAfter(feed, { position, head, signal }));
    known.set(key, found);
    return found;
  };
  return Promise.all(
    rows.map(async ({ name, topic, position }): Promise<Lag> => {
      const time = await oldest(topic, position);
      const kind = name === RELAY ? 'relay' : topic === schema ? 'projection' : 'consumer';
      return { kind, name, topic, oldestMs: time === null ? null : Date.parse(time) };
    }),
  );
}

/**
 * When the first event after `position` was recorded; null when there is none up to `head`, or none was found before the
 * signal aborted.
 */
export async function oldestAfter(
  feed: Feed,
  { position, head, signal }: { position: Position; head: Position; signal?: AbortSignal },
): Promise<string | null> {
  if (!feed.before(position, head)) return null;
  for await (const { events } of feed.follow(position, signal ?? new AbortController().signal)) {
    if (events.length > 0) return events[0]!.time;
  }
  return null;
}
