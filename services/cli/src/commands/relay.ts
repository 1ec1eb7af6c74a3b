import { CONTEXT_NAMES, type Context } from '@gatehouse/events/contexts';
import { topicsOf } from '@gatehouse/eventing/kafka-topics';
import { relayStatus, rewindRelay } from '@gatehouse/eventing/relay';
import { Argument, InvalidArgumentError, type Command } from 'commander';
import { Refused, type Run } from '../run-command';
import { kafkaOf } from './topics';

/** `relay status` and `relay rewind`: show how far a context's events are published, and publish them again. */
export function relayCommands(program: Command, run: Run): void {
  const relay = program.command('relay').description('what publishes a context’s events to Kafka');

  relay
    .command('status')
    .description('how far each context is published, and the age of the oldest event that is not')
    .action(() =>
      run(async ({ config, feeds }) => {
        kafkaOf(config);
        for (const context of CONTEXT_NAMES) {
          const { pool, ownFeed } = feeds[context];
          const { position, head, oldest } = await relayStatus(pool, ownFeed);
          const age = oldest === null ? 0 : Math.max(0, Math.round((Date.now() - Date.parse(oldest)) / 1_000));
          const waiting = oldest === null ? 'everything is published' : `the oldest unpublished event is ${age} s old`;
          process.stdout.write(`${context}: published to ${position ?? 'nothing yet'} of ${head}, ${waiting}\n`);
        }
      }),
    );

  relay
    .command('rewind')
    .description('publish again from a position on; accepts the topic as it is now. Readers get events a second time')
    .addArgument(new Argument('<context>', 'whose events').choices(CONTEXT_NAMES))
    .option('--to <position>', 'the last event that is not published again; default: from the first event on', position)
    .action((context: Context, { to }: { to?: string }) =>
      run(async ({ config, feeds }) => {
        const kafka = kafkaOf(config);
        const { pool, ownFeed: feed } = feeds[context];
        const head = await feed.head();
        if (to !== undefined && feed.before(head, to)) throw new Refused(`The newest event is at ${head}.`);
        const topics = topicsOf(context, kafka.prefix).map(({ topic }) => topic);
        await rewindRelay(pool, { feed, topics, ...(to === undefined ? {} : { to }) });
        process.stdout.write(
          `The relay of ${context} publishes again, ${to === undefined ? 'from the first event on' : `what follows ${to}`}.\n`,
        );
      }),
    );
}

/** An integer on PostgreSQL, commit and prepare position on EventStoreDB. */
function position(text: string): string {
  if (!/^\d{1,19}(\/\d{1,19})?$/.test(text)) throw new InvalidArgumentError('It is a position as in `events`.');
  return text.replace(/^0+(?=\d)/, '');
}
