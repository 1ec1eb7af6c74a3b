import { createDroidKey, droidSetUp, listDroidKeys, revoke } from '@gatehouse/reference/credentials';
import { Option, type Command } from 'commander';
import { ids, wholeNumber } from '../arguments';
import { refusing, revoked, table, untilApplied } from '../credential-output';
import type { Run } from '../run-command';
import type { Session } from '../session';
import { addressForPhones } from '../address-for-phones';
import { requireFolders, showSetUp, withCodeOptions, type CodeOptions } from '../set-up-code';

type CreateOptions = CodeOptions & {
  organizer: string;
  event: string;
  list: number;
  date?: number;
  items?: number[];
  search: boolean;
  info: boolean;
  app: string;
};

/** `droid-key create|list|revoke`: keys for the old scanner apps (contract §3.1). */
export function droidKeyCommand(program: Command, run: Run): void {
  const key = program.command('droid-key').description('keys for the old scanner apps pretixdroid and pretixdesk');
  withCodeOptions(key.command('create'))
    .description('make a key and show what the app is set up with, once: as JSON, and as a QR code to scan')
    .requiredOption('--organizer <slug>', 'whose event it is')
    .requiredOption('--event <slug>', 'the event')
    .requiredOption('--list <id>', 'the check-in list', wholeNumber)
    .option('--date <id>', 'the date of a series, for a list without a date', wholeNumber)
    .option('--items <ids>', 'comma separated: only tickets of these products get in; without it all of the list', ids)
    .option('--no-search', 'the app may not search')
    .option('--no-info', 'the app shows no numbers')
    .addOption(new Option('--app <name>', 'the app').choices(['pretixdroid', 'pretixdesk']).default('pretixdroid'))
    .action((options: CreateOptions) => run((session) => createKey(session, options)));
  key
    .command('list')
    .description('all keys, without their secrets')
    .action(() =>
      run(async ({ reference }) => {
        const keys = (await listDroidKeys(reference)).map(({ fact }) => fact).sort((a, b) => a.id - b.id);
        process.stdout.write(
          table(
            ['id', 'organizer', 'event', 'list', 'active', 'products', 'search', 'app'],
            keys.map((fact) => [
              String(fact.id),
              fact.organizer,
              fact.event,
              String(fact.list),
              fact.active ? 'yes' : 'no',
              fact.all_items ? 'all' : fact.items.join(','),
              fact.allow_search ? 'yes' : 'no',
              fact.app,
            ]),
          ),
        );
      }),
    );
  key
    .command('revoke')
    .description('end a key at once, for good: an import does not revive it')
    .argument('<id>', 'as "droid-key list" shows it', wholeNumber)
    .action((id: number) =>
      run(async (session) => {
        revoked(`droid key ${id}`, await revoke(session.reference, 'DroidKeyStated', `droidkey-${id}`));
        await untilApplied(session);
      }),
    );
}

async function createKey(session: Session, options: CreateOptions): Promise<void> {
  const { url: baseUrl, doubt } = addressForPhones(session.config, options.url);
  await requireFolders(options);
  const { organizer, event, list, app } = options;
  const key = {
    organizer,
    event,
    list,
    all_items: options.items === undefined,
    items: options.items ?? [],
    allow_search: options.search,
    show_info: options.info,
    app,
  };
  const { id, secret, subevent } = await refusing(createDroidKey(session.reference, key, options.date ?? null));
  process.stderr.write(`Droid key ${id}; what the app is set up with is not shown again:\n`);
  await showSetUp(droidSetUp({ ...key, baseUrl, secret, subevent }), options);
  if (doubt !== null) process.stderr.write(`${doubt}\n`);
  await untilApplied(session);
}
