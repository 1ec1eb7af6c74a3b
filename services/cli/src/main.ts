import { ConfigError, readConfig } from '@gatehouse/service/config';
import { Command } from 'commander';
import { consumerCommands } from './commands/consumer';
import { deviceCommand } from './commands/device';
import { droidKeyCommand } from './commands/droid-key';
import { eventsCommand } from './commands/events';
import { importCommand } from './commands/import';
import { readModelCommands } from './commands/read-models';
import { relayCommands } from './commands/relay';
import { tokenCommand } from './commands/token';
import { topicsCommand } from './commands/topics';
import { undoCommand } from './commands/undo';
import { Refused, runWith } from './run-command';

/* `npm run gatehouse -- <command>`: everything that is done to an installation by hand. */

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
  undoCommand,
  eventsCommand,
  readModelCommands,
  topicsCommand,
  relayCommands,
  consumerCommands,
]) {
  command(program, run);
}

program.parseAsync().catch((error: unknown) => {
  const told = error instanceof Refused || error instanceof ConfigError;
  process.stderr.write(`${told ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
