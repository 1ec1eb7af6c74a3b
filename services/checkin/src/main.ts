import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { say } from '@gatehouse/service/run-main';
import { serve } from '@gatehouse/service/serve';
import { checkin } from './service';

/* The check-in service as a separate process, on the database that all its processes share. */

serve({ services: [checkin], openDatabase: (config) => openDatabase(config, { log: say }) });
