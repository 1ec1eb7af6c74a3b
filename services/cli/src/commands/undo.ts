import { findListById } from '@gatehouse/admission/lists';
import { ticketFinder } from '@gatehouse/admission/tickets/find';
import { allDatesOf } from '@gatehouse/admission/tickets/query';
import type { Command } from 'commander';
import { wholeNumber } from '../arguments';
import { Refused, type Run } from '../run-command';

/** Ids are 32-bit integers; those of tickets of batches begin at 1,000,000,000. */
const MOST = 2 ** 31 - 1;

/** `undo`: takes one check-in back, so that the ticket may enter by that list again. */
export function undoCommand(program: Command, run: Run): void {
  program
    .command('undo')
    .description('take one check-in back: the ticket may enter by that list again')
    .argument('<ticket>', 'secret or id of the position')
    .requiredOption('--list <id>', 'the check-in list', wholeNumber)
    .requiredOption('--reason <text>', 'why; it becomes history')
    .action((ticket: string, { list, reason }: { list: number; reason: string }) =>
      run(async ({ admission }) => {
        const known = await findListById(admission.pool, list);
        if (!known) throw new Refused(`There is no check-in list ${list}.`);
        const { organizer, event } = known.fields;
        const isSeries = admission.catalog.festival(organizer, event)?.fact.has_subevents === true;
        const query = {
          list: known,
          allDates: allDatesOf(known, isSeries),
          ignoreStatus: true,
          ignoreProducts: true,
          where: {},
          ordering: [],
        };
        const id = /^\d{1,10}$/.test(ticket) && Number(ticket) <= MOST ? Number(ticket) : null;
        const one = await ticketFinder(admission.pool).named(query, { id, secret: ticket });
        if (!one) throw new Refused('No ticket of that event and date has this secret or id.');
        const undone = await admission.gate.undo(
          one,
          { list: known.fields, reason },
          { actor: 'cli:undo', trace: null },
        );
        if (!undone) throw new Refused(`Ticket ${one.id} has no check-in on "${known.fields.name}".`);
        process.stdout.write(`The check-in of ticket ${one.id} on "${known.fields.name}" was taken back.\n`);
      }),
    );
}
