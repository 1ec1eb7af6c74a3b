import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { say } from '@gatehouse/service/run-main';
import { serve } from '@gatehouse/service/serve';
import { banner } from './banner';
import { sync } from '@gatehouse/sync-service/service';
import { loadDemo, untilApplied } from './load-demo';

/* `npm start`: everything in one process, on an embedded PostgreSQL unless DATABASE_URL names another. */

serve({
  services: [checkin, legacyDroid, cart, offlineSales, sync, reference],
  openDatabase: (config) => openDatabase(config, { log: say, takeOver: true }),
  async started({ config, log, running, databaseUrl }) {
    const demo = config.demo ? await loadDemo({ config, log }, databaseUrl) : undefined;
    if (demo) await untilApplied(running.url, demo);
    say(banner(config, running, demo));
  },
});
