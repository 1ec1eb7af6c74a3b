import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { say } from '@gatehouse/service/run-main';
import { serve } from '@gatehouse/service/serve';
import { legacyDroid } from './service';

/* The API of the old scanners in a process of its own, over the database that all of its kind share. */

serve({ services: [legacyDroid], openDatabase: (config) => openDatabase(config, { log: say }) });
