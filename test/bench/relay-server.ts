import { checkin } from '@gatehouse/checkin/service';
import { readConfig } from '@gatehouse/service/config';
import { createLog } from '@gatehouse/service/log';
import { run } from '@gatehouse/service/run';
import { answerParent, optionsOf } from './child';

/* The relay of admission in its own process, as `ROLES=relay npm run start:checkin` runs it. */

const env = optionsOf<Record<string, string>>();

const config = readConfig({ PORT: '0', LOG_LEVEL: 'error', ROLES: 'relay', ...env });
const running = run([checkin], { config, log: createLog(config.logLevel) });

answerParent(
  async () => ({ port: (await running).port }),
  async () => (await running).close(),
);
