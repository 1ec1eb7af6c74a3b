import { admission } from './admission';
import type { EventDefinition } from './define';
import { inventory } from './inventory';
import { reference } from './reference';

/** Who reads a topic of Kafka: outsiders, who get neither private events nor private fields, or our own contexts, who get all. */
export type Audience = 'public' | 'internal';

/** What the system has to know of a context to store, publish and document its events (design §3). */
export type ContextRow = {
  readonly definitions: ReadonlyMap<string, EventDefinition>;
  /**
   * Its topics on Kafka and their partitions, chosen once: more of them would change where a subject's events go, and break
   * their order. An internal topic has one, since an order must not overtake its list.
   */
  readonly topics: readonly { readonly audience: Audience; readonly partitions: number }[];
};

/** The list of contexts: what is done for each of them (topics, relays, databases, documents, commands) goes over it. */
export const CONTEXTS = {
  /** Facts of the shop: names, e-mails and secrets, which the others need and outsiders must not see. */
  reference: { definitions: reference.definitions, topics: [{ audience: 'internal', partitions: 1 }] },
  admission: { definitions: admission.definitions, topics: [{ audience: 'public', partitions: 12 }] },
  /** What is promised before it is sold. Names and e-mails of carts are private, so that outsiders get a topic without them. */
  inventory: {
    definitions: inventory.definitions,
    topics: [
      { audience: 'public', partitions: 12 },
      { audience: 'internal', partitions: 1 },
    ],
  },
} as const satisfies Record<string, ContextRow>;

/** A context: its name is the name of its schema and of its topics, too. */
export type Context = keyof typeof CONTEXTS;

export const CONTEXT_NAMES = Object.keys(CONTEXTS) as readonly Context[];

export const contextRow = (context: Context): ContextRow => CONTEXTS[context];
