import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { readConfig } from '@gatehouse/service/config';
import { createLog } from '@gatehouse/service/log';
import { run } from '@gatehouse/service/run';
import { answerParent, optionsOf } from './child';

/* The real services in one process, as `npm start` runs them, with these settings. */

const SERVICES = { gates: [checkin, legacyDroid], cart: [cart], all: [checkin, legacyDroid, cart] } as const;

export type GatehouseOptions = {
  readonly databaseUrl: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** Both heads of the gates, the cart, or all of them; without it the gates. */
  readonly services?: keyof typeof SERVICES;
};

const { databaseUrl, settings, services = 'gates' } = optionsOf<GatehouseOptions>();

// OpenTelemetry reads the environment itself.
Object.assign(process.env, settings);
const config = readConfig({ PORT: '0', LOG_LEVEL: 'error', ...settings });
const running = run(SERVICES[services], { config, log: createLog(config.logLevel), databaseUrl });

answerParent(
  async () => ({ port: (await running).port }),
  async () => (await running).close(),
);
