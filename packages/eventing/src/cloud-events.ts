import type { Audience } from '@gatehouse/events/contexts';
import { NewerEventVersion, type EventDefinition } from '@gatehouse/events/define';
import type { Context } from '@gatehouse/events/contexts';
import type { Envelope } from '@gatehouse/events/envelope';
import { schemaUrn } from '@gatehouse/events/published';

/** The events that a context publishes, by type, and the audience of a topic. */
export type Published = {
  readonly context: Context;
  readonly definitions: ReadonlyMap<string, EventDefinition>;
  /** The public gets events without their private fields, other contexts get whole events (design §8). */
  readonly audience: Audience;
};

/** CloudEvents 1.0, structured mode in JSON. */
export const CLOUD_EVENT = 'application/cloudevents+json; charset=utf-8';

/**
 * What an event is about: its stream, unless its definition names another subject (a refused scan is stored in another
 * stream than its ticket's). It is the key of the message, so that events of one subject keep their order (design §8).
 */
export const subjectOf = (event: Envelope, { definitions }: Pick<Published, 'definitions'>): string =>
  definitions.get(event.type)?.subject(event.data) ?? event.stream;

/**
 * An event as outsiders see it. Throws for an event type or version that this release does not have, because its private
 * fields are unknown then.
 */
export function cloudEvent(event: Envelope, published: Published): string {
  const { context, audience } = published;
  const { id, type, version, stream, revision, time, actor, trace } = event;
  const definition = definitionOf(event, published);
  const hidden = audience === 'public' ? definition.privateFields : [];
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: `/gatehouse/${context}`,
    type,
    subject: subjectOf(event, published),
    time,
    datacontenttype: 'application/json',
    dataschema: schemaUrn(context, type, version),
    version,
    stream,
    revision,
    actor,
    ...(trace === null ? {} : { traceparent: trace }),
    data: hidden.length === 0 ? event.data : without(event.data, hidden),
  });
}

/** Whether this audience may read the event at all. Throws as `cloudEvent` does. */
export const mayRead = (event: Envelope, published: Published): boolean =>
  published.audience === 'internal' || !definitionOf(event, published).isPrivate;

function definitionOf({ type, version }: Envelope, { definitions }: Published): EventDefinition {
  const definition = definitions.get(type);
  if (!definition || definition.version < version) throw new NewerEventVersion(type, version, definition?.version ?? 0);
  return definition;
}

function without(data: unknown, fields: readonly string[]): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(data as object)) if (!fields.includes(name)) shown[name] = value;
  return shown;
}

/** The event of a message. Throws for a value that is no event of Gatehouse. */
export function eventOf(value: Buffer | null): Envelope {
  const { specversion, id, type, version, stream, revision, time, actor, traceparent, data } = parsed(value);
  const isOurs =
    specversion === '1.0' &&
    [id, type, stream, time, actor].every((each) => typeof each === 'string') &&
    Number.isInteger(version) &&
    Number.isInteger(revision) &&
    data !== undefined;
  if (!isOurs) throw new Error('the message is not an event of Gatehouse');
  return { id, type, version, data, stream, revision, time, actor, trace: traceparent ?? null } as Envelope;
}

function parsed(value: Buffer | null): Record<string, unknown> {
  try {
    return (JSON.parse(value?.toString('utf8') ?? '') ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
