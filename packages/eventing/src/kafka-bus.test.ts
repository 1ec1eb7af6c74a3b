import { describeWithKafka, testKafka } from '@gatehouse/test-support/kafka';
import { eventBusContract } from './bus-contract';
import { kafkaInTest } from './kafka-in-test';

describeWithKafka('the bus on Kafka', () => {
  for (const context of ['reference', 'admission'] as const) {
    eventBusContract(`Kafka, topic of ${context}`, async () => {
      const installation = await kafkaInTest({ brokers: await testKafka() }, context);
      const { bus } = installation.open();
      return {
        topic: context,
        publish: (events) => bus.publish(events),
        consumer: () => Promise.resolve(installation.open()),
        close: () => installation.close(),
      };
    });
  }
});
