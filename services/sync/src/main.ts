import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { say } from '@gatehouse/service/run-main';
import { serve } from '@gatehouse/service/serve';
import { sync } from './service';

/* The service sync in a process of its own, over the database that all of its kind share. */

serve({ services: [sync], openDatabase: (config) => openDatabase(config, { log: say }) });
