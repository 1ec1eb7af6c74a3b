import { ignoreForeignSettings, readConfig } from '@gatehouse/service/config';
import { sentenceOf } from '@gatehouse/service/run-main';
import { Command } from 'commander';
import { batchCommands } from './commands/batch';
import { consumerCommands } from './commands/consumer';
import { deviceCommand } from './commands/device';
import { droidKeyCommand } from './commands/droid-key';
import { eventsCommand } from './commands/events';
import { importCommand } from './commands/import';
import { listsCommand } from './commands/lists';
import { readModelCommands } from './commands/read-models';
import { refusalsCommand } from './commands/refusals';
import { relayCommands } from './commands/relay';
import { tokenCommand } from './commands/token';
import { topicsCommand } from './commands/topics';
import { undoCommand } from './commands/undo';
import { Refused, runWith } from './run-command';

/* `npm run gatehouse -- <command>`: the administration of an installation. */

// The reader of the output may close it early; the command continues.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);

ignoreForeignSettings();

const program = new Command('gatehouse')
  .description(
    'Commands for a Gatehouse installation, running or not. Settings as in the README, from the environment.',
  )
  .showHelpAfterError();
const run = runWith(() => readConfig());
for (const command of [
  importCommand,
  tokenCommand,
  deviceCommand,
  droidKeyCommand,
  listsCommand,
  undoCommand,
  eventsCommand,
  readModelCommands,
  topicsCommand,
  relayCommands,
  refusalsCommand,
  consumerCommands,
  batchCommands,
]) {
  command(program, run);
}

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Refused ? error.message : sentenceOf(error)}\n`);
  process.exitCode = 1;
});
