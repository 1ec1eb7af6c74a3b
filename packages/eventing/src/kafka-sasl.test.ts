import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startKafka } from '@gatehouse/local-kafka/start-kafka';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { eventBusContract } from './bus-contract';
import { kafkaClient } from './kafka-client';
import { kafkaInTest } from './kafka-in-test';

const login = { user: 'gatehouse', password: 'only-for-this-test' };

describeWithKafka('the bus on Kafka over SASL_SSL', () => {
  eventBusContract('Kafka over TLS, with a password', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-kafka-'));
    const kafka = await startKafka({ folder, login, tls: true });
    const connection = {
      brokers: kafka.brokers,
      tls: { ca: kafka.ca! },
      sasl: { mechanism: 'plain' as const, username: login.user, password: login.password },
    };
    const stranger = kafkaClient({ ...connection, sasl: { ...connection.sasl, password: 'wrong' } }).admin();
    await expect(stranger.connect()).rejects.toThrow(/[Aa]uthentication/);
    await stranger.disconnect();
    const installation = await kafkaInTest(connection, 'admission');
    const { bus } = installation.open();
    return {
      topic: 'admission',
      publish: (events) => bus.publish(events),
      consumer: () => {
        const { topic, said } = installation;
        return Promise.resolve({ ...installation.open(), topics: [topic], said });
      },
      async close() {
        await installation.close();
        await kafka.stop();
        await rm(folder, { recursive: true });
      },
    };
  });
});
