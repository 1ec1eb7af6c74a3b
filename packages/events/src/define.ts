import { type z } from 'zod';

/** Turns the data of one stored version into the data of the next. Pure; never throws for data that its version allowed. */
export type Upcast = (data: Record<string, unknown>) => Record<string, unknown>;

/** What an event type is: its current schema, the steps that lift older versions to it, and the fields analysts must not see. */
export type EventDefinition<T extends string = string, S extends z.ZodType = z.ZodType> = {
  readonly type: T;
  readonly schema: S;
  readonly version: number;
  readonly upcasts: readonly Upcast[];
  /** Top-level fields that never leave the context (names, answers' texts): the relay leaves them out. */
  readonly privateFields: readonly string[];
  /** Whether outsiders may read nothing of it, not even that it happened. */
  readonly isPrivate: boolean;
  /** The stream that it is about when that is another one than where it is stored; null: the stream where it is stored. */
  readonly subject: (data: unknown) => string | null;
};

/** An event that a decision wishes to happen: type and data, nothing of its recording. */
export type DomainEvent<T extends string = string, D = unknown> = { readonly type: T; readonly data: D };

/** The event type that a definition describes. */
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
    // What is stored was checked by the schema when it was written.
    subject: subject ? (data) => subject(data as z.output<S>) : () => null,
  };
}

/** A stored event was written by a newer release than this one: readers must be deployed first. */
export class NewerEventVersion extends Error {
  constructor(type: string, version: number, known: number) {
    super(`${type} has version ${version}, this release knows ${known}`);
    this.name = 'NewerEventVersion';
  }
}

export type Catalog<E extends DomainEvent> = {
  readonly definitions: ReadonlyMap<string, EventDefinition>;
  /** Checks data before it becomes history, and names its version. Throws ZodError on data that its schema refuses. */
  write(event: E): { type: string; version: number; data: unknown };
  /** The current form of a stored event, or undefined for a type that this catalog does not know. Throws NewerEventVersion. */
  read(stored: { type: string; version: number; data: unknown }): E | undefined;
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
      // What was checked when it was written is not checked again when it is read: a rebuild reads millions.
      let data = stored.data as Record<string, unknown>;
      for (const upcast of definition.upcasts.slice(stored.version - 1)) data = upcast(data);
      return { type: stored.type, data } as EventOf<D[number]>;
    },
  };
}
