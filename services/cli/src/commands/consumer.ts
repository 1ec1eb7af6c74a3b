import {
  consumerStatus,
  resetConsumer,
  skipEvent,
  skipStuckEvent,
  stuckAt,
  stuckConsumers,
  type ConsumerStatus,
} from '@gatehouse/eventing/consumer-admin';
import { CONTEXT_NAMES, type Context } from '@gatehouse/events/contexts';
import type { Feeds } from '@gatehouse/service/feeds';
import { Option, type Command } from 'commander';
import { uuid, wholeNumber } from '../arguments';
import { Refused, type Run } from '../run-command';
import type { Session } from '../session';

/** `consumer status`, `reset` and `skip`: checkpoints of projections and consumers of all contexts. */
export function consumerCommands(program: Command, run: Run): void {
  const consumer = program.command('consumer').description('what applies events: projections and subscribers');

  consumer
    .command('status')
    .description('the checkpoints, and the events at which a consumer stands still')
    .action(() =>
      run(async ({ feeds }) => {
        const contexts = [];
        for (const context of CONTEXT_NAMES) {
          const consumers = await consumerStatus(feeds[context].pool, feeds[context].topics);
          if (consumers.length > 0) contexts.push({ feeds: feeds[context], consumers });
        }
        for (const each of contexts) {
          if (contexts.length > 1) process.stdout.write(`Context ${each.feeds.schema}:\n`);
          printStatus(each.feeds, each.consumers);
        }
      }),
    );

  consumer
    .command('reset')
    .description('apply a topic again from its beginning; accepts the topic as it is now')
    .argument('<consumer>', 'as in `consumer status`')
    .requiredOption('--topic <topic>', 'as in `consumer status`')
    .addOption(contextOption())
    .action((name: string, asked: { topic: string; context?: Context }) =>
      run(async (session) => {
        const { topic } = asked;
        const feeds = await feedsOf(session, name, asked);
        const feed = [...(feeds?.feeds.values() ?? [])].find((each) => each.topic === topic);
        if (!feeds || !feed || !(await resetConsumer(feeds.pool, { name, topic }, feed.start)))
          throw new Refused(`No consumer ${name} has ever read ${topic}.`);
        process.stdout.write(`The consumer ${name} applies ${topic} again from its beginning.\n`);
      }),
    );

  consumer
    .command('skip')
    .description('pass over the event at which a consumer stands still; it is recorded, and never applied')
    .argument('<consumer>', 'as in `consumer status`')
    .option('--topic <topic>', 'as in `consumer status`, where it stands still in several')
    .option('--partition <n>', 'likewise', wholeNumber)
    .addOption(contextOption())
    .option('--event <id>', 'another event: one at which `rebuild` or `verify` ends', uuid)
    .requiredOption('--reason <text>', 'why; it is kept with the event')
    .action((name: string, asked: Asked) => run((session) => skip(session, name, asked)));
}

function printStatus({ schema, bus }: Feeds, consumers: readonly ConsumerStatus[]): void {
  for (const { name, topic, partition, position, stuck } of consumers) {
    const isOnKafka = bus.isRelayed && topic !== schema;
    const place = isOnKafka ? `, partition ${partition}: applied up to offset` : ': applied up to position';
    process.stdout.write(`${name} of ${topic}${place} ${position}\n`);
    if (!stuck) continue;
    const { since, error } = stuck;
    process.stdout.write(`  stands still since ${since} at ${stuckAt(stuck)}, position ${stuck.position}: ${error}\n`);
  }
}

const contextOption = () =>
  new Option('--context <context>', 'whose consumer, where several have one of that name').choices(CONTEXT_NAMES);

/** The feeds of the context that has the named consumer; undefined when none has. */
async function feedsOf(
  { feeds }: Session,
  name: string,
  { topic, context }: Pick<Asked, 'topic' | 'context'>,
): Promise<Feeds | undefined> {
  const found: Feeds[] = [];
  for (const each of CONTEXT_NAMES.filter((one) => context === undefined || one === context)) {
    const consumers = await consumerStatus(feeds[each].pool, feeds[each].topics);
    const isThere = consumers.some((one) => one.name === name && (topic === undefined || one.topic === topic));
    if (isThere) found.push(feeds[each]);
  }
  if (found.length > 1) {
    const names = found.map((each) => `--context ${each.schema}`).join(', ');
    throw new Refused(`Several contexts have a consumer ${name}: name one of ${names}.`);
  }
  return found[0];
}

type Asked = {
  readonly context?: Context;
  readonly topic?: string;
  readonly partition?: number;
  readonly event?: string;
  readonly reason: string;
};

async function skip(session: Session, name: string, asked: Asked): Promise<void> {
  const { context, topic, partition, event, reason } = asked;
  const feeds = await feedsOf(session, name, context === undefined ? {} : { context });
  const consumers = feeds ? await consumerStatus(feeds.pool, feeds.topics) : [];
  const found = stuckConsumers(consumers).filter(
    (each) =>
      each.name === name &&
      (topic === undefined || each.topic === topic) &&
      (partition === undefined || each.partition === partition) &&
      (event === undefined || each.stuck.event.id === event),
  );
  if (found.length > 1) {
    const places = found.map((each) => `--topic ${each.topic} --partition ${each.partition}`);
    throw new Refused(`The consumer ${name} stands still in several places: name one of ${places.join(', ')}.`);
  }
  const [place] = found;
  if (feeds && place) {
    const skipped = await skipStuckEvent(feeds.pool, { name, topic: place.topic, partition: place.partition, reason });
    if (skipped === null) throw new Refused(`The consumer ${name} does not stand still any more.`);
    process.stdout.write(`The consumer ${name} passes over ${stuckAt(place.stuck)}, position ${skipped}.\n`);
    return;
  }
  if (event === undefined) {
    throw new Refused(`The consumer ${name} does not stand still${topic === undefined ? '' : ` in ${topic}`}.`);
  }
  const known = consumers.find((each) => each.name === name);
  if (!feeds || !known) throw new Refused(`There is no consumer ${name}; "consumer status" names them.`);
  const isNew = await skipEvent(feeds.pool, { name, topic: topic ?? known.topic, id: event, reason });
  process.stdout.write(
    isNew
      ? `The event ${event} is never applied to ${name} again. What was applied of it stays until "rebuild ${name}".\n`
      : `The event ${event} is passed over by ${name} already.\n`,
  );
}
