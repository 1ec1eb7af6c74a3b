import type { Context } from '@gatehouse/events/contexts';
import type { Ends } from '@gatehouse/eventing/event-bus';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import type { FeedHealth } from '@gatehouse/eventing/feed-health';
import type { Log } from '@gatehouse/eventing/log-bus';
import { opening } from '@gatehouse/eventing/opening';
import { changingTables, EVENT_STORE_SQL, migrate, openPool, type Listener } from '@gatehouse/eventing/postgres';
import { freshness } from '@gatehouse/eventing/freshness';
import type { ReadModelContext } from '@gatehouse/eventing/read-model';
import type { Pool } from 'pg';
import type { Backends, OpenBus } from './backends';
import { followedBy, followersOf, projectionsOf, type ContextDefinition } from './context';

type Definition = Omit<ContextDefinition<unknown>, 'open' | 'access' | 'servingConnections'>;

/** The histories that a context reads, with pools for reading them and for filling its read models. */
export type Feeds = ReadModelContext & {
  readonly own: ContextStore;
  /** Its own history, as its projections and its relay follow it. */
  readonly ownFeed: Log;
  /** Notifications of its own database. */
  readonly ownListener: Listener;
  readonly bus: OpenBus;
  /** The topics of its consumers' checkpoints: its own history, and the others by their names on the bus. */
  readonly topics: readonly string[];
  /**
   * Waits up to `atMostMs` until its read models have applied everything that its own history holds now; returns whether
   * they have.
   */
  ownIsApplied(atMostMs: number): Promise<boolean>;
  /** The current ends of the followed topics. Throws when the bus does not answer. */
  followedEnds(): Promise<FollowedEnds>;
  /** For each consumer group, how much before these ends it has not applied, in the bus's own measure. */
  backlogs(ends: FollowedEnds): Promise<number[]>;
  close(): Promise<void>;
};

export type FollowedEnds = ReadonlyMap<Context, Ends>;

/** Creates or updates the schema of a context, and opens its history. */
export async function openHistory(
  definition: Pick<Definition, 'name' | 'sql' | 'extensions'>,
  backends: Backends,
  connections: number,
): Promise<{ store: ContextStore; pool: Pool }> {
  const { name } = definition;
  return opening(async (opened) => {
    const pool = openPool(backends.urlOf(name), name, connections);
    opened(() => pool.end());
    await migrateContext(pool, definition);
    return { pool, store: backends.store(name, pool) };
  });
}

/** Several processes may do this at the same time. */
async function migrateContext(
  pool: Pool,
  { name, sql = [], extensions = [] }: Pick<Definition, 'name' | 'sql' | 'extensions'>,
): Promise<void> {
  await migrate(pool, name, EVENT_STORE_SQL);
  for (const extension of extensions) {
    const create = `create extension if not exists ${extension} with schema public`;
    await changingTables(pool, (tx) => tx.query(create)).catch((error: unknown) => {
      // Another process has created it at the same time.
      if ((error as { code?: string }).code !== '23505') throw error;
    });
  }
  for (const folder of sql) await migrate(pool, name, folder);
}

/** Creates or updates the schema of a context and opens its feeds: its own history, and those that it follows on the bus. */
export async function openFeeds(
  definition: Definition,
  backends: Backends,
  options: { connections: number; onHealth?(health: FeedHealth): void },
): Promise<Feeds> {
  const { name } = definition;
  const { connections, onHealth = () => undefined } = options;
  return opening(async (opened) => {
    const { pool, store: own } = await openHistory(definition, backends, connections);
    opened(() => pool.end());
    const follows = followedBy(definition);
    const bus = await backends.bus({ context: name, follows, pool, onHealth });
    const ownFeed = { ...own, topic: name };
    const feeds = new Map<Context, Log>([...bus.logs, [name, ownFeed]]);
    const followers = followersOf(definition);
    const projections = projectionsOf(definition).map((model) => model.name);
    const ownListener = backends.listenerOf(name);
    const fresh = freshness({ pool, schema: name, listener: ownListener, store: own });
    return {
      pool,
      schema: name,
      own,
      ownFeed,
      ownListener,
      bus,
      feeds,
      topics: [...feeds.values()].map(({ topic }) => topic),
      ownIsApplied: (atMostMs) => fresh.caughtUp(projections, atMostMs),
      async followedEnds() {
        const ends = new Map<Context, Ends>();
        for (const each of follows) ends.set(each, await bus.bus.ends([each]));
        return ends;
      },
      async backlogs(ends) {
        const all: number[] = [];
        // One after another, so that a standby process does not open a connection for each.
        for (const { group, topics } of followers) {
          all.push(
            await bus.bus.backlog(
              group,
              topics.flatMap((topic) => ends.get(topic)!),
            ),
          );
        }
        return all;
      },
      async close() {
        await bus.close();
        await pool.end();
      },
    };
  });
}
