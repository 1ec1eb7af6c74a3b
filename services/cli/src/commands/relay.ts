import type { Context } from '@gatehouse/events/envelope';
import { topicName } from '@gatehouse/eventing/kafka-topics';
import { relayStatus, rewindRelay } from '@gatehouse/eventing/relay';
import { Argument, InvalidArgumentError, type Command } from 'commander';
import { Refused, type Run } from '../run-command';
import type { Session } from '../session';
import type { KafkaOf } from './topics';

const CONTEXTS: readonly Context[] = ['reference', 'admission'];

/** `relay status` and `relay rewind`: how far a context's events are on Kafka, and publishing them again. */
export function relayCommands(program: Command, run: Run, kafkaOf: KafkaOf): void {
  const relay = program.command('relay').description('what publishes a context’s events to Kafka');

  relay
    .command('status')
    .description('how far each context is published, and the age of the oldest event that is not')
    .action(() =>
      run(async (session) => {
        needKafka(kafkaOf);
        for (const context of CONTEXTS) {
          const { store, pool } = historyOf(session, context);
          const { position, head, oldest } = await relayStatus(pool, { ...store, topic: context });
          const age = oldest === null ? 0 : Math.max(0, Math.round((Date.now() - Date.parse(oldest)) / 1_000));
          const waiting = oldest === null ? 'everything is published' : `the oldest unpublished event is ${age} s old`;
          process.stdout.write(`${context}: published to ${position ?? 'nothing yet'} of ${head}, ${waiting}\n`);
        }
      }),
    );

  relay
    .command('rewind')
    .description('publish again from a position on; accepts the topic as it is now. Readers get events a second time')
    .addArgument(new Argument('<context>', 'whose events').choices(CONTEXTS))
    .option('--to <position>', 'the last event that is not published again; default: from the first event on', position)
    .action((context: Context, { to }: { to?: string }) =>
      run(async (session) => {
        const kafka = needKafka(kafkaOf);
        const { store, pool } = historyOf(session, context);
        const feed = { ...store, topic: context };
        const head = await store.head();
        if (to !== undefined && store.before(head, to)) throw new Refused(`The newest event is at ${head}.`);
        await rewindRelay(pool, { feed, topic: topicName(context, kafka.prefix), ...(to === undefined ? {} : { to }) });
        process.stdout.write(
          `The relay of ${context} publishes again after ${to ?? 'nothing: from the first event on'}.\n`,
        );
      }),
    );
}

function needKafka(kafkaOf: KafkaOf): NonNullable<ReturnType<KafkaOf>> {
  const kafka = kafkaOf();
  if (!kafka)
    throw new Refused('The event bus is PostgreSQL: there is no relay. Kafka is chosen with EVENT_BUS=kafka.');
  return kafka;
}

function historyOf({ feeds }: Session, context: Context) {
  return context === 'reference'
    ? { store: feeds.reference, pool: feeds.referencePool }
    : { store: feeds.own, pool: feeds.pool };
}

function position(text: string): string {
  if (!/^\d{1,18}$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return text.replace(/^0+(?=\d)/, '');
}
