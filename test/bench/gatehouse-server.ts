import { monitorEventLoopDelay } from 'node:perf_hooks';
import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { readConfig } from '@gatehouse/service/config';
import { createLog } from '@gatehouse/service/log';
import { run } from '@gatehouse/service/run';
import { sync } from '@gatehouse/sync-service/service';
import { answerParent, optionsOf } from './child';

/* The real services in one process, as `npm start` runs them, with these settings. */

const SERVICES = {
  gates: [checkin, legacyDroid],
  cart: [cart],
  sync: [sync],
  all: [checkin, legacyDroid, cart, offlineSales],
} as const;

export type GatehouseOptions = {
  readonly databaseUrl: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** Both heads of the gates, the cart, what scanners copy, or what a fresh dataset needs; without it the gates. */
  readonly services?: keyof typeof SERVICES;
};

const RESOLUTION_MS = 5;

const { databaseUrl, settings, services = 'gates' } = optionsOf<GatehouseOptions>();

// OpenTelemetry reads the environment itself.
Object.assign(process.env, settings);
const config = readConfig({ PORT: '0', LOG_LEVEL: 'error', ...settings });
const running = run(SERVICES[services], { config, log: createLog(config.logLevel), databaseUrl });

/** How long the event loop was late for a timer, at most, since the last time that somebody asked. */
const stops = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
stops.enable();

/** The longest stop of the event loop in milliseconds. */
export type LongestStop = { readonly longestMs: number };

answerParent(
  async (task: 'port' | 'longest stop') => {
    if (task === 'port') return { port: (await running).port };
    const longestMs = Math.max(0, stops.max / 1e6 - RESOLUTION_MS);
    stops.reset();
    return { longestMs };
  },
  async () => (await running).close(),
);
