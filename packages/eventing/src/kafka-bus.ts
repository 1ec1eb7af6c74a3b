import type { Context, ContextRow } from '@gatehouse/events/contexts';
import type { Envelope } from '@gatehouse/events/envelope';
import { SpanKind } from '@opentelemetry/api';
import type { Admin, Message, Producer } from 'kafkajs';
import type { Pool } from 'pg';
import { CLOUD_EVENT, cloudEvent, mayRead, subjectOf, type Published } from './cloud-events';
import type { EventBus } from './event-bus';
import { disconnected, kafkaClient, kafkajs, RETRY, type KafkaConnection } from './kafka-client';
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
  /**
   * Separates installations that share a cluster: prefix of topic names, and of group names, which are
   * `<prefix>.<schema>.<group>`.
   */
  readonly prefix?: string | undefined;
  /** The context whose events this process publishes; `pool` uses its schema. */
  readonly publishes?: ({ readonly context: Context } & ContextRow) | undefined;
  /** Pool of the context's schema, for checkpoints and topic generations. */
  readonly pool: Pool;
  readonly schema: string;
  /** A member of a group that sends no heartbeat for so long is removed from it; 30 s unless given. */
  readonly sessionMs?: number;
  onHealth(health: FeedHealth): void;
};

export type KafkaBus = EventBus & {
  /** The topic of a context, which must have one partition, as a history that can be read from any position. */
  log(context: Context): Log;
  /** For each partition that this process consumes: the age of the oldest event that is not applied. */
  lag(): Lag[];
  /** Disconnects the producer. Consumers end by their own signals. */
  close(): Promise<void>;
};

/** Far below the largest message that a topic takes (8 MiB), and well above the largest event (900 kB). */
const SEND_BYTES = 4 * 1024 * 1024;

/** The event bus on Kafka. kafkajs and the guards around it are used only here and in kafka-consumer.ts (design §8). */
export function kafkaBus(options: KafkaBusOptions): KafkaBus {
  const { pool, schema, prefix, publishes, sessionMs = 30_000 } = options;
  const kafka = kafkaClient(options.connection);
  const lags = new Set<() => Lag[]>();

  /** One admin connection, replaced after an error. */
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

  /** The topics of the context that this process publishes. */
  const published: readonly ContextTopic[] = publishes ? topicsOf(publishes.context, prefix, publishes) : [];

  /**
   * `ends` by topic: an acknowledged offset below the last end shows that the topic was recreated, which kafkajs does not
   * report.
   */
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
      createPartitioner: kafkajs().Partitioners.DefaultPartitioner,
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
      // It is unknown whether the broker took the batch. A new producer has a new id, so a late batch of the old one cannot
      // get between new ones: at most it is a duplicate.
      if (sender === mine) sender = undefined;
      await disconnected(mine.producer);
      throw error;
    }
  }

  /** One send at a time; after a failure the sends waiting behind it fail as well, to keep the order. */
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

    async consume(group, topics, handle, { signal }) {
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
    // An event whose clock ran ahead must not be refused by the broker.
    timestamp: String(Math.min(Date.parse(event.time), Date.now())),
    headers: { 'content-type': CLOUD_EVENT, ...(traceparent === null ? {} : { traceparent }) },
  };
}

/** Splits messages, in their order, into parts that fit one request. */
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
