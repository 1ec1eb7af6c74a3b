import { setMaxListeners } from 'node:events';
import { contextRow, type Context } from '@gatehouse/events/contexts';
import { consumerStatus, stuckConsumers, type ConsumerStatus } from '@gatehouse/eventing/consumer-admin';
import type { FeedHealth } from '@gatehouse/eventing/feed-health';
import { lagsOf, type Lag } from '@gatehouse/eventing/lag';
import type { Log as History } from '@gatehouse/eventing/log-bus';
import { opening } from '@gatehouse/eventing/opening';
import { runAsOwner, runEverywhere } from '@gatehouse/eventing/owner';
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

/** Passed to every part of a process. */
export type Platform = {
  readonly config: Config;
  readonly log: Log;
  readonly backends: Backends;
};

/** With the context that it belongs to: several contexts may have, say, a read model of the same name. */
export type OfContext<T> = T & { readonly context: Context };

/** A context that runs in this process. */
export type HostedContext<C> = {
  /** The value that its services use. */
  readonly value: C;
  /** Absent: the context has no credentials and events of the shop. */
  readonly access: ShopAccess | undefined;
  /** Why the process is not ready (`blocking`), and problems that do not prevent requests. */
  health(): { blocking: readonly string[]; troubles: readonly string[] };
  /** The lags of this context's projections, consumers and relays, whichever process runs them. */
  lags(): Promise<readonly OfContext<Lag>[]>;
  /**
   * The checkpoints of this context's projections and consumers and where they are stuck, whichever process runs them; at
   * most a second old.
   */
  consumers(): readonly OfContext<ConsumerStatus>[];
  /** Flushes appends, then stops projections and relay; call it when no request is running any more. */
  close(): Promise<void>;
};

/** A later reply counts as none: a network that drops packets reports no error. */
const PING_PATIENCE_MS = 5_000;
/** For progress, statistics and rebuilds. */
const FEED_CONNECTIONS = 3;
/** For trying, one consumer after another, whether its lock is free. */
const STANDBY_CONNECTIONS = 1;
/** For LISTEN; one connection for all contexts of a database. */
const LISTENER_CONNECTIONS = 1;
/** The relay holds one for its lock and reads with another. */
const RELAY_CONNECTIONS = 2;
/** For checking the database in a process without other queries. */
const PING_CONNECTIONS = 1;

/**
 * Hosts a context in this process: creates or updates its schema, installs its read models and opens its value; then, as
 * ROLES says, rebuilds read models of another version and runs projections, subscribers and the relay. Reports health and
 * lags until it is closed.
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
  const { onHealth, troubles } = feedStates(name, log);
  const feeds = await openFeeds(definition, backends, { connections: feedConnections(definition, config), onHealth });
  opened(() => feeds.close());
  const { pool } = feeds;
  const outdated = await installReadModels(readModels, feeds);
  const value = await definition.open(backends, { bus: feeds.bus.bus });
  opened(() => value.close());
  const { store, consumers } = await watchContext(definition, { config, log, feeds, value });

  const stop = new AbortController();
  const { signal } = stop;
  // Each consumer, relay and wait adds a listener to this signal.
  setMaxListeners(50, signal);
  const upgrades = upgradeReadModels(outdated, { ...feeds, log, signal });
  const running: Promise<void>[] = [];
  if (roles.has('projections')) {
    running.push(...runConsumers(definition, { feeds, value, log, onHealth, signal, upgraded: upgrades.of }));
    const tables = readModels.flatMap((model) => model.tables.map((table) => table.name));
    if (tables.length > 0) running.push(keepStatistics({ pool, schema: name, tables }, signal));
  }
  if (relays(config, name)) {
    running.push(runRelay({ feed: feeds.ownFeed, bus: feeds.bus.bus, pool, signal, onHealth }));
  }

  // A process that only runs the relay reads no read model.
  let caughtUp = !isConsuming(definition) || !(roles.has('http') || roles.has('projections'));
  const catchingUp = caughtUp
    ? Promise.resolve()
    : firstCatchUp(feeds, { log, signal, refresh: async () => value.refresh?.() }).then(
        () => void (caughtUp = !signal.aborted),
      );

  return {
    value,
    access: definition.access?.(value),
    health: () => ({
      blocking: [
        ...[store.trouble()].filter((trouble) => trouble !== null),
        ...(caughtUp ? [] : [`the read models of ${name} are catching up for the first time`]),
        ...upgrades.missing(),
      ],
      troubles: troubles(stuckConsumers(consumers())),
    }),
    consumers: () => consumers().map((each) => ({ ...each, context: name })),
    async lags() {
      const { isRelayed } = feeds.bus;
      // On Kafka the consumers' checkpoints are offsets.
      const counted = isRelayed ? new Map<Context, History>([[name, feeds.ownFeed]]) : feeds.feeds;
      const lags = [...(await lagsOf({ pool, schema: name, feeds: counted, isRelayed })), ...feeds.bus.lags()];
      return lags.map((lag) => ({ ...lag, context: name }));
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

/** Checks once a second whether requests can be served, and reads the consumers' checkpoints. */
async function watchContext<C>(
  definition: ContextDefinition<C>,
  { config, log, feeds, value }: { config: Config; log: Log; feeds: Feeds; value: Opened },
): Promise<{ store: StoreHealth; consumers(): readonly ConsumerStatus[] }> {
  let status: readonly ConsumerStatus[] = [];
  const serves = definition.servingConnections > 0;
  const what = serves ? 'event store' : 'database';
  async function also(): Promise<void> {
    try {
      status = await consumerStatus(feeds.pool, feeds.topics, PING_PATIENCE_MS);
    } catch (error) {
      // If requests are served, their pools report the database's state, and consumers report their own failures.
      if (!serves) throw error;
    }
    if (serves && config.eventStore.kind !== 'postgres') await feeds.own.head();
  }
  const store = await watchStore(value.serving, { log, name: `the ${what} of ${definition.name}`, also });
  return { store, consumers: () => status };
}

