import path from 'node:path';
import { openReference } from '@gatehouse/reference/context';
import { importFolder } from '@gatehouse/reference/import';
import { openBackends } from '@gatehouse/service/backends';
import type { Config } from '@gatehouse/service/config';
import type { Log } from '@gatehouse/service/log';
import { demoFestival, type Demo } from './demo-festival';

/** Imports the demo festival into an installation that has nothing yet; afterwards it is only named again. */
export async function loadDemo(
  { config, log }: { config: Config; log: Log },
  databaseUrl?: string,
): Promise<Demo | undefined> {
  const folder = path.join(config.dataFolder, 'demo');
  const backends = openBackends(config, databaseUrl);
  const { store, pool } = await openReference(backends);
  try {
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
    await backends.close();
  }
}
