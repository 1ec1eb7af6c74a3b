import { cloudEvent, mayRead } from '@gatehouse/eventing/cloud-events';
import { CONTEXT_NAMES, contextRow, type Context } from '@gatehouse/events/contexts';
import { Option, type Command } from 'commander';
import type { Run } from '../run-command';

type Asked = { follow?: true; type?: string[]; topic: Context; ndjson?: true };

/**
 * `events`: a context's history, one CloudEvent in JSON per line, as on its topic, without private fields
 * (docs/analytics.md).
 */
export function eventsCommand(program: Command, run: Run): void {
  program
    .command('events')
    .description(
      'print the history, one JSON per line, as on the topic: names, e-mails, answers and secrets are left out',
    )
    .option('--follow', 'go on with events as they happen, until Ctrl-C')
    .option('--type <type...>', 'only events of these types')
    .addOption(new Option('--topic <context>', 'whose history').choices(CONTEXT_NAMES).default('admission'))
    .option('--ndjson', 'one JSON per line, which is the only format')
    .action((asked: Asked) =>
      run(async ({ feeds }, interrupted) => {
        const feed = feeds[asked.topic].ownFeed;
        const stop = new AbortController();
        interrupted.addEventListener('abort', () => stop.abort());
        process.stdout.once('error', () => stop.abort());
        const { definitions } = contextRow(asked.topic);
        const published = { context: asked.topic, definitions, audience: 'public' } as const;
        const wanted = asked.type && new Set(asked.type);
        const end = asked.follow ? undefined : await feed.head();
        if (end !== undefined && !feed.before(feed.start, end)) return;
        for await (const batch of feed.follow(feed.start, stop.signal)) {
          const lines = batch.events
            .filter((event) => (!wanted || wanted.has(event.type)) && mayRead(event, published))
            .map((event) => `${cloudEvent(event, published)}\n`);
          // Waits for a slow reader of the output.
          if (lines.length > 0 && !process.stdout.write(lines.join(''))) {
            await new Promise((resolve) => process.stdout.once('drain', resolve));
          }
          if (end !== undefined && !feed.before(batch.position, end)) return;
        }
      }),
    );
}
