import { contextRow, type Context } from '@gatehouse/events/contexts';
import type * as EsdbStore from '@gatehouse/eventing/esdb-store';
import type { EventBus } from '@gatehouse/eventing/event-bus';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import { kafkaBus } from '@gatehouse/eventing/kafka-bus';
import type { Lag } from '@gatehouse/eventing/lag';
import { logBus, type Log } from '@gatehouse/eventing/log-bus';
import { opening } from '@gatehouse/eventing/opening';
import { EVENT_STORE_SQL, listen, migrate, openPool, type Listener } from '@gatehouse/eventing/postgres';
import { postgresStore } from '@gatehouse/eventing/postgres-store';
import type { InlineModel } from '@gatehouse/eventing/inline';
import type { FeedHealth } from '@gatehouse/eventing/feed-health';
import type { Pool } from 'pg';
import type { Config } from './config';

/** A context that opens its bus. */
export type BusUser = {
  readonly context: Context;
  /** The contexts whose events it consumes. */
  readonly follows: readonly Context[];
  /** Pool of its own schema. */
  readonly pool: Pool;
  onHealth(health: FeedHealth): void;
};

export type OpenBus = {
  readonly bus: EventBus;
  /** The histories of the followed contexts, as its consumers read them. */
  readonly logs: ReadonlyMap<Context, Log>;
  /** Whether a relay publishes this context's events. */
  readonly isRelayed: boolean;
  /** The lags of this process's consumers, if they cannot be computed from checkpoints. */
  lags(): readonly Lag[];
  close(): Promise<void>;
};

/** The configured event store and event bus; opened only in this file. */
export type Backends = {
  /** Whether relays publish what contexts append; otherwise the histories themselves are the bus. */
  readonly isRelayed: boolean;
  /** URL of the database with a context's read models and checkpoints. */
  urlOf(context: Context): string;
  /** Notifications of that database; one connection for the whole process. */
  listenerOf(context: Context): Listener;
  /** The history of a context; `pool` is of its schema. On PostgreSQL appends fill `inline` in their own transaction (`ReadModel.inline`). */
  store(context: Context, pool: Pool, inline?: readonly InlineModel[]): ContextStore;
  bus(user: BusUser): Promise<OpenBus>;
  close(): Promise<void>;
};

/** Pool size for reading another context's history in the same database. */
export const FOLLOWED_CONNECTIONS = 2;

/** Its client, which brings gRPC along, is loaded only when configured: it is a third of what a process loads. */
function eventStoreDb(url: string) {
  const { esdbClient, esdbStore } = require('@gatehouse/eventing/esdb-store') as typeof EsdbStore;
  const client = esdbClient(url);
  return { store: (context: Context) => esdbStore({ client, context }), close: () => client.dispose() };
}

/** `databaseUrl` is used for contexts without a configured database of their own. */
export function openBackends(
  config: Pick<Config, 'databases' | 'eventStore' | 'eventBus'>,
  databaseUrl: string | undefined,
): Backends {
  const { eventStore, eventBus } = config;
  const listeners = new Map<string, Listener>();
  const esdb = eventStore.kind === 'eventstoredb' ? eventStoreDb(eventStore.url) : undefined;

  const backends: Backends = {
    isRelayed: eventBus.kind === 'kafka',
    urlOf(context) {
      const url = config.databases[context] ?? databaseUrl;
      if (url === undefined) throw new Error(`no database is configured for ${context}`);
      return url;
    },
    listenerOf(context) {
      const url = backends.urlOf(context);
      const listener = listeners.get(url) ?? listen(url);
      listeners.set(url, listener);
      return listener;
    },
    store: (context, pool, inline = []) =>
      esdb ? esdb.store(context) : postgresStore({ pool, context, listener: backends.listenerOf(context), inline }),
    async bus({ context, follows, pool, onHealth }) {
      if (eventBus.kind === 'kafka') {
        const { connection, prefix } = eventBus;
        const publishes = { context, ...contextRow(context) };
        const bus = kafkaBus({ connection, prefix, publishes, pool, schema: context, onHealth });
        const logs = new Map(follows.map((each) => [each, bus.log(each)]));
        return { bus, logs, isRelayed: true, lags: () => bus.lag(), close: () => bus.close() };
      }
      const pools: Pool[] = [];
      const logs = new Map<Context, Log>();
      await opening(async (opened) => {
        for (const each of follows) {
          const theirs = openPool(backends.urlOf(each), each, FOLLOWED_CONNECTIONS);
          opened(() => theirs.end());
          pools.push(theirs);
          await migrate(theirs, each, EVENT_STORE_SQL);
          logs.set(each, { ...backends.store(each, theirs), topic: each });
        }
      });
      return {
        bus: logBus({ feeds: logs, pool, schema: context, onHealth }),
        logs,
        isRelayed: false,
        lags: () => [],
        close: async () => void (await Promise.all(pools.map((each) => each.end()))),
      };
    },
    async close() {
      await Promise.all([...listeners.values()].map((listener) => listener.close()));
      await esdb?.close();
    },
  };
  return backends;
}
