import { purgeStreams } from '@gatehouse/eventing/purge';
import { relayStatus } from '@gatehouse/eventing/relay';
import { InvalidArgumentError, type Command } from 'commander';
import { counter } from '../counter';
import { Refused, type Run } from '../run-command';

const DAY_MS = 86_400_000;

/** The contexts that record refusals in streams of their own. */
const REFUSING = ['admission', 'inventory'] as const;

/** `refusals purge`: deletes old refusals of scans and reservations, from which nothing is derived. */
export function refusalsCommand(program: Command, run: Run): void {
  program
    .command('refusals')
    .description('scans and reservations that were refused, and scans that were answered the same again')
    .command('purge')
    .description('delete old ones from history, while the system runs; everything else is kept')
    .requiredOption('--older-than <days>', 'as in 90d', days)
    .action(({ olderThan }: { olderThan: number }) =>
      run(async ({ config, feeds }) => {
        if (config.eventStore.kind !== 'postgres') {
          throw new Refused(
            'With EVENT_STORE=eventstoredb set $maxAge on the streams admission.refusals-… and inventory.refusals-… instead.',
          );
        }
        const before = new Date(Date.now() - olderThan * DAY_MS);
        const shown = counter('Deleting refusals', 'events');
        let deleted = 0;
        for (const context of REFUSING) {
          const { pool, bus, ownFeed: feed } = feeds[context];
          // Events that are not published yet must be kept.
          const upTo = bus.isRelayed ? ((await relayStatus(pool, feed)).position ?? feed.start) : null;
          const range = { prefix: 'refusals-', before, upTo };
          deleted += await purgeStreams(pool, range, (some) => shown.set(deleted + some));
        }
        shown.done(`Deleted ${deleted} events of refusals from before ${before.toISOString().slice(0, 10)}.`);
      }),
    );
}

function days(text: string): number {
  const [, number] = /^(\d{1,5})d$/.exec(text) ?? [];
  if (number === undefined || Number(number) < 1) throw new InvalidArgumentError('It is a number of days, as 90d.');
  return Number(number);
}
