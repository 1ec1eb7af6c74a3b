import { randomUUID } from 'node:crypto';
import { esdbInTest } from '@gatehouse/eventing/esdb-in-test';
import { kafkaClient } from '@gatehouse/eventing/kafka-client';
import { CONTEXT_NAMES } from '@gatehouse/events/contexts';
import { applyTopic, topicPlans } from '@gatehouse/eventing/kafka-topics';
import { readConfig } from '@gatehouse/service/config';
import { testKafka } from './kafka';
import { testDatabase } from './postgres';

/** Settings for a system on its own event store and bus; `kind` describes them. */
export type BackendsInTest = {
  readonly kind: string;
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
};

export type Wanted = { readonly store: 'PostgreSQL' | 'EventStoreDB'; readonly bus: 'PostgreSQL' | 'Kafka' };

export async function backendsInTest({ store, bus }: Wanted): Promise<BackendsInTest> {
  const esdb = store === 'EventStoreDB' ? await esdbInTest(process.env['EVENTSTORE_URL']) : undefined;
  const kafka = bus === 'Kafka' ? await installationOnKafka() : undefined;
  const kinds = [
    esdb ? `EventStoreDB: ${esdb.kind}` : 'PostgreSQL',
    kafka ? 'Kafka, each context in its own database' : 'PostgreSQL',
  ];
  const kind = `store ${kinds[0]}, bus ${kinds[1]}`;
  process.stdout.write(`Backends of this journey: ${kind}\n`);
  return {
    kind,
    env: { ...(esdb ? { EVENT_STORE: 'eventstoredb', EVENTSTORE_URL: esdb.url } : {}), ...kafka?.env },
    async close() {
      await kafka?.close();
      await esdb?.stop();
    },
  };
}

/** Topics with their own prefix, and a database for each context, which are connected only by Kafka. */
async function installationOnKafka(): Promise<Omit<BackendsInTest, 'kind'>> {
  const databases = await Promise.all(CONTEXT_NAMES.map(() => testDatabase()));
  const urls = CONTEXT_NAMES.map((context, i) => [`${context.toUpperCase()}_DATABASE_URL`, databases[i]!.url] as const);
  const env = {
    ...Object.fromEntries(urls),
    EVENT_BUS: 'kafka',
    KAFKA_BROKERS: (await testKafka()).join(),
    KAFKA_PREFIX: `test-${randomUUID().slice(0, 8)}`,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
  };
  const { eventBus } = readConfig(env);
  if (eventBus.kind !== 'kafka') throw new Error('never');
  const admin = kafkaClient(eventBus.connection).admin();
  await admin.connect();
  const plans = CONTEXT_NAMES.flatMap((context) => topicPlans(context, eventBus));
  for (const plan of plans) await applyTopic(admin, plan);
  return {
    env,
    async close() {
      await admin.deleteTopics({ topics: plans.map(({ topic }) => topic) });
      await admin.disconnect();
      for (const database of databases) await database.drop();
    },
  };
}
