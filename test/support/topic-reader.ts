import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';

/** A message as a reader outside of the project gets it. */
export type Seen = { readonly partition: number; readonly key: string; readonly event: CloudEvent };
export type CloudEvent = {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly stream: string;
  readonly revision: number;
  readonly data: Readonly<Record<string, unknown>>;
};

/** Reads a topic from its beginning with kafkajs only, without our code. */
export async function readTopic(
  brokers: readonly string[],
  topic: string,
): Promise<{ readonly seen: readonly Seen[]; close(): Promise<void> }> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `outsider-${randomUUID()}` });
  const seen: Seen[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: ({ partition, message }) => {
      const event = JSON.parse(message.value!.toString()) as CloudEvent;
      seen.push({ partition, key: message.key!.toString(), event });
      return Promise.resolve();
    },
  });
  return { seen, close: () => consumer.disconnect() };
}

/** The first occurrence of each event, in order. */
export function firstsOf(seen: readonly Seen[]): CloudEvent[] {
  const ids = new Set<string>();
  return seen.map(({ event }) => event).filter(({ id }) => !ids.has(id) && ids.add(id));
}

/** By stream: the revisions in their order of arrival. */
export function revisionsOf(events: readonly Pick<CloudEvent, 'stream' | 'revision'>[]): Map<string, number[]> {
  const byStream = new Map<string, number[]>();
  for (const { stream, revision } of events) {
    const revisions = byStream.get(stream) ?? [];
    byStream.set(stream, revisions);
    revisions.push(revision);
  }
  return byStream;
}
