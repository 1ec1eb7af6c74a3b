import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { referenceRelay } from '@gatehouse/reference/context';
import { say } from '@gatehouse/service/run-main';
import { serve } from '@gatehouse/service/serve';

/* The relay of `reference` as a separate process. With EVENT_BUS=postgres it has nothing to do. */

serve({ services: [referenceRelay], openDatabase: (config) => openDatabase(config, { log: say }) });
