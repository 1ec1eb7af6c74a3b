import {
  consumerStatus,
  resetConsumer,
  skipEvent,
  skipStuckEvent,
  stuckAt,
  standing,
} from '@gatehouse/eventing/consumer-admin';
import { InvalidArgumentError, type Command } from 'commander';
import { wholeNumber } from '../arguments';
import { Refused, type Run } from '../run-command';
import type { Session } from '../session';

/** `consumer status`, `reset` and `skip`: how far admission's projections and its consumers of other contexts' events are. */
export function consumerCommands(program: Command, run: Run): void {
  const consumer = program.command('consumer').description('what applies events: projections and subscribers');

  consumer
    .command('status')
    .description('the checkpoints, and the events at which a consumer stands still')
    .action(() =>
      run(async ({ feeds }) => {
        const { isRelayed } = feeds.bus;
        for (const { name, topic, partition, position, stuck } of await consumerStatus(feeds.pool, feeds.topics)) {
          const isOnKafka = isRelayed && topic !== feeds.schema;
          const place = isOnKafka ? `, partition ${partition}: applied up to offset` : ': applied up to position';
          process.stdout.write(`${name} of ${topic}${place} ${position}\n`);
          if (!stuck) continue;
          const { since, error } = stuck;
          process.stdout.write(
            `  stands still since ${since} at ${stuckAt(stuck)}, position ${stuck.position}: ${error}\n`,
          );
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
        const feed = [...feeds.feeds.values()].find((each) => each.topic === topic);
        if (!feed || !(await resetConsumer(feeds.pool, { name, topic }, feed.start)))
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
    .option('--event <id>', 'another event: one at which `rebuild` or `verify` ends', uuid)
    .requiredOption('--reason <text>', 'why; it is kept with the event')
    .action((name: string, asked: Asked) => run((session) => skip(session, name, asked)));
}

type Asked = {
  readonly topic?: string;
  readonly partition?: number;
  readonly event?: string;
  readonly reason: string;
};

async function skip({ feeds }: Session, name: string, { topic, partition, event, reason }: Asked): Promise<void> {
  const found = standing(await consumerStatus(feeds.pool, feeds.topics)).filter(
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
  if (place) {
    const skipped = await skipStuckEvent(feeds.pool, { name, topic: place.topic, partition: place.partition, reason });
    if (skipped === null) throw new Refused(`The consumer ${name} does not stand still any more.`);
    process.stdout.write(`The consumer ${name} passes over ${stuckAt(place.stuck)}, position ${skipped}.\n`);
    return;
  }
  if (event === undefined) {
    throw new Refused(`The consumer ${name} does not stand still${topic === undefined ? '' : ` in ${topic}`}.`);
  }
  const known = (await consumerStatus(feeds.pool, feeds.topics)).find((each) => each.name === name);
  if (!known) throw new Refused(`There is no consumer ${name}; "consumer status" names them.`);
  const isNew = await skipEvent(feeds.pool, { name, topic: topic ?? known.topic, id: event, reason });
  process.stdout.write(
    isNew
      ? `The event ${event} is never applied to ${name} again. What was applied of it stays until "rebuild ${name}".\n`
      : `The event ${event} is passed over by ${name} already.\n`,
  );
}

function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new InvalidArgumentError('It is a UUID.');
  return text.toLowerCase();
}
