import { CONTEXT_NAMES, type Context } from '@gatehouse/events/contexts';
import type { Envelope } from '@gatehouse/events/envelope';
import type { EventBus } from '@gatehouse/eventing/event-bus';
import type { Owner } from '@gatehouse/eventing/owner';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import type { Pool } from 'pg';
import type { ShopAccess } from './auth';
import type { Backends } from './backends';
import type { Log } from './log';

/**
 * A bounded context as a value. `hostContext` runs it in a process; `openFeeds` opens its histories for a command or a
 * test. A new context is such a value and a row in `events/contexts.ts`.
 */
export type ContextDefinition<C> = {
  /** Also the name of its schema and of its topic. */
  readonly name: Context;
  /** Extensions of PostgreSQL that its tables need. */
  readonly extensions?: readonly string[];
  /** Folders of numbered SQL files, applied after those of the event store. */
  readonly sql?: readonly string[];
  readonly readModels: readonly ReadModel[];
  readonly subscribers?: readonly Subscriber<C>[];
  readonly workers?: readonly Worker<C>[];
  /** Total number of connections of the pools that `open` creates. */
  readonly servingConnections: number;
  /** Opens what its services and commands use, on a migrated schema. A command has no bus. */
  open(backends: Backends, options?: { bus?: EventBus }): Promise<C & Opened>;
  /** For a context with the shop's facts: credentials of the REST API and existing events. */
  access?(value: C): ShopAccess;
};

/** What `hostContext` needs of an opened context. */
export type Opened = {
  /** The pools of requests: the process is ready while all their connections work. */
  readonly serving: readonly Pool[];
  /** The store to which requests append; a stop waits until it is idle. */
  readonly store: { idle(): Promise<void> };
  /** Reads into memory what the read models have: called when they have caught up, before the process is ready. */
  refresh?(): Promise<void>;
  close(): Promise<void>;
};

/** For a context without routes. */
export const SERVES_NOTHING: Opened = {
  serving: [],
  store: { idle: () => Promise.resolve() },
  close: () => Promise.resolve(),
};

/** Consumes other contexts' events in order to decide and append, not to fill a read model. */
export type Subscriber<C> = {
  /** Name of its consumer group and checkpoints. */
  readonly group: string;
  readonly topics: readonly Context[];
  /** A read model that it reads: it starts when that is installed in this release's version. */
  readonly after?: string;
  /** The types of events for which its handler does anything; absent: all. */
  readonly only?: readonly string[];
  /** Makes the handler, once per process. It must tolerate an event that it has handled before. */
  handler(value: C): (batch: readonly Envelope[]) => Promise<void>;
};

/** Work that follows no feed, and that one process at a time does for a database, of those with the role `projections`. */
export type Worker<C> = {
  readonly name: string;
  /** All these processes do it at once, and share it out themselves. */
  readonly everywhere?: boolean;
  /** A read model that it asks: it begins when that is there in this release's version. */
  readonly after?: string;
  /** Works until `owner.signal`, and reports progress. When it throws it is started again, with growing pauses. */
  work(value: C, owner: Owner, log: Log): Promise<void>;
};

/** The parts of a definition that consume events. */
export type Consumers = Pick<ContextDefinition<unknown>, 'name' | 'readModels' | 'subscribers'>;

/** A consumer group and the contexts that it follows. */
export type Follower = { readonly group: string; readonly topics: readonly Context[] };

/** The consumer groups of a context that follow other contexts: read models by name, then subscribers. */
export function followersOf({ name, readModels, subscribers = [] }: Consumers): Follower[] {
  const models = readModels.map((model) => ({ group: model.name, topics: othersIn(model, name) }));
  return [...models.filter(({ topics }) => topics.length > 0), ...subscribers];
}

/** The other contexts whose events a read model of the context `own` consumes. */
export const othersIn = ({ handles }: ReadModel, own: Context): Context[] =>
  CONTEXT_NAMES.filter((context) => context !== own && handles[context] !== undefined);

/** The contexts whose events a context consumes. */
export const followedBy = (definition: Consumers): Context[] => [
  ...new Set(followersOf(definition).flatMap(({ topics }) => topics)),
];

/** The read models that consume the context's own history. */
export const projectionsOf = ({ name, readModels }: Consumers): ReadModel[] =>
  readModels.filter(({ handles }) => handles[name] !== undefined);
