import path from 'node:path';
import { checkin } from '@gatehouse/checkin/service';
import { startEmbedded, type Embedded } from '@gatehouse/embedded-postgres/start-embedded';
import { openPool, listen } from '@gatehouse/eventing/postgres';
import { postgresStore } from '@gatehouse/eventing/postgres-store';
import { importFolder } from '@gatehouse/reference/import';
import { ConfigError, readConfig, type Config } from '@gatehouse/service/config';
import { createLog, described, type Log } from '@gatehouse/service/log';
import { run, type Running } from '@gatehouse/service/run';
import { banner } from './banner';
import { demoFestival, type Demo } from './demo-festival';

/* Everything in one process, on an embedded PostgreSQL unless DATABASE_URL names another: what `npm start` runs. */

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.logLevel);
  const database = await openDatabase(config);
  let running: Running | undefined;
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      await running?.close();
      await database.stop();
    })();
    return stopping;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      say('Stopping: requests at work are finished first.');
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error(described(error), 'the stop failed');
          process.exit(1);
        },
      );
    });
  }
  process.on('unhandledRejection', (error) => log.error(described(error), 'a rejection was not handled'));
  try {
    running = await run([checkin], { config, log, databaseUrl: database.url });
    const demo = config.demo ? await loadDemo(config, database.url, log) : undefined;
    say(banner(config, running, demo));
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

async function openDatabase(config: Config): Promise<Pick<Embedded, 'url' | 'stop'>> {
  if (config.databaseUrl !== undefined) return { url: config.databaseUrl, stop: () => Promise.resolve() };
  return startEmbedded({ dataFolder: config.dataFolder, log: say, takeOver: true });
}

/** Imports the demo festival into an installation that has nothing yet; afterwards it only names it again. */
async function loadDemo(config: Config, url: string, log: Log): Promise<Demo | undefined> {
  const folder = path.join(config.dataFolder, 'demo');
  const pool = openPool(url, 'reference', 4);
  const listener = listen(url);
  try {
    const store = postgresStore({ pool, context: 'reference', listener });
    const empty = (await store.head()) === store.start;
    if (!empty && (await store.load('event-demo/summer-nights')).length === 0) return undefined;
    const demo = await demoFestival(folder);
    if (empty) {
      const report = await importFolder({ store, pool, folder });
      log.info({ events: report.events, positions: report.positions }, 'the demo festival was imported');
    }
    return demo;
  } finally {
    await pool.end();
    await listener.close();
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

main().catch((error: unknown) => {
  // A wrong setting or a database that cannot be started is told in a sentence; anything else with its stack.
  const told = error instanceof ConfigError || (error instanceof Error && error.cause !== undefined);
  process.stderr.write(`${told || !(error instanceof Error) ? String((error as Error).message ?? error) : error.stack}\n`);
  process.exit(1);
});
