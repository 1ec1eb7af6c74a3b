import { type z } from 'zod';

/** Converts the data of one stored version to the next. Pure; never throws for data that its version allowed. */
export type Upcast = (data: Record<string, unknown>) => Record<string, unknown>;

/** An event type: its current schema, the upcasts from older versions, and the fields that outsiders must not see. */
export type EventDefinition<T extends string = string, S extends z.ZodType = z.ZodType> = {
  readonly type: T;
  readonly schema: S;
  readonly version: number;
  readonly upcasts: readonly Upcast[];
  /** Top-level fields that are not published (names, answers' texts). */
  readonly privateFields: readonly string[];
  /** Whether the event is not published at all. */
  readonly isPrivate: boolean;
  /** The stream that the event is about, if that is another one than where it is stored; otherwise null. */
  readonly subject: (data: unknown) => string | null;
};

/** An event as a decision returns it: type and data, without the envelope. */
export type DomainEvent<T extends string = string, D = unknown> = { readonly type: T; readonly data: D };

/** The event type of a definition. */
export type EventOf<D> =
  D extends EventDefinition<infer T, infer S> ? { readonly type: T; readonly data: z.output<S> } : never;

/**
 * Defines an event. Its version is the number of upcasts plus one: within a version only new optional fields are allowed,
 * anything else is a new version with an upcast from the one before.
 */
export function event<T extends string, S extends z.ZodType>(
  type: T,
  schema: S,
  options: {
    upcasts?: readonly Upcast[];
    privateFields?: readonly string[];
    isPrivate?: boolean;
    subject?(data: z.output<S>): string | null;
  } = {},
): EventDefinition<T, S> {
  const { upcasts = [], privateFields = [], isPrivate = false, subject } = options;
  return {
    type,
    schema,
    version: upcasts.length + 1,
    upcasts,
    privateFields,
    isPrivate,
    // Stored data was validated when it was written.
    subject: subject ? (data) => subject(data as z.output<S>) : () => null,
  };
}

/** A stored event has a newer version than this release supports: readers must be upgraded first. */
export class NewerEventVersion extends Error {
  constructor(type: string, version: number, known: number) {
    super(`${type} has version ${version}, this release knows ${known}`);
    this.name = 'NewerEventVersion';
  }
}

export type Catalog<E extends DomainEvent> = {
  readonly definitions: ReadonlyMap<string, EventDefinition>;
  /** Validates data before it is stored, and returns it with its version. Throws ZodError. */
  write(event: E): { type: string; version: number; data: unknown };
  /**
   * The current form of a stored event; undefined for a type that this catalog does not contain. Throws NewerEventVersion.
   */
  read(stored: { type: string; version: number; data: unknown }): E | undefined;
  /**
   * A catalog of some of its events, such as those of one kind of stream: it refuses to write other types, and `read`
   * returns undefined for them. Throws for an event of another context.
   */
  only<const D extends readonly EventDefinition<E['type']>[]>(...definitions: D): Catalog<EventOf<D[number]>>;
};

/** The events of one context. */
export function catalog<const D extends readonly EventDefinition[]>(definitions: D): Catalog<EventOf<D[number]>> {
  const byType = new Map<string, EventDefinition>(definitions.map((d) => [d.type, d]));
  return {
    definitions: byType,
    write(event) {
      const definition = byType.get(event.type);
      if (!definition) throw new Error(`no such event in this context: ${event.type}`);
      return { type: event.type, version: definition.version, data: definition.schema.parse(event.data) };
    },
    read(stored) {
      const definition = byType.get(stored.type);
      if (!definition) return undefined;
      if (stored.version > definition.version) {
        throw new NewerEventVersion(stored.type, stored.version, definition.version);
      }
      // Not validated again: a rebuild reads millions of events.
      let data = stored.data as Record<string, unknown>;
      for (const upcast of definition.upcasts.slice(stored.version - 1)) data = upcast(data);
      return { type: stored.type, data } as EventOf<D[number]>;
    },
    only(...some) {
      const foreign = some.find((each) => byType.get(each.type) !== each);
      if (foreign) throw new Error(`no such event in this context: ${foreign.type}`);
      return catalog(some);
    },
  };
}
