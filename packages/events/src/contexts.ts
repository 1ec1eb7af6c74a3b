import { admission } from './admission';
import type { EventDefinition } from './define';
import { inventory } from './inventory';
import { reference } from './reference';
import { sales } from './sales';

/**
 * The readers of a Kafka topic: outsiders, who get neither private events nor private fields, or our own contexts, which
 * get everything.
 */
export type Audience = 'public' | 'internal';

/** What is needed to store, publish and document a context's events (design §3). */
export type ContextRow = {
  readonly definitions: ReadonlyMap<string, EventDefinition>;
  /**
   * Its Kafka topics with their fixed partition counts: another count would move subjects to other partitions and break the
   * order of their events. An internal topic has one partition, since an order must not overtake its list.
   */
  readonly topics: readonly { readonly audience: Audience; readonly partitions: number }[];
};

/** The list of contexts, from which topics, relays, databases, documents and commands are derived. */
export const CONTEXTS = {
  /** Facts of the shop: names, e-mails and secrets, which other contexts need and outsiders must not see. */
  reference: { definitions: reference.definitions, topics: [{ audience: 'internal', partitions: 1 }] },
  /** What happened at the gates. Answers and nonces are private fields, and scanners copy the answers. */
  admission: {
    definitions: admission.definitions,
    topics: [
      { audience: 'public', partitions: 12 },
      { audience: 'internal', partitions: 1 },
    ],
  },
  /** What is promised before it is sold. Names and e-mails of carts are private, so that outsiders get a topic without them. */
  inventory: {
    definitions: inventory.definitions,
    topics: [
      { audience: 'public', partitions: 12 },
      { audience: 'internal', partitions: 1 },
    ],
  },
  /** Batches of offline tickets. Their secrets and codes are private: whoever knows a secret may enter. */
  sales: {
    definitions: sales.definitions,
    topics: [
      { audience: 'public', partitions: 12 },
      { audience: 'internal', partitions: 1 },
    ],
  },
  /** What scanners copy: it only reads, so it has no events and no topic. */
  sync: { definitions: new Map(), topics: [] },
} as const satisfies Record<string, ContextRow>;

/** A context's name, which is also that of its schema and part of its topics' names. */
export type Context = keyof typeof CONTEXTS;

export const CONTEXT_NAMES = Object.keys(CONTEXTS) as readonly Context[];

export const contextRow = (context: Context): ContextRow => CONTEXTS[context];
