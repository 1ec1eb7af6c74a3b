import { ConfigError, readConfig } from '@gatehouse/service/config';
import { Command } from 'commander';
import { eventsCommand } from './commands/events';
import { readModelCommands } from './commands/read-models';
import { undoCommand } from './commands/undo';
import { Refused, runWith } from './run-command';

/* `npm run gatehouse -- <command>`: everything that is done to an installation by hand. */

const program = new Command('gatehouse')
  .description('Commands for a Gatehouse installation, running or not. Settings as in the README, from the environment.')
  .showHelpAfterError();
const run = runWith(() => readConfig());
undoCommand(program, run);
readModelCommands(program, run);
eventsCommand(program, run);

program.parseAsync().catch((error: unknown) => {
  const told = error instanceof Refused || error instanceof ConfigError;
  process.stderr.write(`${told ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
