import type { Context } from '@gatehouse/events/envelope';
import { ConfigError, readConfig, type Config } from './config';
import { createLog, described, type Log } from './log';
import { run, type Running, type Service } from './run';

export type ServeOptions = {
  readonly services: readonly Service<unknown>[];
  /** The database of the contexts that have none of their own, and how to leave it when everything else has stopped. */
  openDatabase(config: Config): Promise<{ url: string; stop(): Promise<void> }>;
  /** Called when requests are answered. */
  started?(at: { config: Config; log: Log; running: Running; databaseUrl: string | undefined }): Promise<void>;
};

const CONTEXTS: readonly Context[] = ['reference', 'admission'];
/** What is not finished by then is what an outage of a broker or a database holds up: it is repeated, never lost. */
const STOP_MS = 25_000;

/** Tells a person something on standard output; the log goes there, too, line by line. */
export const say = (text: string): void => void process.stdout.write(`${text}\n`);

/**
 * The main of a process that runs services until it is told to stop: what was accepted is finished first. Exit code 0 after
 * SIGINT or SIGTERM, 1 when it could not start.
 */
export function serve(options: ServeOptions): void {
  start(options).catch((error: unknown) => {
    process.stderr.write(`${sentenceOf(error)}\n`);
    process.exit(1);
  });
}

async function start({ services, openDatabase, started }: ServeOptions): Promise<void> {
  const config = readConfig();
  const log = createLog(config.logLevel);
  process.on('unhandledRejection', (error) => log.error(described(error), 'a rejection was not handled'));
  const database = needsDatabase(config, services) ? await openDatabase(config) : undefined;
  let running: Running | undefined;
  let stopping: Promise<void> | undefined;
  const stop = () =>
    (stopping ??= (async () => {
      await running?.close();
      await database?.stop();
    })());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
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
  }
  try {
    running = await run(services, { config, log, databaseUrl: database?.url });
    await started?.({ config, log, running, databaseUrl: database?.url });
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

/** Whether some context that this process touches has no database of its own. */
function needsDatabase({ databases, eventBus }: Config, services: readonly Service<unknown>[]): boolean {
  const touched = eventBus.kind === 'kafka' ? services.map(({ context }) => context.name) : CONTEXTS;
  return touched.some((context) => databases[context] === undefined);
}

/** A wrong setting, or an error that was made for people, is told in its sentence; anything else with its stack. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof ConfigError || error.cause !== undefined) return error.message;
  if ((error as { code?: string }).code === 'EADDRINUSE') return `${error.message}: set PORT to another one.`;
  return error.stack ?? error.message;
}
