import { z } from 'zod';
import type { EventDefinition } from './define';
import type { Context } from './contexts';
import type { Json } from './schema-rules';

export type JsonObject = { readonly [key: string]: Json };

/** The public events of one context: JSON Schemas by `Type.v1`, of every version that was ever shipped. */
export type PublishedContext = {
  readonly context: Context;
  readonly topic: string;
  readonly partitions: number;
  readonly schemas: ReadonlyMap<string, JsonObject>;
};

/** The `dataschema` of an event. */
export const schemaUrn = (context: Context, type: string, version: number): string =>
  `urn:gatehouse:${context}:${type}:${version}`;

/**
 * The JSON Schema (draft 7) of an event's public data: without private fields, and open for later fields and values of
 * enums.
 */
export function publishedSchema(
  context: Context,
  { type, version, schema, privateFields }: EventDefinition,
): JsonObject {
  const { properties, required, ...rest } = opened(z.toJSONSchema(schema, { target: 'draft-7' })) as JsonObject;
  const isPublic = (name: string) => !privateFields.includes(name);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: schemaUrn(context, type, version),
    title: `${type}, version ${version}`,
    ...rest,
    properties: Object.fromEntries(Object.entries(properties as JsonObject).filter(([name]) => isPublic(name))),
    required: (required as readonly string[]).filter(isPublic),
  };
}

/** Removes what would forbid later additions, and the bounds of JavaScript's safe integers, which mean nothing here. */
function opened(schema: unknown): Json {
  if (Array.isArray(schema)) return schema.map(opened);
  if (typeof schema !== 'object' || schema === null) return schema as Json;
  const { enum: values, additionalProperties, minimum, maximum, $schema, ...rest } = schema as Record<string, unknown>;
  return {
    ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, opened(value)])),
    ...(values === undefined ? {} : { examples: values as Json, 'x-extensible-enum': values as Json }),
    ...(additionalProperties === undefined || additionalProperties === false
      ? {}
      : { additionalProperties: opened(additionalProperties) }),
    ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? {} : { minimum: minimum as number }),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum: maximum as number }),
  };
}

const READING = `Every scan, accepted or refused, is an event. Values are CloudEvents 1.0 in structured JSON.

- An event may come more than once: drop those whose \`id\` you have seen. None is missing: \`revision\` counts a \`stream\`'s events from 0 without a gap.
- The key of a message is the event's \`subject\`. A subject's events come in their order; a refused scan has its ticket's subject.
- Ignore types and fields that you do not know, and expect values of \`x-extensible-enum\` that are not listed: within a version only optional fields and such
  values are added. Anything else is a new version (\`version\`, \`dataschema\`).
- \`time\` is when the event was recorded. \`datetime\` in the data is when the device says that it happened, perhaps hours earlier and without a network.
- No names, e-mails, answers or secrets are in these events.`;

const ENVELOPE: JsonObject = {
  type: 'object',
  required:
    'specversion id source type subject time datacontenttype dataschema version stream revision actor data'.split(' '),
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string', format: 'uuid', description: 'The same whenever the event comes again.' },
    source: { type: 'string', description: 'The context, as in `/gatehouse/admission`.' },
    type: { type: 'string' },
    subject: { type: 'string', description: 'What the event is about, as in `ticket-4711`; the key of its message.' },
    time: { type: 'string', format: 'date-time', description: 'When it was recorded, in UTC.' },
    datacontenttype: { const: 'application/json' },
    dataschema: { type: 'string', description: 'Names the schema of `data` (its `$id`).' },
    version: { type: 'integer', minimum: 1, description: 'Of the schema of `data`.' },
    stream: { type: 'string', description: 'Where the event stands.' },
    revision: { type: 'integer', minimum: 0, description: 'Its place in the stream, counted without a gap.' },
    actor: { type: 'string', description: 'Who caused it, as in `device:12`, `token:3`, `droidkey:4`, `import:2`.' },
    traceparent: { type: 'string', description: 'W3C trace context of the request that caused it.' },
    data: { type: 'object' },
  },
};

/** The AsyncAPI 3 document of the public events. `release` is the version of the software. */
export function asyncApi(release: string, contexts: readonly PublishedContext[]): JsonObject {
  const entries = <T>(of: (context: PublishedContext) => readonly (readonly [string, T])[]) =>
    Object.fromEntries(contexts.flatMap(of)) as Record<string, T>;
  return {
    asyncapi: '3.0.0',
    info: { title: 'Gatehouse events', version: release, description: READING, license: { name: 'Apache-2.0' } },
    defaultContentType: 'application/cloudevents+json; charset=utf-8',
    servers: {
      kafka: {
        host: '{broker}',
        protocol: 'kafka',
        variables: { broker: { description: 'One of KAFKA_BROKERS of the installation.', default: 'localhost:9092' } },
      },
    },
    channels: entries(({ context, topic, partitions, schemas }) => [
      [context, channelOf({ topic, partitions, schemas })],
    ]),
    operations: entries(({ context }) => [
      [
        `${context}Happened`,
        { action: 'send', channel: { $ref: `#/channels/${context}` }, summary: 'Gatehouse tells what has happened.' },
      ],
    ]),
    components: {
      messages: entries(({ context, schemas }) => [...schemas].map(([key]) => [key, messageOf(context, key)])),
      schemas: {
        CloudEvent: ENVELOPE,
        ...entries(({ schemas }) => [...schemas].map(([key, { $schema, ...schema }]) => [key, schema])),
      },
    },
  };
}

function channelOf({ topic, partitions, schemas }: Omit<PublishedContext, 'context'>): JsonObject {
  return {
    address: topic,
    description: 'Kept for ever. Another prefix than `gatehouse` is a setting of the installation.',
    messages: Object.fromEntries([...schemas.keys()].map((key) => [key, { $ref: `#/components/messages/${key}` }])),
    bindings: {
      kafka: { topic, partitions, topicConfiguration: { 'cleanup.policy': ['delete'], 'retention.ms': -1 } },
    },
  };
}

function messageOf(context: Context, key: string): JsonObject {
  const [type, version] = key.split('.v') as [string, string];
  const facts = {
    type: { const: type },
    version: { const: Number(version) },
    dataschema: { const: schemaUrn(context, type, Number(version)) },
    data: { $ref: `#/components/schemas/${key}` },
  };
  return {
    name: type,
    title: `${type}, version ${version}`,
    payload: { allOf: [{ $ref: '#/components/schemas/CloudEvent' }, { type: 'object', properties: facts }] },
    bindings: { kafka: { key: { type: 'string', description: 'The `subject` of the event.' } } },
  };
}
