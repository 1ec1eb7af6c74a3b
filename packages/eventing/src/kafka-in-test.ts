import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { event } from '@gatehouse/events/define';
import { contextRow, type Context } from '@gatehouse/events/contexts';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Pool } from 'pg';
import { z } from 'zod';
import { historyInTest } from './history-in-test';
import { kafkaBus, type KafkaBus } from './kafka-bus';
import { kafkaClient, type KafkaConnection } from './kafka-client';
import { applyTopic, followedTopic, topicPlans, type Applied } from './kafka-topics';
import type { FeedHealth } from './feed-health';

/** A separate installation on a broker: topics with their own prefix, a database, and any number of processes. */
export type KafkaInTest = {
  readonly prefix: string;
  readonly topic: string;
  readonly pool: Pool;
  /** Health reports of all buses, newest last. */
  readonly said: FeedHealth[];
  apply(): Promise<Applied>;
  /** The bus of a further process. */
  open(connection?: KafkaConnection): { bus: KafkaBus; pool: Pool };
  /** The topic that other contexts follow. */
  deleteTopic(): Promise<void>;
  close(): Promise<void>;
};

const Happened = event('Happened', z.object({ n: z.number() }), { upcasts: [(data) => data] });
/** The events that tests publish: `Happened`, up to version 2. */
export const definitions = new Map([['Happened', Happened]]);

/** All topics of a context have as many partitions as its public one, so that consumers are tested with one and with many. */
export async function kafkaInTest(connection: KafkaConnection, context: Context): Promise<KafkaInTest> {
  const prefix = `test-${randomUUID().slice(0, 8)}`;
  const topic = followedTopic(context, prefix);
  const history = await historyInTest({ context: 'admission' });
  const { pool } = history.open();
  const buses: KafkaBus[] = [];
  const said: FeedHealth[] = [];
  const admin = kafkaClient(connection).admin();
  await admin.connect();
  const plans = topicPlans(context, { prefix, replicationFactor: 1, minInsyncReplicas: 1 });
  const partitions = Math.max(...plans.map((plan) => plan.partitions));
  const applyAll = () => Promise.all(plans.map((plan) => applyTopic(admin, { ...plan, partitions })));
  const apply = async () => (await applyAll())[plans.findIndex((plan) => plan.topic === topic)]!;
  await apply();
  return {
    prefix,
    topic,
    pool,
    said,
    apply,
    open(through = connection) {
      const mine = history.open().pool;
      const bus = kafkaBus({
        connection: through,
        prefix,
        publishes: { context, definitions, topics: contextRow(context).topics },
        pool: mine,
        schema: history.schema,
        // Short, so that members of a killed process do not outlast a test.
        sessionMs: 6_000,
        onHealth: (health) => said.push(health),
      });
      buses.push(bus);
      return { bus, pool: mine };
    },
    async deleteTopic() {
      await admin.deleteTopics({ topics: [topic] });
      while ((await admin.listTopics()).includes(topic)) await sleep(20);
    },
    async close() {
      for (const bus of buses) await bus.close();
      await admin.disconnect();
      await history.close();
    },
  };
}

export const happened = (stream: string, revision: number, version = 1): Envelope => ({
  id: randomUUID(),
  type: 'Happened',
  version,
  data: { n: revision },
  stream,
  revision,
  time: '2025-11-20T13:45:30.123456Z',
  actor: 'token:1',
  trace: null,
});
