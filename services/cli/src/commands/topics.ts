import { CONTEXT_NAMES } from '@gatehouse/events/contexts';
import { disconnected, kafkaClient } from '@gatehouse/eventing/kafka-client';
import { applyTopic, topicPlans } from '@gatehouse/eventing/kafka-topics';
import { readConfig, type Config, type KafkaSettings } from '@gatehouse/service/config';
import type { Command } from 'commander';
import { Refused } from '../run-command';

/** The Kafka settings; refused if the bus is not Kafka. */
export function kafkaOf({ eventBus }: Config): KafkaSettings {
  if (eventBus.kind === 'kafka') return eventBus;
  throw new Refused(
    'The event bus is PostgreSQL: there are no topics and no relay. Kafka is chosen with EVENT_BUS=kafka.',
  );
}

/** `topics apply`: creates topics or checks them (design §8). */
export function topicsCommand(program: Command): void {
  program
    .command('topics')
    .description("Kafka's topics")
    .command('apply')
    .description('make the topics and check their settings: raises what is too low, lowers nothing, shows what differs')
    .action(async () => {
      const settings = kafkaOf(readConfig());
      const admin = kafkaClient(settings.connection).admin();
      try {
        await admin.connect();
        let left = 0;
        for (const plan of CONTEXT_NAMES.flatMap((context) => topicPlans(context, settings))) {
          const { created, drift } = await applyTopic(admin, plan);
          if (created) {
            const copies = `${plan.replicationFactor} of which ${plan.minInsyncReplicas} must have an event`;
            print(`${plan.topic}: made, partitions: ${plan.partitions}, replicas: ${copies}`);
          } else if (drift.length === 0) print(`${plan.topic}: as it should be`);
          for (const { setting, found, wanted, mended } of drift) {
            if (!mended) left++;
            print(`${plan.topic}: ${setting} was ${found}, wanted ${wanted}${mended ? ': set' : ': left as it is'}`);
          }
        }
        if (left > 0)
          print('What was left is not for this command to change: it lowers nothing and moves no partitions.');
      } finally {
        await disconnected(admin);
      }
    });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
