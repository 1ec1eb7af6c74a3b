import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { say } from '@gatehouse/service/run-main';
import { serve } from '@gatehouse/service/serve';
import { legacyDroid } from './service';

/* The API of the old scanners as a separate process, on the database that all its processes share. */

serve({ services: [legacyDroid], openDatabase: (config) => openDatabase(config, { log: say }) });
