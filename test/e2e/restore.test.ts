import { READ_MODELS } from '@gatehouse/admission/context';
import { checkin } from '@gatehouse/checkin/service';
import { consumerStatus, resetConsumer } from '@gatehouse/eventing/consumer-admin';
import { kafkaClient } from '@gatehouse/eventing/kafka-client';
import { applyTopic, followedTopic, topicPlans } from '@gatehouse/eventing/kafka-topics';
import { openPool } from '@gatehouse/eventing/postgres';
import { rebuildReadModel, verifyReadModel } from '@gatehouse/eventing/read-model';
import { rewindRelay } from '@gatehouse/eventing/relay';
import { openReference } from '@gatehouse/reference/context';
import { reference } from '@gatehouse/reference-service/service';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { backendsInTest, type BackendsInTest } from '@gatehouse/test-support/backends';
import {
  festival,
  festivalWith,
  LISTS,
  named,
  OPENAIR,
  openairOrder,
  TICKETS,
  TOKENS,
} from '@gatehouse/test-support/festival';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* The steps of docs/operations.md after a restore of `reference` to an earlier point. */

/** The export in which the first ticket of this order has another name. */
function renamed(name: string) {
  const order = openairOrder(TICKETS.ada.order);
  const [first, ...others] = order.positions;
  const position = { ...first!, ...named(name) } as unknown as typeof first & object;
  return festivalWith([{ ...order, positions: [position, ...others] }]);
}

async function shownName(system: System): Promise<unknown> {
  const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${TICKETS.ada.id}/`;
  const { body } = await system.call('GET', target, { token: TOKENS.admin });
  return (body as { attendee_name: unknown }).attendee_name;
}

describeWithKafka('after a restore of reference to an earlier point', () => {
  let backends: BackendsInTest;
  beforeAll(async () => {
    backends = await backendsInTest({ store: 'PostgreSQL', bus: 'Kafka' });
  });
  afterAll(() => backends.close());

  test('a new topic, published and applied from its beginning, and rebuilt read models: only history counts', async () => {
    const before = await startSystem([checkin, reference], backends.env);
    await before.import(festival());
    const name = await shownName(before);
    const config = readConfig(backends.env);
    if (config.eventBus.kind !== 'kafka') throw new Error('never');
    const opened = openBackends(config, undefined);
    const { store, pool } = await openReference(opened);
    const backup = await store.head();
    await before.import(renamed('A name that is lost'));
    expect(await shownName(before)).toBe('A name that is lost');

    // 1. Stop all processes; restore the database.
    await before.close();
    await pool.query('delete from events where position > $1', [backup]);
    await pool.query("update checkpoints set position = $1 where name = 'relay'", [backup]);
    // 2. A new topic.
    const { prefix, connection } = config.eventBus;
    const topic = followedTopic('reference', prefix);
    const admin = kafkaClient(connection).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    while ((await admin.listTopics()).includes(topic)) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const plan of topicPlans('reference', config.eventBus)) await applyTopic(admin, plan);
    await admin.disconnect();
    // 3. relay rewind reference.
    await rewindRelay(pool, { feed: { ...store, topic: 'reference' }, topics: [topic] });
    // 4. consumer reset, for each of admission's.
    const admissionPool = openPool(opened.urlOf('admission'), 'admission', 2);
    const readers = await consumerStatus(admissionPool, [topic]);
    expect(readers.length).toBeGreaterThan(0);
    for (const reader of readers) expect(await resetConsumer(admissionPool, { name: reader.name, topic })).toBe(true);
    // 5. Start; rebuild all.
    const after = await startSystem([checkin, reference], backends.env);
    try {
      await after.settled();
      for (const model of READ_MODELS) await rebuildReadModel(model, after.feeds, () => undefined);
      await after.settled();
      expect(await shownName(after)).toBe(name);
      // The fact that replaces the lost one, with the same revision.
      await after.import(renamed('A name that counts'));
      expect(await shownName(after)).toBe('A name that counts');
      for (const model of READ_MODELS) expect(await verifyReadModel(model, after.feeds, () => undefined)).toEqual([]);
    } finally {
      await after.close();
      await admissionPool.end();
      await pool.end();
      await opened.close();
    }
  });
});
