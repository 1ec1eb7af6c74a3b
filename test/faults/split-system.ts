import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbedded, type Embedded } from '@gatehouse/embedded-postgres/start-embedded';
import { kafkaClient } from '@gatehouse/eventing/kafka-client';
import { CONTEXT_NAMES } from '@gatehouse/events/contexts';
import { applyTopic, topicPlans } from '@gatehouse/eventing/kafka-topics';
import { startKafka, type LocalKafka } from '@gatehouse/local-kafka/start-kafka';
import { openReference } from '@gatehouse/reference/context';
import { createToken } from '@gatehouse/reference/credentials';
import { writeFestival } from '@gatehouse/reference/festival';
import { importFolder } from '@gatehouse/reference/import';
import { exportFolder } from '@gatehouse/reference/testing';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig, type Config } from '@gatehouse/service/config';
import type { Role } from '@gatehouse/service/services';
import { call } from '@gatehouse/service/testing';
import { Client } from 'pg';
import { serviceProcess, type ServiceProcess } from './process';

/** The whole split system on this machine: every part a process that can be killed. */
export type SplitSystem = {
  readonly config: Config;
  readonly token: string;
  readonly gateway: ServiceProcess;
  /** The last one is not started yet. */
  readonly checkins: readonly ServiceProcess[];
  readonly projections: ServiceProcess;
  readonly relay: ServiceProcess;
  readonly reference: ServiceProcess;
  readonly broker: { kill(): Promise<void>; start(): Promise<void>; pause(): void; resume(): void };
  readonly postgres: { pid(): Promise<number>; kill(): Promise<void>; start(): Promise<void> };
  close(): Promise<void>;
};

/** Starts it with a festival of so many tickets, with ids from 1 on, and waits until the gates have all of them. */
export async function startSplitSystem(tickets: number): Promise<SplitSystem> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-faults-'));
  // PostgreSQL does not run as root: its user must be able to enter.
  await chmod(folder, 0o755);
  const processes: ServiceProcess[] = [];
  let kafka: LocalKafka | undefined;
  let embedded: Embedded | undefined;
  async function close(): Promise<void> {
    await Promise.all(processes.map((each) => each.kill()));
    await kafka?.stop();
    await embedded?.stop();
    await rm(folder, { recursive: true, force: true });
  }
  try {
    // Durable as in operation: acknowledged events must survive.
    embedded = await startEmbedded({ dataFolder: folder, log: () => undefined, takeOver: true });
    const { url } = embedded;
    await onDatabase(url, ...CONTEXT_NAMES.map((context) => `create database ${context}`));
    const brokerFolder = path.join(folder, 'kafka');
    kafka = await startKafka({ folder: brokerFolder });
    const brokers = kafka.brokers;
    const config = readConfig({
      ...Object.fromEntries(
        CONTEXT_NAMES.map((context) => [`${context.toUpperCase()}_DATABASE_URL`, urlOf(url, context)]),
      ),
      EVENT_BUS: 'kafka',
      KAFKA_BROKERS: brokers.join(),
      KAFKA_REPLICATION_FACTOR: '1',
      KAFKA_MIN_INSYNC_REPLICAS: '1',
    });
    await makeTopics(config);
    async function made(name: string, service: string, settings: Partial<Config> = {}): Promise<ServiceProcess> {
      const logFile = path.join(folder, `${name}.log`);
      const one = await serviceProcess(name, { service, config: { ...config, ...settings }, logFile });
      processes.push(one);
      return one;
    }
    const roles = (...some: Role[]) => ({ roles: new Set(some) });
    const reference = await made('reference', 'reference', roles('relay'));
    const relay = await made('relay', 'checkin', roles('relay'));
    const projections = await made('projections', 'checkin', roles('projections'));
    const checkins = [
      await made('checkin-1', 'checkin', roles('http')),
      await made('checkin-2', 'checkin', roles('http')),
      await made('checkin-3', 'checkin', roles('http')),
    ];
    const urls = checkins.map((each) => each.url);
    const upstreams = { reference: [], checkin: urls, cart: [], offlineSales: [], sync: [], legacyDroid: urls };
    const gateway = await made('gateway', 'gateway', { upstreams });
    const token = await writeFacts(config, tickets);
    await Promise.all([reference, relay, projections, ...checkins.slice(0, 2), gateway].map((each) => each.start()));
    await untilKnown(gateway.url, { token, tickets });

    return {
      config,
      token,
      gateway,
      checkins,
      projections,
      relay,
      reference,
      broker: {
        kill: () => kafka!.kill(),
        async start() {
          kafka = await startKafka({ folder: brokerFolder, port: Number(brokers[0]!.split(':')[1]) });
          if (kafka.brokers.join() !== brokers.join()) throw new Error('the broker came back at another address');
        },
        pause: () => kafka!.pause(),
        resume: () => kafka!.resume(),
      },
      postgres: {
        pid: () => postmasterOf(url),
        async kill() {
          process.kill(await postmasterOf(url), 'SIGKILL');
        },
        // The processes that use it, including this one, restart it at the same address.
        async start() {
          while (!(await postmasterOf(url).catch(() => null))) await sleep(50);
        },
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A gate may be ready before the relay has published the first fact. */
async function untilKnown(url: string, { token, tickets }: { token: string; tickets: number }): Promise<void> {
  for (;;) {
    const answer = await call(url, 'GET', '/api/v1/organizers/big/events/fest/checkinlists/1/', { token });
    if ((answer.body as { position_count?: number }).position_count === tickets) return;
    await sleep(100);
  }
}

function urlOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

async function onDatabase(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new Client(url);
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

/** Every connection is a child of the postmaster. */
async function postmasterOf(url: string): Promise<number> {
  const client = new Client(url);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const parent = Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(rows[0]!.pid)], { encoding: 'utf8' }));
  await client.end();
  return parent;
}

async function makeTopics({ eventBus }: Config): Promise<void> {
  if (eventBus.kind !== 'kafka') throw new Error('never');
  const admin = kafkaClient(eventBus.connection).admin();
  await admin.connect();
  for (const plan of CONTEXT_NAMES.flatMap((context) => topicPlans(context, eventBus))) await applyTopic(admin, plan);
  await admin.disconnect();
}

/** Imports the festival and creates a token, which it returns. */
async function writeFacts(config: Config, tickets: number): Promise<string> {
  const folder = exportFolder();
  writeFestival(folder, tickets);
  const backends = openBackends(config, undefined);
  const { store, pool } = await openReference(backends);
  await importFolder({ store, pool, folder: folder.path });
  const { secret } = await createToken(store, {
    organizer: 'big',
    name: 'faults',
    permissions: ['can_view_orders', 'can_change_orders', 'can_change_event_settings'],
    all_events: true,
    limit_events: [],
  });
  folder.drop();
  await pool.end();
  await backends.close();
  return secret;
}
