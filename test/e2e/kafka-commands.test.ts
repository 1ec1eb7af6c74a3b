import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { consumerStatus } from '@gatehouse/eventing/consumer-admin';
import { openPool } from '@gatehouse/eventing/postgres';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { sync } from '@gatehouse/sync-service/service';
import { backendsInTest, type BackendsInTest } from '@gatehouse/test-support/backends';
import { gatehouse } from '@gatehouse/test-support/command';
import { CROWD, festival, TOKENS } from '@gatehouse/test-support/festival';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { exportFolder, startSystem, type System } from '@gatehouse/test-support/system';
import { Kafka, logLevel } from 'kafkajs';
import type { Pool } from 'pg';

/* The commands about Kafka, as a person types them, on a running system. */

describeWithKafka('commands about Kafka', () => {
  let backends: BackendsInTest;
  let system: System;
  let topic: string;
  /** Of each context that follows the shop's facts. */
  let pools: ReadonlyMap<string, Pool>;
  const run = (...args: readonly string[]) => gatehouse(backends.env, ...args);
  beforeAll(async () => {
    backends = await backendsInTest({ store: 'PostgreSQL', bus: 'Kafka' });
    topic = `${backends.env['KAFKA_PREFIX']!}.reference`;
    // Each context that takes over the shop's facts is at work: an import waits for all of them.
    system = await startSystem([checkin, cart, offlineSales, sync, reference], backends.env);
    const followers = ['admission', 'inventory', 'sales', 'sync'];
    pools = new Map(
      followers.map((context) => [
        context,
        openPool(backends.env[`${context.toUpperCase()}_DATABASE_URL`]!, context, 1),
      ]),
    );
  });
  afterAll(async () => {
    await Promise.all([...pools.values()].map((pool) => pool.end()));
    await system.close();
    await backends.close();
  });

  test('an import ends when the gates know it, or at once when it is told not to wait', async () => {
    const folder = await exportFolder(festival());
    const first = await run('import', folder);
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining('The gates know all of it.') as string });
    expect((await system.call('GET', `${CROWD}checkinlists/`, { token: TOKENS.admin })).status).toBe(200);
    const second = await run('import', folder, '--no-wait');
    expect(second).toMatchObject({ code: 0, out: expect.stringContaining('is new or changed') as string });
  });

  test('topics, relay and consumers are shown; without Kafka they are refused with the reason', async () => {
    const [topics, relay, consumer, refused] = await Promise.all([
      run('topics', 'apply'),
      run('relay', 'status'),
      run('consumer', 'status'),
      gatehouse({}, 'topics', 'apply'),
    ]);
    expect(topics).toMatchObject({ code: 0, out: expect.stringContaining(`${topic}: as it should be`) as string });
    expect(relay.out).toMatch(/^reference: published to (\d+) of \1, everything is published$/m);
    expect(consumer.out).toMatch(new RegExp(`^catalog of ${topic}, partition 0: applied up to offset \\d+$`, 'm'));
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('EVENT_BUS=kafka') as string });
  });

  test('a message that is no event stops its consumers until each is told to skip it', async () => {
    const kafka = new Kafka({ brokers: backends.env['KAFKA_BROKERS']!.split(','), logLevel: logLevel.NOTHING });
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ key: 'x', value: 'no event' }] });
    await producer.disconnect();
    const consumers = async () => {
      const ofAll = [...pools].map(async ([context, pool]) =>
        (await consumerStatus(pool, [topic])).map((each) => ({ ...each, context })),
      );
      return (await Promise.all(ofAll)).flat();
    };
    const stuck = async () => (await consumers()).filter((each) => each.stuck);
    const { length } = await consumers();
    while ((await stuck()).length < length) await new Promise((again) => setTimeout(again, 50));
    const shown = await run('consumer', 'status');
    expect(shown.out.match(/stands still since .* at a message that is no event/g)).toHaveLength(length);
    const about = ['--reason', 'a test'];
    // Several contexts have one of this name.
    expect(await run('consumer', 'skip', 'catalog', ...about)).toMatchObject({
      code: 1,
      err: expect.stringContaining('--context admission, --context inventory, --context sales') as string,
    });
    const skipped = await Promise.all(
      (await stuck()).map(({ name, context }) => run('consumer', 'skip', name, '--context', context, ...about)),
    );
    expect(skipped.map(({ code }) => code)).toEqual(Array.from({ length }, () => 0));
    await system.settled();
    expect(await stuck()).toEqual([]);
    expect((await run('consumer', 'skip', 'catalog', '--context', 'admission', ...about)).code).toBe(1);
    // A process for each consumer of each context.
  }, 180_000);

  test('a rewound relay publishes all again, and a consumer that is reset applies all again', async () => {
    const ends = () => system.feeds.bus.bus.ends(['reference']);
    const [before] = await ends();
    const [rewound, reset] = await Promise.all([
      run('relay', 'rewind', 'reference'),
      run('consumer', 'reset', 'credentials', '--topic', topic, '--context', 'admission'),
    ]);
    expect([rewound.code, reset.code]).toEqual([0, 0]);
    // The message that is no event is skipped again. The rewound history comes after the earlier messages.
    const all = 2 * (Number(before!.end) - 1) + 1;
    for (let end = 0; end < all; end = Number((await ends())[0]!.end))
      await new Promise((again) => setTimeout(again, 50));
    await system.settled();
    expect((await system.call('GET', `${CROWD}checkinlists/`, { token: TOKENS.admin })).status).toBe(200);
  }, 180_000);
});
