import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { kafkaClient } from '@gatehouse/eventing/kafka-client';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { keepKafka, startKafka, stopKafka, type LocalKafka } from './start-kafka';

const modeOf = async (file: string) => ((await stat(file)).mode & 0o777).toString(8);

describeWithKafka('a broker of our own with a generated login', () => {
  let folder: string;
  let kafka: LocalKafka | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-kafka-'));
    // Like a folder of an earlier release.
    await chmod(folder, 0o755);
    kafka = await startKafka({ folder, login: 'generated' });
  });
  afterAll(async () => {
    await kafka?.stop();
    await rm(folder, { recursive: true });
  });

  const topicsAs = async (brokers: readonly string[], login?: { user: string; password: string }) => {
    const sasl = login && ({ mechanism: 'plain', username: login.user, password: login.password } as const);
    const admin = kafkaClient({ brokers, sasl }).admin({ retry: { retries: 0 } });
    try {
      await admin.connect();
      return await admin.listTopics();
    } finally {
      await admin.disconnect();
    }
  };

  test('lets in who knows it, and nobody else', async () => {
    const { brokers, login } = kafka!;
    expect(await topicsAs(brokers, login)).toEqual(expect.any(Array));
    await expect(topicsAs(brokers)).rejects.toThrow();
    await expect(topicsAs(brokers, { ...login!, password: 'wrong' })).rejects.toThrow(/[Aa]uthentication/);
  });

  test('nor is there another way in: between its parts it asks for a password of its own', async () => {
    const { ports } = JSON.parse(await readFile(path.join(folder, 'kafka.json'), 'utf8')) as { ports: number[] };
    for (const port of ports.slice(1)) {
      await expect(topicsAs([`127.0.0.1:${port}`])).rejects.toThrow();
      await expect(topicsAs([`127.0.0.1:${port}`], kafka!.login)).rejects.toThrow();
    }
    const settings = await readFile(path.join(folder, 'server.properties'), 'utf8');
    expect(settings).not.toContain('PLAINTEXT://');
    expect(/^listener\.security\.protocol\.map=(.*)$/m.exec(settings)![1]).toBe(
      'CLIENTS:SASL_PLAINTEXT,INTERNAL:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT',
    );
  });

  test('listens on the loopback only', async () => {
    const port = Number(kafka!.brokers[0]!.split(':')[1]);
    const reached = await new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.2' });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    expect(reached).toBe(false);
  });

  test('keeps folder and login to its owner', async () => {
    expect(await modeOf(folder)).toBe('700');
    for (const file of ['login.json', 'server.properties', 'kafka.log']) {
      expect(await modeOf(path.join(folder, file))).toBe('600');
    }
    const command = await readFile(`/proc/${kafka!.pid}/cmdline`, 'utf8');
    expect(command).not.toContain(kafka!.login!.password);
  });

  test('is adopted with the same login; one that asks for none is started again', async () => {
    const again = await startKafka({ folder, login: 'generated' });
    expect(again).toMatchObject({ adopted: true, login: kafka!.login, pid: kafka!.pid });
    await kafka!.stop();
    const open = await startKafka({ folder });
    kafka = await startKafka({ folder, login: 'generated' });
    expect(kafka.adopted).toBe(false);
    expect(kafka.pid).not.toBe(open.pid);
    await expect(topicsAs(kafka.brokers)).rejects.toThrow();
  });

  test('is started again when it was killed, where its clients know it, until it is not wanted any more', async () => {
    const stop = new AbortController();
    const said: string[] = [];
    const kept = keepKafka({ folder, login: 'generated', log: (sentence) => said.push(sentence) }, stop.signal);
    const { brokers, login, pid } = kafka!;
    await kafka!.kill();
    let topics: string[] | undefined;
    while (!topics) topics = await topicsAs(brokers, login).catch(() => undefined);
    stop.abort();
    await kept;
    expect(said).toEqual([
      'Apache Kafka ended and is started again.',
      expect.stringContaining(`Apache Kafka listens on ${brokers[0]}`),
    ]);
    expect(said[1]).not.toContain(`process ${pid},`);
    expect(await stopKafka(folder)).toBe(true);
  });
});
