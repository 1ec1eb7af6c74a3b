import { purgeStreams } from '@gatehouse/eventing/purge';
import { relayStatus } from '@gatehouse/eventing/relay';
import { InvalidArgumentError, type Command } from 'commander';
import { counter } from '../counter';
import { Refused, type Run } from '../run-command';

const DAY_MS = 86_400_000;

/** `refusals purge`: deletes old refused scans, from which nothing is derived. */
export function refusalsCommand(program: Command, run: Run): void {
  program
    .command('refusals')
    .description('scans that were refused, or answered the same again')
    .command('purge')
    .description('delete old ones from history, while the system runs; entries, answers and lists are kept')
    .requiredOption('--older-than <days>', 'as in 90d', days)
    .action(({ olderThan }: { olderThan: number }) =>
      run(async ({ config, feeds: { admission } }) => {
        if (config.eventStore.kind !== 'postgres') {
          throw new Refused('With EVENT_STORE=eventstoredb set $maxAge on the streams admission.refusals-… instead.');
        }
        const { pool, bus, ownFeed: feed } = admission;
        // Events that are not published yet must be kept.
        const upTo = bus.isRelayed ? ((await relayStatus(pool, feed)).position ?? feed.start) : null;
        const before = new Date(Date.now() - olderThan * DAY_MS);
        const shown = counter('Deleting refusals', 'events');
        const deleted = await purgeStreams(pool, { prefix: 'refusals-', before, upTo }, shown.set);
        shown.done(`Deleted ${deleted} events of refused scans from before ${before.toISOString().slice(0, 10)}.`);
      }),
    );
}

function days(text: string): number {
  const [, number] = /^(\d{1,5})d$/.exec(text) ?? [];
  if (number === undefined || Number(number) < 1) throw new InvalidArgumentError('It is a number of days, as 90d.');
  return Number(number);
}
