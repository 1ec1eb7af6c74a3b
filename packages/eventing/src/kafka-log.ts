import { randomUUID } from 'node:crypto';
import type { Envelope, Recorded } from '@gatehouse/events/envelope';
import type { Admin, Kafka, KafkaMessage } from 'kafkajs';
import { eventOf } from './cloud-events';
import { disconnected, RETRY } from './kafka-client';
import { incarnationOf } from './kafka-topics';
import type { Log } from './log-bus';
import { waker } from './postgres';

type Batch = { readonly events: Recorded[]; readonly position: string };

/** Limits how long a stop waits for a fetch without messages. */
const FETCH_WAIT_MS = 250;
const PATIENCE_MS = 5_000;
const HEARTBEAT_MS = 2_000;

/**
 * A topic with one partition as a history that can be read from any position: for rebuilding and verifying read models that
 * a consumer fills from it. A position is the offset after an event, as in checkpoints.
 */
export function kafkaLog(options: {
  kafka: Kafka;
  topic: string;
  ask<T>(question: (admin: Admin) => Promise<T>): Promise<T>;
}): Log {
  const { kafka, topic, ask } = options;
  const between = (a: string, b: string) => Math.max(0, Number(BigInt(b) - BigInt(a)));
  return {
    topic,
    start: '0',
    before: (a, b) => BigInt(a) < BigInt(b),
    between,
    async head() {
      const now = await ask((admin) => incarnationOf(admin, topic));
      if (!now) throw new Error(`There is no topic ${topic}: make it with \`gatehouse topics apply\`.`);
      if (now.ends.length !== 1) throw new Error(`The topic ${topic} has ${now.ends.length} partitions, not one.`);
      return String(now.ends[0]);
    },
    async *follow(position, signal) {
      // A group of its own for each reader: kafkajs reads only as a member of a group.
      const groupId = `${topic}.reader-${randomUUID()}`;
      const consumer = kafka.consumer({
        groupId,
        allowAutoTopicCreation: false,
        maxWaitTimeInMs: FETCH_WAIT_MS,
        retry: { ...RETRY, restartOnFailure: () => Promise.resolve(false) },
      });
      const arrived = waker();
      const taken = waker();
      let next: Batch | undefined;
      let at = position;
      let failure: Error | undefined;
      let over = false;
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        failure = payload.error;
        arrived.wake();
      });
      consumer.on(consumer.events.GROUP_JOIN, () => consumer.seek({ topic, partition: 0, offset: at }));
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: [topic], fromBeginning: true });
        await consumer.run({
          autoCommit: false,
          eachBatchAutoResolve: false,
          async eachBatch({ batch, resolveOffset, heartbeat, isStale }) {
            const fresh = batch.messages.filter((message) => BigInt(message.offset) >= BigInt(at));
            if (over || isStale() || fresh.length === 0) return;
            const events = fresh.flatMap(recordedIn);
            next = { events, position: String(BigInt(batch.lastOffset()) + 1n) };
            arrived.wake();
            while (next && !over) {
              await taken.next(signal, HEARTBEAT_MS);
              await heartbeat();
            }
            resolveOffset(batch.lastOffset());
          },
        });
        while (!signal.aborted) {
          if (failure) throw failure;
          if (!next) {
            await arrived.next(signal, PATIENCE_MS);
            continue;
          }
          const batch = next;
          next = undefined;
          at = batch.position;
          taken.wake();
          yield batch;
        }
      } finally {
        over = true;
        taken.wake();
        await disconnected(consumer);
        await ask((admin) => admin.deleteGroups([groupId])).catch(() => undefined);
      }
    },
  };
}

/**
 * A message that is no event changes no read model. Consumers are stuck at it until a command skips it; a replay ignores
 * it.
 */
function recordedIn({ offset, value }: KafkaMessage): Recorded[] {
  let event: Envelope;
  try {
    event = eventOf(value);
  } catch {
    return [];
  }
  return [{ ...event, position: String(BigInt(offset) + 1n) }];
}
