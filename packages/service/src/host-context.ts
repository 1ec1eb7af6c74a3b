import { setMaxListeners } from 'node:events';
import type { Context } from '@gatehouse/events/contexts';
import { consumerStatus, stuckConsumers, type ConsumerStatus } from '@gatehouse/eventing/consumer-admin';
import type { FeedHealth } from '@gatehouse/eventing/feed-health';
import { lagsOf, type Lag } from '@gatehouse/eventing/lag';
import type { Log as History } from '@gatehouse/eventing/log-bus';
import { opening } from '@gatehouse/eventing/opening';
import { runAsOwner } from '@gatehouse/eventing/owner';
import { lockKey } from '@gatehouse/eventing/postgres';
import { consumeFeed } from '@gatehouse/eventing/projection';
import { runRelay } from '@gatehouse/eventing/relay';
import { keepStatistics } from '@gatehouse/eventing/statistics';
import type { ShopAccess } from './auth';
import { FOLLOWED_CONNECTIONS, type Backends } from './backends';
import type { Config } from './config';
import { followedBy, followersOf, othersIn, projectionsOf, type ContextDefinition, type Opened } from './context';
import { feedStates } from './feed-states';
import { openFeeds, type Feeds } from './feeds';
import { firstCatchUp } from './first-catch-up';
import type { Log } from './log';
import { installReadModels, upgradeReadModels } from './read-models';
import { watchStore, type StoreHealth } from './store-health';

/** What every part of a process gets. */
export type Platform = {
  readonly config: Config;
  readonly log: Log;
  readonly backends: Backends;
};

/** A context that is at work in this process. */
export type HostedContext<C> = {
  /** What its services work with. */
  readonly value: C;
  /** Absent: it knows nothing of the shop. */
  readonly access: ShopAccess | undefined;
  /** Why the process may get no requests yet (`blocking`), and what is merely slow or broken. */
  health(): { blocking: readonly string[]; troubles: readonly string[] };
  /** How far projections, consumers and relays of this context are behind, whichever process runs them. */
  lags(): Promise<readonly Lag[]>;
  /** Where the projections and consumers of this context are, and which stand still, whichever process runs them; as of a second ago. */
  consumers(): readonly ConsumerStatus[];
  /** Flushes appends, then stops projections and relay; called when no request is at work any more. */
  close(): Promise<void>;
};

/** An answer that takes longer is none: a network that swallows packets says nothing of it. */
const PING_PATIENCE_MS = 5_000;
/** To look at progress and statistics, and to build a read model anew. */
const FEED_CONNECTIONS = 3;
/** To ask, in turn for each consumer, whether another process has stopped running it. */
const STANDBY_CONNECTIONS = 1;
/** Listens for NOTIFY; one for all contexts of a database. */
const LISTENER_CONNECTIONS = 1;
/** The relay holds one for its lock and reads with another. */
const RELAY_CONNECTIONS = 2;
/** To ask whether the database is there, where nothing else asks. */
const PING_CONNECTIONS = 1;

/**
 * Hosts a context in this process. In this order: its schema is created or updated, its read models are installed, its own value is
 * opened; then, as ROLES says, read models of another version are built anew, projections, subscribers and the relay run. Until it
 * is closed it tells its health and its lags.
 */
export const hostContext = <C>(definition: ContextDefinition<C>, platform: Platform): Promise<HostedContext<C>> =>
  opening((opened) => host(definition, platform, opened));

async function host<C>(
  definition: ContextDefinition<C>,
  { config, backends, log }: Platform,
  opened: (close: () => unknown) => void,
): Promise<HostedContext<C>> {
  const { name, readModels } = definition;
  const { roles } = config;
  const { onHealth, troubles } = feedStates(log);
  const feeds = await openFeeds(definition, backends, { connections: feedConnections(definition, config), onHealth });
  opened(() => feeds.close());
  const { pool } = feeds;
  const outdated = await installReadModels(readModels, feeds);
  const value = await definition.open(backends, { bus: feeds.bus.bus });
  opened(() => value.close());
  const { store, consumers } = await watchContext(definition, { config, log, feeds, value });

  const stop = new AbortController();
  const { signal } = stop;
  // Consumers, relay and waits hear of the stop, each for itself.
  setMaxListeners(50, signal);
  const upgrades = upgradeReadModels(outdated, { ...feeds, log, signal });
  const running: Promise<void>[] = [];
  if (roles.has('projections')) {
    running.push(...runConsumers(definition, { feeds, value, onHealth, signal, upgraded: upgrades.of }));
    const tables = readModels.flatMap((model) => model.tables.map((table) => table.name));
    if (tables.length > 0) running.push(keepStatistics({ pool, schema: name, tables }, signal));
  }
  if (relays(config)) {
    running.push(runRelay({ feed: feeds.ownFeed, bus: feeds.bus.bus, pool, signal, onHealth }));
  }

  // A relay alone reads no read model.
  let caughtUp = !isConsuming(definition) || !(roles.has('http') || roles.has('projections'));
  const catchingUp = caughtUp
    ? Promise.resolve()
    : firstCatchUp(feeds, { log, signal }).then(() => void (caughtUp = !signal.aborted));

  return {
    value,
    access: definition.access?.(value),
    health: () => ({
      blocking: [
        ...[store.trouble()].filter((trouble) => trouble !== null),
        ...(caughtUp ? [] : ['read models are catching up for the first time']),
        ...upgrades.missing(),
      ],
      troubles: troubles(stuckConsumers(consumers())),
    }),
    consumers,
    async lags() {
      const { isRelayed } = feeds.bus;
      // On Kafka the consumers' checkpoints count in offsets.
      const counted = isRelayed ? new Map<Context, History>([[name, feeds.ownFeed]]) : feeds.feeds;
      return [...(await lagsOf({ pool, schema: name, feeds: counted, isRelayed })), ...feeds.bus.lags()];
    },
    async close() {
      store.close();
      await value.store.idle();
      stop.abort();
      await Promise.all([Promise.allSettled(running), catchingUp, upgrades.all]);
      await value.close();
      await feeds.close();
    },
  };
}

