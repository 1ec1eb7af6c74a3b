import { CONTEXT_NAMES } from '@gatehouse/events/contexts';
import type { Config } from './config';
import type { Log } from './log';
import { run, type Running, type Service } from './run';
import { runMain } from './run-main';

export type ServeOptions = {
  readonly services: readonly Service<unknown>[];
  /** Opens the database of the contexts without one of their own; `stop` is called after everything else has stopped. */
  openDatabase(config: Config): Promise<{ url: string; stop(): Promise<void> }>;
  /** Called when the process answers requests. */
  started?(at: { config: Config; log: Log; running: Running; databaseUrl: string | undefined }): Promise<void>;
};

/** The main of a process that runs services until a signal stops it. */
export function serve({ services, openDatabase, started }: ServeOptions): void {
  runMain(async ({ config, log, atStop }) => {
    const database = needsDatabase(config, services) ? await openDatabase(config) : undefined;
    if (database) atStop(() => database.stop());
    const databaseUrl = database?.url;
    const running = await run(services, { config, log, databaseUrl });
    atStop(() => running.close());
    await started?.({ config, log, running, databaseUrl });
  });
}

/** Whether some context in this process has no database of its own. */
function needsDatabase({ databases, eventBus }: Config, services: readonly Service<unknown>[]): boolean {
  const touched = eventBus.kind === 'kafka' ? services.map(({ context }) => context.name) : CONTEXT_NAMES;
  return touched.some((context) => databases[context] === undefined);
}
