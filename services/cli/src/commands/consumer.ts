import { resetConsumer, consumerStatus, skipStuckEvent } from '@gatehouse/eventing/consumer-admin';
import type { Command } from 'commander';
import { Refused, type Run } from '../run-command';

/** `consumer status`, `reset` and `skip`: how far admission's consumers of other contexts' events on Kafka are. */
export function consumerCommands(program: Command, run: Run): void {
  const consumer = program.command('consumer').description('what applies other contexts’ events from Kafka');

  consumer
    .command('status')
    .description('the checkpoints, and the events at which a consumer stands still')
    .action(() =>
      run(async ({ feeds }) => {
        for (const { name, topic, partition, position, stuck } of await consumerStatus(feeds.pool)) {
          process.stdout.write(`${name} of ${topic}, partition ${partition}: applied up to offset ${position}\n`);
          if (!stuck) continue;
          const { type, id } = stuck.event as { type?: string; id?: string };
          const which = id === undefined ? 'a message that is no event' : `${type} ${id}`;
          process.stdout.write(`  stands still since ${stuck.since} at ${which}: ${stuck.error}\n`);
        }
      }),
    );

  consumer
    .command('reset')
    .description('apply a topic again from its beginning; accepts the topic as it is now')
    .argument('<consumer>', 'as in `consumer status`')
    .requiredOption('--topic <topic>', 'as in `consumer status`')
    .action((name: string, { topic }: { topic: string }) =>
      run(async ({ feeds }) => {
        const reset = await resetConsumer(feeds.pool, { name, topic });
        if (!reset) throw new Refused(`No consumer ${name} has ever read ${topic}.`);
        process.stdout.write(`The consumer ${name} applies ${topic} again from its beginning.\n`);
      }),
    );

  consumer
    .command('skip')
    .description('pass over the event at which a consumer stands still; it is recorded, and never applied')
    .argument('<consumer>', 'as in `consumer status`')
    .requiredOption('--topic <topic>', 'as in `consumer status`')
    .requiredOption('--partition <n>', 'as in `consumer status`', Number)
    .requiredOption('--reason <text>', 'why; it is kept with the event')
    .action((name: string, asked: { topic: string; partition: number; reason: string }) =>
      run(async ({ feeds }) => {
        const skipped = await skipStuckEvent(feeds.pool, { name, ...asked });
        if (!skipped)
          throw new Refused(
            `The consumer ${name} does not stand still in partition ${asked.partition} of ${asked.topic}.`,
          );
        process.stdout.write(`The consumer ${name} goes on after offset ${skipped}.\n`);
      }),
    );
}