/** Runs projections, subscribers and workers until aborted, each as soon as its read model is installed in this release's version. */
function runConsumers<C>(
  definition: ContextDefinition<C>,
  {
    feeds,
    value,
    log,
    onHealth,
    signal,
    upgraded,
  }: {
    feeds: Feeds;
    value: C;
    log: Log;
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
  const { appendLock } = feeds.own;
  const subscription = (only: readonly string[] | undefined) => (only ? { signal, only } : { signal });
  const projections = projectionsOf(definition).map((model) => {
    const { name, handles, only } = model;
    const inline =
      appendLock !== undefined && model.inline ? { log: ownFeed, appendLock, listener: feeds.ownListener } : undefined;
    const consumer = {
      ...{ name, feed: ownFeed, handle: handles[own]! },
      ...(only ? { only } : {}),
      ...(inline ? { inline } : {}),
    };
    return whenUpgraded(name, () => consumeFeed(consumer, { pool, schema: own, signal, onHealth }));
  });
  const followers = readModels
    .map((model) => ({ ...model, topics: othersIn(model, own) }))
    .filter(({ topics }) => topics.length > 0)
    .map(({ name, handles, topics, only }) =>
      whenUpgraded(name, () =>
        bus.consume(name, topics, (tx, batch, from) => handles[from]!(tx, batch), subscription(only)),
      ),
    );
  const subscribed = subscribers.map(({ group, topics, after, only, handler }) => {
    const handle = handler(value);
    return whenUpgraded(after, () => bus.consume(group, topics, (_tx, batch) => handle(batch), subscription(only)));
  });
  const working = workers.map(({ name, after, everywhere = false, work }) => {
    const kept = { name, topic: own, signal, onHealth, isPoison: () => false };
    const owned = { ...kept, pool, key: lockKey('worker', own, name) };
    return whenUpgraded(after, () =>
      everywhere
        ? runEverywhere(kept, (owner) => work(value, owner, log))
        : runAsOwner(owned, (_lock, owner) => work(value, owner, log)),
    );
  });
  return [...projections, ...followers, ...subscribed, ...working];
}

/** Whether a relay of the context runs in this process; with the PostgreSQL bus, or for a context that publishes nothing, none is needed. */
const relays = ({ roles, eventBus }: Config, context: Context): boolean =>
  roles.has('relay') && eventBus.kind === 'kafka' && contextRow(context).topics.length > 0;

/** Whether it has read models, subscribers or workers. */
const isConsuming = (definition: ContextDefinition<unknown>): boolean => consumersIn(definition) > 0;

/** The number of its projections and subscribers, counted once for each topic, and of its workers. */
const consumersIn = (definition: ContextDefinition<unknown>): number =>
  ownedIn(definition) + followersOf(definition).reduce((sum, { topics }) => sum + topics.length, 0);

/** The number of its projections and workers of which one process runs each: it holds a lock while it does. */
const ownedIn = ({ workers = [], ...definition }: ContextDefinition<unknown>): number =>
  projectionsOf(definition).length + workers.filter(({ everywhere }) => !everywhere).length;

/** Size of the pool that fills read models. */
function feedConnections(definition: ContextDefinition<unknown>, config: Config): number {
  const { roles } = config;
  const relaying = relays(config, definition.name) ? ownedIn(definition) + RELAY_CONNECTIONS : 0;
  if (!isConsuming(definition)) return PING_CONNECTIONS + relaying;
  // Consumers, workers and relay each hold a connection for their lock, in addition to the others.
  const held = Math.max(consumersIn(definition), relaying);
  return FEED_CONNECTIONS + (roles.has('projections') || relays(config, definition.name) ? held : STANDBY_CONNECTIONS);
}

/** How many connections to its database a process needs to serve a context; a start checks that they are free. */
export function connectionsOf(definition: ContextDefinition<unknown>, config: Config): number {
  // A context without consumers only runs its relay.
  if (!isConsuming(definition)) return definition.servingConnections + feedConnections(definition, config);
  // Only one process holds the consumers' connections: the others are on standby.
  const followed = followedBy(definition).length * FOLLOWED_CONNECTIONS;
  return definition.servingConnections + FEED_CONNECTIONS + STANDBY_CONNECTIONS + followed + LISTENER_CONNECTIONS;
}
