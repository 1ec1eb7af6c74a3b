import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { say } from '@gatehouse/service/run-main';
import { serve } from '@gatehouse/service/serve';
import { offlineSales } from './service';

/* The service offline-sales in a process of its own, over the database that all of its kind share. */

serve({ services: [offlineSales], openDatabase: (config) => openDatabase(config, { log: say }) });
