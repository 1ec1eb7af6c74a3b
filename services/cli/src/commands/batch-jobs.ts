import { batchStream } from '@gatehouse/events/sales';
import { failBatch } from '@gatehouse/domain/batch';
import { batchStreams } from '@gatehouse/sales/batch-streams';
import { latestJobs } from '@gatehouse/sales/batches/find';
import type { Command } from 'commander';
import { uuid, wholeNumber } from '../arguments';
import { Refused, type Run } from '../run-command';

/** `batch list` and `batch cancel`: the jobs that make batches. They need the database, not a running Gatehouse. */
export function batchJobCommands(batch: Command, run: Run): void {
  batch
    .command('list')
    .description('the newest batches, and how far they are')
    .option('--limit <n>', 'how many', wholeNumber, 20)
    .action(({ limit }: { limit: number }) =>
      run(async ({ feeds }) => {
        for (const each of await latestJobs(feeds.sales.pool, limit)) {
          const end = each.message === null ? each.status : `${each.status}: ${each.message}`;
          const about = `${each.creation}  ${each.event}  ${each.amount} of product ${each.item}`;
          process.stdout.write(`${each.job}  batch ${each.id}  ${about}  ${end}\n`);
        }
      }),
    );

  batch
    .command('cancel')
    .description('end a batch that has no tickets yet; the places that it has taken are returned')
    .argument('<job>', 'its UUID, as "batch list" has it', uuid)
    .option('--reason <text>', 'why; whoever has ordered it is told', 'The batch was canceled.')
    .action((job: string, { reason }: { reason: string }) =>
      run(async ({ feeds }) => {
        const command = { actor: 'cli:batch-cancel', trace: null };
        const { result } = await batchStreams(feeds.sales.own).transact(batchStream(job), failBatch(reason), command);
        if (result.status === 'unknown') throw new Refused(`There is no batch with the job ${job}.`);
        if (result.status === 'created') throw new Refused('Its tickets exist, and are valid.');
        process.stdout.write(
          result.changed
            ? 'The batch is canceled. A running Gatehouse returns the places that it has taken.\n'
            : 'The batch has failed already.\n',
        );
      }),
    );
}
