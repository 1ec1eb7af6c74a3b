import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { readConfig } from '@gatehouse/service/config';
import { createLog } from '@gatehouse/service/log';
import { run } from '@gatehouse/service/run';
import { answerParent, optionsOf } from './child';

/* The real services, both in one process, as `npm start` runs them, with these settings. */

const { databaseUrl, settings } = optionsOf<{ databaseUrl: string; settings?: Readonly<Record<string, string>> }>();

// OpenTelemetry reads the environment itself.
Object.assign(process.env, settings);
const config = readConfig({ PORT: '0', LOG_LEVEL: 'error', ...settings });
const running = run([checkin, legacyDroid], { config, log: createLog(config.logLevel), databaseUrl });

answerParent(
  async () => ({ port: (await running).port }),
  async () => (await running).close(),
);
