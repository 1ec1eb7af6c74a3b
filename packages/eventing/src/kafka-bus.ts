import type { Context, ContextRow } from '@gatehouse/events/contexts';
import type { Envelope } from '@gatehouse/events/envelope';
import { SpanKind } from '@opentelemetry/api';
import { Partitioners, type Admin, type Message, type Producer } from 'kafkajs';
import type { Pool } from 'pg';
import { CLOUD_EVENT, cloudEvent, mayRead, subjectOf, type Published } from './cloud-events';
import type { EventBus } from './event-bus';
import { disconnected, kafkaClient, RETRY, type KafkaConnection } from './kafka-client';
import { consumeTopics } from './kafka-consumer';
import { kafkaLog } from './kafka-log';
import type { Lag } from './lag';
import { followedTopic, incarnationOf, topicsOf, type ContextTopic } from './kafka-topics';
import type { Log } from './log-bus';
import { available } from './postgres';
import type { FeedHealth } from './feed-health';
import { RELAY, sameGeneration, WrongGeneration } from './topic-generation';
import { spanBelow, traceparentOf } from './tracing';

export type KafkaBusOptions = {
  readonly connection: KafkaConnection;
  /** Separates installations that share a cluster: names of topics begin with it, and `<prefix>.<schema>.<group>` is a group. */
  readonly prefix?: string | undefined;
  /** What this process may publish: the context whose schema `pool` sees. */
  readonly publishes?: ({ readonly context: Context } & ContextRow) | undefined;
  /** Of the context's schema: checkpoints, and what was seen of topics. */
  readonly pool: Pool;
  readonly schema: string;
  /** After so long without a sign of life a group goes on without a process; 30 s unless given. */
  readonly sessionMs?: number;
  onHealth(health: FeedHealth): void;
};

export type KafkaBus = EventBus & {
  /** The topic of a context as a history that can be read again; of one partition only. */
  log(context: Context): Log;
  /** Of every partition that this process consumes: the age of what it has not applied. */
  lag(): Lag[];
  /** Ends the producer. Consumers end by their own signals. */
  close(): Promise<void>;
};

/** Far below the largest message that a topic takes (8 MiB), and well above the largest event (900 kB). */
const SEND_BYTES = 4 * 1024 * 1024;

