import { ignoreForeignSettings, readConfig, type Config } from './config';
import { createLog, described, type Log } from './log';
import { onStop } from './stop-signals';

/** Passed to a main function. */
export type Main = {
  readonly config: Config;
  readonly log: Log;
  /** Registers work for the stop of the process; it runs in reverse order. */
  atStop(work: () => Promise<void>): void;
};

/** Work that is not finished by then is waiting for a broker or a database that is away; the next start repeats it. */
const STOP_MS = 25_000;

/** Prints a line for a person on standard output, where the log also goes. */
export const say = (text: string): void => void process.stdout.write(`${text}\n`);

/**
 * Runs a process until a signal stops it, finishing accepted work first. Exit code 0 after SIGINT, SIGTERM or SIGHUP (the
 * terminal was closed), 1 when it could not start.
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
   * Exceptions of handlers are caught and answered with 500. An exception here was thrown in a timer or a stream's
   * callback: a bug. A started process continues, because ending it would close its gates until it has restarted. That is
   * safe: no decision depends on its memory, since a decision takes effect only when it is appended at the revision it was
   * made on.
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
  // Writing to a closed terminal fails: the lines are lost, and the stop continues.
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

/** By name, since not all of these classes are in packages that this one may import. */
const FOR_PEOPLE: ReadonlySet<string> = new Set(['ConfigError', 'CannotStart', 'UnusableDatabase']);

/** The sentence of a wrong setting or of another error that is meant for people; the stack of any other error. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return FOR_PEOPLE.has(error.name) || error.cause !== undefined ? error.message : (error.stack ?? error.message);
}

/** Why a process cannot start, as a sentence for a person. */
export class CannotStart extends Error {
  override name = 'CannotStart';
}