/** Asks once a second whether requests can be served, and where the consumers are. */
async function watchContext<C>(
  definition: ContextDefinition<C>,
  { config, log, feeds, value }: { config: Config; log: Log; feeds: Feeds; value: Opened },
): Promise<{ store: StoreHealth; consumers(): readonly ConsumerStatus[] }> {
  let status: readonly ConsumerStatus[] = [];
  const serves = definition.servingConnections > 0;
  async function also(): Promise<void> {
    try {
      status = await consumerStatus(feeds.pool, feeds.topics, PING_PATIENCE_MS);
    } catch (error) {
      // Where requests are served their own pools answer for the database, and consumers say for themselves when they cannot work.
      if (!serves) throw error;
    }
    if (serves && config.eventStore.kind !== 'postgres') await feeds.own.head();
  }
  const store = await watchStore(value.serving, { log, name: serves ? 'the event store' : 'the database', also });
  return { store, consumers: () => status };
}

/** Runs projections, subscribers and workers until aborted, each from when its read model is there in this release's version. */
function runConsumers<C>(
  definition: ContextDefinition<C>,
  {
    feeds,
    value,
    onHealth,
    signal,
    upgraded,
  }: {
    feeds: Feeds;
    value: C;
    onHealth(health: FeedHealth): void;
    signal: AbortSignal;
    upgraded(readModel: string): Promise<void>;
  },
): Promise<void>[] {
  const { name: own, readModels, subscribers = [], workers = [] } = definition;
  const { pool, ownFeed } = feeds;
  const { bus } = feeds.bus;
  const whenUpgraded = async (readModel: string | undefined, work: () => Promise<void>) => {
    if (readModel !== undefined) await upgraded(readModel);
    if (!signal.aborted) await work();
  };
  const projections = projectionsOf(definition).map(({ name, handles, filter }) => {
    const consumer = { name, feed: ownFeed, handle: handles[own]!, ...(filter ? { filter } : {}) };
    return whenUpgraded(name, () => consumeFeed(consumer, { pool, schema: own, signal, onHealth }));
  });
  const followers = readModels
    .map((model) => ({ ...model, topics: othersIn(model, own) }))
    .filter(({ topics }) => topics.length > 0)
    .map(({ name, handles, topics }) =>
      whenUpgraded(name, () => bus.consume(name, topics, (tx, batch, from) => handles[from]!(tx, batch), signal)),
    );
  const subscribed = subscribers.map(({ group, topics, after, handler }) => {
    const handle = handler(value);
    return whenUpgraded(after, () => bus.consume(group, topics, (_tx, batch) => handle(batch), signal));
  });
  const working = workers.map(({ name, after, work }) => {
    const key = lockKey('worker', own, name);
    const owned = { name, topic: own, pool, key, signal, onHealth, isPoison: () => false };
    return whenUpgraded(after, () => runAsOwner(owned, (_lock, owner) => work(value, owner)));
  });
  return [...projections, ...followers, ...subscribed, ...working];
}

/** Whether a relay is at work here: on PostgreSQL the history itself is the bus. */
const relays = ({ roles, eventBus }: Config): boolean => roles.has('relay') && eventBus.kind === 'kafka';

/** Whether it has read models or subscribers. */
const isConsuming = (definition: ContextDefinition<unknown>): boolean => consumersIn(definition) > 0;

/** How many projections and subscribers it has, one for each topic. */
const consumersIn = (definition: ContextDefinition<unknown>): number =>
  projectionsOf(definition).length + followersOf(definition).reduce((sum, { topics }) => sum + topics.length, 0);

/** Of the pool that fills read models. */
function feedConnections(definition: ContextDefinition<unknown>, config: Config): number {
  const { roles } = config;
  const relaying = relays(config) ? projectionsOf(definition).length + RELAY_CONNECTIONS : 0;
  if (!isConsuming(definition)) return PING_CONNECTIONS + relaying;
  // Consumers, workers and relay hold a connection each, which must not be those of others.
  const held = Math.max(consumersIn(definition) + (definition.workers?.length ?? 0), relaying);
  return FEED_CONNECTIONS + (roles.has('projections') || relays(config) ? held : STANDBY_CONNECTIONS);
}

/** How many connections to its database a process needs for a context in order to serve; a start looks whether they are free. */
export function connectionsOf(definition: ContextDefinition<unknown>, config: Config): number {
  // A context without consumers is there for its relay.
  if (!isConsuming(definition)) return definition.servingConnections + feedConnections(definition, config);
  // What consumers hold is held in one process: the others stand by.
  const followed = followedBy(definition).length * FOLLOWED_CONNECTIONS;
  return definition.servingConnections + FEED_CONNECTIONS + STANDBY_CONNECTIONS + followed + LISTENER_CONNECTIONS;
}
