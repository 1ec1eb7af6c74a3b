import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { referenceRelay } from '@gatehouse/reference/context';
import { say } from '@gatehouse/service/run-main';
import { serve } from '@gatehouse/service/serve';

/* The relay of `reference` in a process of its own. With EVENT_BUS=postgres there is nothing for it to do. */

serve({ services: [referenceRelay], openDatabase: (config) => openDatabase(config, { log: say }) });
