import { describeWithKafka, testKafka } from '@gatehouse/test-support/kafka';
import { readTopic } from '@gatehouse/test-support/topic-reader';
import { event, type EventDefinition } from '@gatehouse/events/define';
import type { Envelope } from '@gatehouse/events/envelope';
import { eventBusContract } from './bus-contract';
import { consumerStatus, resetConsumer, skipStuckEvent } from './consumer-admin';
import { aStream, idsOf } from './contract';
import { caughtUp } from './event-bus';
import { until } from './history-in-test';
import { kafkaClient } from './kafka-client';
import { kafkaBus } from './kafka-bus';
import { definitions, happened, kafkaInTest, type KafkaInTest } from './kafka-in-test';
import { applyTopic, topicPlans, topicsOf } from './kafka-topics';
import { z } from 'zod';

describeWithKafka('the bus on Kafka', () => {
  for (const context of ['reference', 'admission'] as const) {
    eventBusContract(`Kafka, topic of ${context}`, async () => {
      const installation = await kafkaInTest({ brokers: await testKafka() }, context);
      const { bus } = installation.open();
      return {
        topic: context,
        publish: (events) => bus.publish(events),
        consumer: () => {
          const { topic, said } = installation;
          return Promise.resolve({ ...installation.open(), topics: [topic], said });
        },
        close: () => installation.close(),
      };
    });
  }

  describe('beyond the contract', () => {
    let installation: KafkaInTest;
    const stops: { stop: AbortController; ended: Promise<void> }[] = [];

    beforeEach(async () => {
      installation = await kafkaInTest({ brokers: await testKafka() }, 'reference');
    });
    afterEach(async () => {
      for (const { stop } of stops) stop.abort();
      for (const { ended } of stops.splice(0)) await ended;
      await installation.close();
    });

    /** A group that applies events, but throws at those with this revision. */
    function group(name: string, refuses?: number) {
      const applied: Envelope[] = [];
      const { bus } = installation.open();
      const stop = new AbortController();
      const handle = (_: unknown, batch: readonly Envelope[]) => {
        if (batch.some((each) => each.revision === refuses)) return Promise.reject(new Error('cannot be applied'));
        applied.push(...batch);
        return Promise.resolve();
      };
      const running = { stop, ended: bus.consume(name, ['reference'], handle, { signal: stop.signal }) };
      stops.push(running);
      return { applied, bus, ...running };
    }

    test('a poison event stops its group, is told, and is passed over by a recorded command', async () => {
      const { bus } = installation.open();
      const stream = aStream();
      const events = Array.from({ length: 6 }, (_, revision) => happened(stream, revision));
      const [poisoned, other] = [group('poisoned', 3), group('other')];
      await bus.publish(events);
      await until(() => other.applied.length === 6);
      await until(async () =>
        (await consumerStatus(installation.pool, [installation.topic])).some((each) => each.stuck),
      );
      expect(idsOf(poisoned.applied)).toEqual(idsOf(events.slice(0, 3)));
      expect(await consumerStatus(installation.pool, [installation.topic])).toMatchObject([
        { name: 'other', position: '6', stuck: null },
        { name: 'poisoned', position: '3', stuck: { event: { id: events[3]!.id }, error: 'cannot be applied' } },
      ]);
      expect(installation.said).toContainEqual({
        name: 'poisoned',
        topic: 'reference',
        state: 'failing',
        error: 'cannot be applied',
        poison: { id: events[3]!.id, type: 'Happened', version: 1, stream, revision: 3 },
      });
      expect(await caughtUp(poisoned.bus, { group: 'poisoned', topics: ['reference'] })).toBe(false);
      expect(await caughtUp(other.bus, { group: 'other', topics: ['reference'] })).toBe(true);
      expect(poisoned.bus.lag()).toMatchObject([{ name: 'poisoned', oldestMs: expect.any(Number) as number }]);

      const place = { name: 'poisoned', topic: installation.topic, partition: 0, reason: 'a test' };
      expect(await skipStuckEvent(installation.pool, place)).toBe('3');
      expect(await caughtUp(poisoned.bus, { group: 'poisoned', topics: ['reference'] }, 15_000)).toBe(true);
      expect(idsOf(poisoned.applied)).toEqual(idsOf(events.filter((each) => each.revision !== 3)));
      expect(await skipStuckEvent(installation.pool, place)).toBeNull();
      const { rows } = await installation.pool.query('select name, position, reason from skipped_events');
      expect(rows).toEqual([{ name: 'poisoned', position: '3', reason: 'a test' }]);
      await until(() => installation.said.at(-1)?.state === 'running');
    });

    test('a group that is reset applies all again while it runs', async () => {
      const { bus } = installation.open();
      const events = Array.from({ length: 4 }, (_, revision) => happened(aStream(), revision));
      const one = group('one');
      await bus.publish(events);
      await until(() => one.applied.length === 4);
      expect(await resetConsumer(installation.pool, { name: 'one', topic: installation.topic })).toBe(true);
      await until(() => one.applied.length === 8);
      expect(idsOf(one.applied)).toEqual([...idsOf(events), ...idsOf(events)]);
    });

    test('a context with private content has two topics: outsiders get neither private events nor private fields', async () => {
      const brokers = await testKafka();
      const prefix = `${installation.prefix}-two`;
      const Issued = event('Issued', z.object({ secrets: z.array(z.string()) }), { isPrivate: true });
      const Sold = event('Sold', z.object({ amount: z.int(), buyer: z.string() }), { privateFields: ['buyer'] });
      const publishes = {
        context: 'admission',
        definitions: new Map<string, EventDefinition>([...definitions, ['Issued', Issued], ['Sold', Sold]]),
        topics: [
          { audience: 'internal', partitions: 1 },
          { audience: 'public', partitions: 3 },
        ],
      } as const;
      const topics = topicsOf('admission', prefix, publishes);
      expect(topics.map(({ topic }) => topic)).toEqual([`${prefix}.admission.internal`, `${prefix}.admission`]);
      const admin = kafkaClient({ brokers }).admin();
      await admin.connect();
      for (const { topic, partitions } of topics) {
        await applyTopic(admin, { topic, partitions, replicationFactor: 1, minInsyncReplicas: 1 });
      }
      await admin.disconnect();
      const { pool } = installation;
      const bus = kafkaBus({
        connection: { brokers },
        prefix,
        publishes,
        pool,
        schema: 'admission',
        onHealth: () => undefined,
      });
      const stream = aStream();
      const [first, last] = [happened(stream, 0), happened(stream, 3)];
      const issued = { ...happened(stream, 1), type: 'Issued', data: { secrets: ['s1'] } };
      const sold = { ...happened(stream, 2), type: 'Sold', data: { amount: 2, buyer: 'Anna' } };
      await bus.publish([first, issued, sold]);
      await bus.publish([last]);
      await bus.close();
      const [internal, outside] = await Promise.all(topics.map(({ topic }) => readTopic(brokers, topic)));
      await until(() => internal!.seen.length === 4 && outside!.seen.length === 3);
      expect(internal!.seen.map((each) => each.event.data)).toEqual(
        [first, issued, sold, last].map(({ data }) => data),
      );
      expect(outside!.seen.map((each) => each.event.id)).toEqual(idsOf([first, sold, last]));
      expect(outside!.seen[1]!.event.data).toEqual({ amount: 2 });
      await Promise.all([internal!.close(), outside!.close()]);
    });

    test('what waits behind a publication that failed is not published before it', async () => {
      const { bus } = installation.open();
      const stream = aStream();
      await bus.publish([happened(stream, 0)]);
      await installation.deleteTopic();
      const outcomes = await Promise.allSettled([
        bus.publish([happened(stream, 1)]),
        bus.publish([happened(stream, 2)]),
      ]);
      expect(outcomes.map((each) => each.status)).toEqual(['rejected', 'rejected']);
      await expect(bus.publish([happened(stream, 1)])).rejects.toThrow('gatehouse topics apply');
    });

    test('the topic command raises what is too low, lowers nothing, and leaves partitions alone', async () => {
      const admin = kafkaClient({ brokers: await testKafka() }).admin();
      await admin.connect();
      const prefix = `${installation.prefix}-other`;
      const plan = topicPlans('admission', { prefix, replicationFactor: 1, minInsyncReplicas: 1 })[0]!;
      await admin.createTopics({
        topics: [
          {
            topic: plan.topic,
            numPartitions: 3,
            configEntries: [
              { name: 'retention.ms', value: '1000' },
              { name: 'max.message.bytes', value: '9000000' },
              { name: 'segment.bytes', value: '1048576' },
            ],
          },
        ],
      });
      expect(await applyTopic(admin, plan)).toEqual({
        topic: plan.topic,
        created: false,
        drift: [
          { setting: 'partitions', found: '3', wanted: '12', mended: false },
          { setting: 'retention.ms', found: '1000', wanted: '-1', mended: true },
          { setting: 'max.message.bytes', found: '9000000', wanted: '8388608', mended: false },
        ],
      });
      const again = await applyTopic(admin, plan);
      expect(again.drift.map((each) => each.setting)).toEqual(['partitions', 'max.message.bytes']);
      await admin.disconnect();
    });
  });
});
