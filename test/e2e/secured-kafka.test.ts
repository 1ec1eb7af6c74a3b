import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkin } from '@gatehouse/checkin/service';
import { startKafka, type LocalKafka } from '@gatehouse/local-kafka/start-kafka';
import { reference } from '@gatehouse/reference-service/service';
import { gatehouse } from '@gatehouse/test-support/command';
import { festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { testDatabase, type TestDatabase } from '@gatehouse/test-support/postgres';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* A cluster that requires TLS and a password, configured by settings only. */

const PASSWORD = 'only-for-this-test';

describeWithKafka('Kafka over TLS with a password', () => {
  let folder: string;
  let kafka: LocalKafka;
  let databases: readonly TestDatabase[] = [];
  let env: Readonly<Record<string, string>>;
  let system: System | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-kafka-'));
    kafka = await startKafka({ folder, login: { user: 'gatehouse', password: PASSWORD }, tls: true });
    databases = [await testDatabase(), await testDatabase()];
    env = {
      ADMISSION_DATABASE_URL: databases[0]!.url,
      REFERENCE_DATABASE_URL: databases[1]!.url,
      EVENT_BUS: 'kafka',
      KAFKA_BROKERS: kafka.brokers.join(),
      KAFKA_TLS: 'on',
      KAFKA_CA: kafka.ca!,
      KAFKA_SASL: 'plain',
      KAFKA_USERNAME: 'gatehouse',
      KAFKA_PASSWORD: PASSWORD,
      KAFKA_REPLICATION_FACTOR: '1',
      KAFKA_MIN_INSYNC_REPLICAS: '1',
    };
  });
  afterAll(async () => {
    await system?.close();
    for (const database of databases) await database.drop();
    await kafka.stop();
    await rm(folder, { recursive: true });
  });

  test('a wrong password and an unknown authority are told, and the password is not', async () => {
    const [password, authority] = await Promise.all([
      gatehouse({ ...env, KAFKA_PASSWORD: 'a-wrong-one' }, 'topics', 'apply'),
      gatehouse({ ...env, KAFKA_CA: '' }, 'topics', 'apply'),
    ]);
    expect(password).toMatchObject({ code: 1, err: expect.stringMatching(/authentication/i) as string });
    expect(authority).toMatchObject({ code: 1, err: expect.stringMatching(/certificate/i) as string });
    expect(password.out + password.err).not.toContain('a-wrong-one');
  });

  test('topics are made, facts reach the gates, scans are told', async () => {
    expect(await gatehouse(env, 'topics', 'apply')).toMatchObject({ code: 0 });
    system = await startSystem([checkin, reference], env);
    await system.import(festival());
    const scan = await system.call(
      'POST',
      `${OPENAIR}checkinlists/${LISTS.main}/positions/${TICKETS.ada.secret}/redeem/`,
      {
        token: TOKENS.admin,
        json: {},
      },
    );
    expect(scan.status).toBe(201);
    const published = async () =>
      (await system!.feeds.bus.bus.ends(['admission'])).reduce((sum, { end }) => sum + Number(end), 0);
    const head = (await system.events()).length;
    while ((await published()) < head) await new Promise((again) => setTimeout(again, 50));
    const status = await gatehouse(env, 'relay', 'status');
    expect(status.out).toMatch(/^admission: published to (\d+) of \1, everything is published$/m);
  });
});
