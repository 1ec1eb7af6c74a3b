import path from 'node:path';
import { checkin } from '@gatehouse/checkin/service';
import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { openReference, referenceRelay } from '@gatehouse/reference/context';
import { importFolder } from '@gatehouse/reference/import';
import { openBackends } from '@gatehouse/service/backends';
import type { Config } from '@gatehouse/service/config';
import type { Log } from '@gatehouse/service/log';
import { say, serve } from '@gatehouse/service/serve';
import { banner } from './banner';
import { demoFestival, type Demo } from './demo-festival';

/* Everything in one process, on an embedded PostgreSQL unless DATABASE_URL names another: what `npm start` runs. */

serve({
  services: [checkin, legacyDroid, referenceRelay],
  openDatabase: (config) => openDatabase(config, { log: say, takeOver: true }),
  async started({ config, log, running, databaseUrl }) {
    const demo = config.demo ? await loadDemo(config, databaseUrl, log) : undefined;
    say(banner(config, running, demo));
  },
});

/** Imports the demo festival into an installation that has nothing yet; afterwards it is only named again. */
async function loadDemo(config: Config, url: string | undefined, log: Log): Promise<Demo | undefined> {
  const folder = path.join(config.dataFolder, 'demo');
  const backends = openBackends(config, url);
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
