import { CONTEXT_NAMES, type Context } from '@gatehouse/events/contexts';
import type { Envelope } from '@gatehouse/events/envelope';
import type { EventBus } from '@gatehouse/eventing/event-bus';
import type { Owner } from '@gatehouse/eventing/owner';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import type { Pool } from 'pg';
import type { ShopAccess } from './auth';
import type { Backends } from './backends';

/**
 * A bounded context as a value: all that is particular about it. `hostContext` runs it in a process, `openFeeds` opens its histories
 * for a command or a test. A new context is such a value and a row in `events/contexts.ts`.
 */
export type ContextDefinition<C> = {
  /** Also the name of its schema, and of its events' topic. */
  readonly name: Context;
  /** Extensions of PostgreSQL that its tables need. */
  readonly extensions?: readonly string[];
  /** Folders of numbered SQL files, applied after those of the event store. */
  readonly sql?: readonly string[];
  readonly readModels: readonly ReadModel[];
  readonly subscribers?: readonly Subscriber<C>[];
  readonly workers?: readonly Worker<C>[];
  /** How many connections the pools of `open` have in all. */
  readonly servingConnections: number;
  /** Opens what its services and commands work with, over a migrated schema. A command has no bus. */
  open(backends: Backends, options?: { bus?: EventBus }): Promise<C & Opened>;
  /** For a context that knows the shop: who may use the REST API, and which events there are. */
  access?(value: C): ShopAccess;
};

/** What hosting needs of that. */
export type Opened = {
  /** The pools that requests need: the process is ready while each of their connections answers. */
  readonly serving: readonly Pool[];
  /** Where requests append; waited for before the consumers end. */
  readonly store: { idle(): Promise<void> };
  close(): Promise<void>;
};

/** For a context over which no service has routes. */
export const SERVES_NOTHING: Opened = {
  serving: [],
  store: { idle: () => Promise.resolve() },
  close: () => Promise.resolve(),
};

/** Consumes other contexts' events in order to decide something, not to fill a read model. */
export type Subscriber<C> = {
  /** Names its checkpoints. */
  readonly group: string;
  readonly topics: readonly Context[];
  /** A read model that it asks: it begins when that is there in this release's version. */
  readonly after?: string;
  /** Makes the handler, once for each process. It must bear to see an event again. */
  handler(value: C): (batch: readonly Envelope[]) => Promise<void>;
};

/** Work that follows no feed, and that one process at a time does for a database, of those with the role `projections`. */
export type Worker<C> = {
  readonly name: string;
  /** A read model that it asks: it begins when that is there in this release's version. */
  readonly after?: string;
  /** Works until `owner.signal`, and says each time that it goes on. When it throws it is begun anew, with growing pauses. */
  work(value: C, owner: Owner): Promise<void>;
};

/** What of a definition says how events reach it. */
export type Consumers = Pick<ContextDefinition<unknown>, 'name' | 'readModels' | 'subscribers'>;

/** A consumer group that follows other contexts, and which. */
export type Follower = { readonly group: string; readonly topics: readonly Context[] };

/** The consumer groups of a context that follow others: read models by their names, then the subscribers. */
export function followersOf({ name, readModels, subscribers = [] }: Consumers): Follower[] {
  const models = readModels.map((model) => ({ group: model.name, topics: othersIn(model, name) }));
  return [...models.filter(({ topics }) => topics.length > 0), ...subscribers];
}

/** The contexts from which a read model of the context `own` takes events, besides its own. */
export const othersIn = ({ handles }: ReadModel, own: Context): Context[] =>
  CONTEXT_NAMES.filter((context) => context !== own && handles[context] !== undefined);

/** The contexts whose events a context consumes. */
export const followedBy = (definition: Consumers): Context[] => [
  ...new Set(followersOf(definition).flatMap(({ topics }) => topics)),
];

/** The read models that a context's own history feeds. */
export const projectionsOf = ({ name, readModels }: Consumers): ReadModel[] =>
  readModels.filter(({ handles }) => handles[name] !== undefined);
