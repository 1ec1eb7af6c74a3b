import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { say } from '@gatehouse/service/run-main';
import { serve } from '@gatehouse/service/serve';
import { checkin } from './service';

/* The check-in service in a process of its own, over the database that all of its kind share. */

serve({ services: [checkin], openDatabase: (config) => openDatabase(config, { log: say }) });
