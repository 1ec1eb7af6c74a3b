import { listsOf } from '@gatehouse/admission/lists';
import type { Command } from 'commander';
import { table } from '../credential-output';
import { Refused, type Run } from '../run-command';

type ListsOptions = { organizer?: string; event?: string };

/** `lists`: the check-in lists with their ids, which other commands and integrations name. */
export function listsCommand(program: Command, run: Run): void {
  program
    .command('lists')
    .description('all check-in lists, with the ids that --list of other commands takes')
    .option('--organizer <slug>', 'only of this organizer')
    .option('--event <slug>', 'only of this event')
    .action((options: ListsOptions) =>
      run(async ({ admission, feeds }) => {
        await feeds.admission.ownIsApplied(WAIT_MS);
        const festivals = admission.catalog
          .festivals()
          .filter(({ fact }) => (options.organizer ?? fact.organizer) === fact.organizer)
          .filter(({ fact }) => (options.event ?? fact.event) === fact.event)
          .sort((a, b) => (a.key < b.key ? -1 : 1));
        if (festivals.length === 0 && (options.organizer ?? options.event) !== undefined) {
          const known = admission.catalog.festivals().map(({ key }) => key);
          throw new Refused(`There is no such event; known are: ${known.sort().join(', ')}.`);
        }
        const rows: string[][] = [];
        for (const { fact, key, dates } of festivals) {
          const lists = (await listsOf(admission.pool, key)).sort((a, b) => a.id - b.id);
          for (const { id, fields } of lists) {
            const date = fields.subevent === null ? undefined : dates.get(fields.subevent);
            rows.push([
              fact.organizer,
              fact.event,
              String(id),
              fields.name,
              fields.all_products ? 'all' : fields.limit_products.join(','),
              date ? `${date.id} (${date.date_from})` : fact.has_subevents ? 'none' : '',
            ]);
          }
        }
        process.stdout.write(table(['organizer', 'event', 'id', 'name', 'products', 'date'], rows));
      }),
    );
}

/** A running process applies what was changed just now within milliseconds; without one there is nothing to wait for. */
const WAIT_MS = 500;
