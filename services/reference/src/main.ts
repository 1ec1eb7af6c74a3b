import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { say } from '@gatehouse/service/run-main';
import { serve } from '@gatehouse/service/serve';
import { reference } from './service';

/* The service reference in a process of its own: devices set themselves up, and the relay of the context. */

serve({ services: [reference], openDatabase: (config) => openDatabase(config, { log: say }) });
