import { ignoreForeignSettings, readConfig, type Config } from './config';
import { createLog, described, type Log } from './log';
import { onStop } from './stop-signals';

/** What a main works with. */
export type Main = {
  readonly config: Config;
  readonly log: Log;
  /** Work for the end of the process; what was opened last is left first. */
  atStop(work: () => Promise<void>): void;
};

/** What is not finished by then is what an outage of a broker or a database holds up: it is repeated, never lost. */
const STOP_MS = 25_000;

/** Tells a person something on standard output; the log goes there, too, line by line. */
export const say = (text: string): void => void process.stdout.write(`${text}\n`);

/**
 * The main of a process that runs until a signal stops it: what was accepted is finished first. Exit code 0 after SIGINT,
 * SIGTERM or SIGHUP (the terminal was closed), 1 when it could not start.
 */
export function runMain(start: (main: Main) => Promise<void>): void {
  begin(start).catch((error: unknown) => {
    process.stderr.write(`${sentenceOf(error)}\n`);
    process.exit(1);
  });
}

async function begin(start: (main: Main) => Promise<void>): Promise<void> {
  ignoreForeignSettings();
  const config = readConfig();
  const log = createLog(config.logLevel);
  let hasStarted = false;
  /*
   * What handlers throw is caught around them and answered with 500. What comes here was thrown where nobody waits for it, in a timer or
   * a stream's callback: a bug. Once started the process goes on, because to end it would close its gates for as long as a start takes, and
   * nothing that it has in memory is trusted: a decision holds only when history has taken it at the revision it was made on.
   */
  process.on('uncaughtException', (error) => {
    if (hasStarted) return log.error(described(error), 'an exception was not caught');
    process.stderr.write(`${sentenceOf(error)}\n`);
    process.exit(1);
  });
  process.on('unhandledRejection', (error) => log.error(described(error), 'a rejection was not handled'));
  const works: (() => Promise<void>)[] = [];
  let stopping: Promise<void> | undefined;
  const stop = () =>
    (stopping ??= (async () => {
      for (let work = works.pop(); work; work = works.pop()) await work();
    })());
  // A terminal that was closed takes no words: they are lost, and the stop goes on.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
  onStop(() => {
    say('Stopping: requests at work are finished first.');
    setTimeout(() => {
      log.error('the stop took too long and was cut short');
      process.exit(1);
    }, STOP_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error(described(error), 'the stop failed');
        process.exit(1);
      },
    );
  });
  try {
    await start({ config, log, atStop: (work) => void works.push(work) });
    hasStarted = true;
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

/** By their names, since not all are made in packages that this one knows. */
const FOR_PEOPLE: ReadonlySet<string> = new Set(['ConfigError', 'CannotStart', 'UnusableDatabase']);

/** A wrong setting, or an error that was made for people, is printed as its sentence; anything else with its stack. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return FOR_PEOPLE.has(error.name) || error.cause !== undefined ? error.message : (error.stack ?? error.message);
}

/** Why a process cannot start, as a sentence for a person. */
export class CannotStart extends Error {
  override name = 'CannotStart';
}