/** The event bus on Kafka, by kafkajs, which is kept here and in kafka-consumer.ts with its guards (design §8). */
export function kafkaBus(options: KafkaBusOptions): KafkaBus {
  const { pool, schema, prefix, publishes, sessionMs = 30_000 } = options;
  const kafka = kafkaClient(options.connection);
  const lags = new Set<() => Lag[]>();

  /** One connection for questions, made anew after an error. */
  let administrator: Promise<Admin> | undefined;
  async function ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const made = (administrator ??= connectedAdmin());
    try {
      return await question(await made);
    } catch (error) {
      if (administrator === made) administrator = undefined;
      void made.then((admin) => disconnected(admin)).catch(() => undefined);
      throw error;
    }
  }
  async function connectedAdmin(): Promise<Admin> {
    const admin = kafka.admin({ retry: RETRY });
    await admin.connect();
    return admin;
  }

  /** Of the context that this process publishes. */
  const published: readonly ContextTopic[] = publishes ? topicsOf(publishes.context, prefix, publishes) : [];

  /** `ends`, by topic: an offset below shows that the topic was made anew under the producer, of which kafkajs says nothing. */
  type Sender = { readonly producer: Producer; readonly ends: ReadonlyMap<string, bigint[]> };
  let sender: Sender | undefined;

  async function newSender(): Promise<Sender> {
    const ends = new Map<string, bigint[]>();
    for (const { topic } of published) {
      const now = await ask((admin) => sameGeneration(pool, admin, { name: RELAY, topic }));
      ends.set(topic, [...now.ends]);
    }
    const producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: RETRY,
    });
    try {
      await producer.connect();
    } catch (error) {
      await disconnected(producer);
      throw error;
    }
    return { producer, ends };
  }

  async function send(topic: string, messages: readonly Message[]): Promise<void> {
    const mine = (sender ??= await newSender());
    const ends = mine.ends.get(topic)!;
    try {
      for (const part of partsOf(messages)) {
        const acknowledged = await mine.producer.send({ topic, acks: -1, messages: part });
        for (const { partition, baseOffset } of acknowledged) {
          const offset = BigInt(baseOffset ?? -1);
          if (offset < (ends[partition] ?? 0n)) throw new WrongGeneration(`The topic ${topic} was made anew.`);
          ends[partition] = offset + 1n;
        }
      }
    } catch (error) {
      // Whether the broker took the batch is unknown. A new producer has a new id, so what the old one still has under way
      // cannot come between: it is a repetition at most.
      if (sender === mine) sender = undefined;
      await disconnected(mine.producer);
      throw error;
    }
  }

  /** One send at a time; after a failure those that wait behind it fail as well, or order would break. */
  let sending: Promise<unknown> = Promise.resolve();
  let failures = 0;
  async function inTurn(work: () => Promise<void>): Promise<void> {
    const before = failures;
    const mine = sending.then(async () => {
      if (failures !== before) throw new Error('events before these could not be published');
      try {
        await work();
      } catch (error) {
        failures++;
        throw error;
      }
    });
    sending = mine.catch(() => undefined);
    return mine;
  }

  return {
    async publish(events) {
      if (!publishes) throw new Error('this process publishes nothing');
      const { context, definitions } = publishes;
      const sends = published.map(({ topic, audience }) => {
        const readable = events.filter((event) => mayRead(event, { context, definitions, audience }));
        const spans = readable.map((event) => spanBelow(event.trace, `publish ${topic}`, SpanKind.PRODUCER));
        const messages = readable.map((event, i) =>
          messageOf(event, { context, definitions, audience }, traceparentOf(spans[i]) ?? event.trace),
        );
        return { topic, messages, spans };
      });
      await inTurn(async () => {
        for (const { topic, messages } of sends) await send(topic, messages);
      }).finally(() => sends.forEach(({ spans }) => spans.forEach((span) => span?.end())));
    },

    async consume(group, topics, handle, signal) {
      const byName = new Map(topics.map((context) => [followedTopic(context, prefix), context]));
      const groupId = `${prefix ?? 'gatehouse'}.${schema}.${group}`;
      await consumeTopics(
        {
          kafka,
          ask,
          pool,
          schema,
          group,
          groupId,
          sessionMs,
          topics: byName,
          handle,
          onHealth: options.onHealth,
          lags,
        },
        signal,
      );
    },

    async ends(topics) {
      const ends: { topic: string; partition: number; end: string }[] = [];
      for (const topic of topics.map((context) => followedTopic(context, prefix))) {
        const now = await ask((admin) => incarnationOf(admin, topic));
        if (!now) throw new WrongGeneration(`There is no topic ${topic}: make it with \`gatehouse topics apply\`.`);
        now.ends.forEach((end, partition) => ends.push({ topic, partition, end: String(end) }));
      }
      return ends;
    },

    async backlog(group, ends) {
      const { rows } = await available(
        pool.query<{ backlog: number }>(
          `select coalesce(sum(greatest(wanted."end" - coalesce(c.position::bigint, 0), 0)), 0)::float8 as backlog
           from unnest($2::text[], $3::integer[], $4::bigint[]) as wanted(topic, partition, "end")
           left join checkpoints c on c.name = $1 and c.topic = wanted.topic and c.partition = wanted.partition`,
          [group, ends.map((each) => each.topic), ends.map((each) => each.partition), ends.map((each) => each.end)],
        ),
      );
      return rows[0]!.backlog;
    },

    log: (context) => kafkaLog({ kafka, topic: followedTopic(context, prefix), ask }),

    lag: () => [...lags].flatMap((each) => each()),

    async close() {
      const last = sender;
      sender = undefined;
      if (last) await disconnected(last.producer);
      const admin = administrator;
      administrator = undefined;
      await admin?.then((each) => disconnected(each)).catch(() => undefined);
    },
  };
}

function messageOf(event: Envelope, published: Published, traceparent: string | null): Message {
  return {
    key: subjectOf(event, published),
    value: cloudEvent(event, published),
    // A clock that runs ahead must not make the broker refuse the event.
    timestamp: String(Math.min(Date.parse(event.time), Date.now())),
    headers: { 'content-type': CLOUD_EVENT, ...(traceparent === null ? {} : { traceparent }) },
  };
}

/** In their order, as many at a time as one request may carry. */
function* partsOf(messages: readonly Message[]): Generator<Message[]> {
  let part: Message[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = Buffer.byteLength(message.value as string) + 200;
    if (part.length > 0 && bytes + size > SEND_BYTES) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(message);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
