import { writeFileSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createDatabase, openDatabase } from '@gatehouse/embedded-postgres/database';
import { freePort } from '@gatehouse/embedded-postgres/free-port';
import { CONTEXT_NAMES, type Context } from '@gatehouse/events/contexts';
import { disconnected, kafkaClient } from '@gatehouse/eventing/kafka-client';
import { applyTopic, topicPlans } from '@gatehouse/eventing/kafka-topics';
import { whyNoKafka } from '@gatehouse/local-kafka/jars';
import { keepKafka, startKafka, stopKafka } from '@gatehouse/local-kafka/start-kafka';
import { environmentOf, type Config, type KafkaSettings } from '@gatehouse/service/config';
import { CannotStart, runMain, say, type Main } from '@gatehouse/service/run-main';
import { SERVICES, UPSTREAM_SETTINGS, upstreamsIn, type ServiceProcess } from '@gatehouse/service/services';
import { banner } from './banner';
import { endLeftovers, startChild, type Child } from './child';
import { loadDemo, untilApplied } from './load-demo';

/*
 * The split system on this machine, without Docker: the processes of every service in packages/service/src/services.ts, a
 * database for each context, Apache Kafka between them, and a gateway in front. `npm run start:distributed` runs it.
 */

const FOLDER = path.join(__dirname, '..', '..');
const mainOf = (service: string): string => path.join(FOLDER, service, 'dist', 'main.js');

runMain(async (main) => {
  const { log, atStop } = main;
  const pidFile = path.join(main.config.dataFolder, 'distributed.json');
  const left = await readFile(pidFile, 'utf8').catch(() => '[]');
  await endLeftovers(JSON.parse(left) as number[], FOLDER);
  /** By name: what the next start has to end if this process is killed, at any time. */
  const pids = new Map<string, number>();
  const remember = (name: string) => (pid: number | undefined) => {
    if (pid !== undefined) pids.set(name, pid);
    writeFileSync(pidFile, JSON.stringify([...pids.values()]));
  };
  const eventBus = { kind: 'kafka', ...(await openKafka(main)) } as const;
  const databases = await openDatabases(main);
  const config: Config = { ...main.config, databases, eventBus };
  await makeTopics(eventBus);

  const { metricsAt } = config.telemetry;
  let processes = 0;
  /** From METRICS_PORT on, one port for each process. */
  const nextMetrics = () => metricsAt && { ...metricsAt, port: metricsAt.port && metricsAt.port + processes++ };

  async function child(service: string, process: ServiceProcess): Promise<Child> {
    const started = startChild(process.name, {
      main: mainOf(service),
      onStart: remember(process.name),
      config: {
        ...config,
        port: await freePort(0),
        host: '127.0.0.1',
        trustedProxies: ['loopback'],
        roles: new Set(process.roles ?? config.roles),
        telemetry: { ...config.telemetry, metricsAt: nextMetrics() },
        logLevel: config.logLevel === 'info' ? 'error' : config.logLevel,
      },
    });
    atStop(() => started.stop());
    return started;
  }

  const children = new Map<ServiceProcess, Child>();
  for (const { name, processes } of Object.values(SERVICES)) {
    for (const each of processes) children.set(each, await child(name, each));
  }
  for (const each of children.values()) await each.ready();
  const demo = config.demo ? await loadDemo({ config, log }) : undefined;

  const upstreams = { ...config.upstreams };
  for (const [service] of UPSTREAM_SETTINGS)
    upstreams[service] = upstreamsIn(SERVICES[service]).map((each) => children.get(each)!.url);
  const gateway = startChild('gateway', {
    main: mainOf('gateway'),
    onStart: remember('gateway'),
    config: {
      ...config,
      port: config.port === 0 ? await freePort(0) : config.port,
      upstreams,
    },
  });
  atStop(() => gateway.stop());
  await gateway.ready();
  if (demo) await untilApplied(gateway.url, demo);

  const file = await writeSettings(config);
  say('');
  const width = Math.max(...[...children.values()].map(({ name }) => name.length)) + 2;
  for (const { name, url } of children.values()) say(`${`${name}:`.padEnd(width)}${url}`);
  say(`${'Kafka:'.padEnd(width)}${eventBus.connection.brokers.join(', ')}`);
  say(banner(config, { url: gateway.url, port: Number(new URL(gateway.url).port) }, demo));
  say(`Commands of this system need its settings: ( set -a; . ${file}; npm run import -- FOLDER )`);
});

/** The configured cluster, else a local broker. */
async function openKafka({ config, atStop }: Main): Promise<KafkaSettings> {
  if (config.eventBus.kind === 'kafka') return config.eventBus;
  const reason = await whyNoKafka();
  if (reason !== null) {
    throw new CannotStart(`${reason} Or name a Kafka of your own: EVENT_BUS=kafka KAFKA_BROKERS=host:port.`);
  }
  const folder = path.join(config.dataFolder, 'kafka');
  const options = { folder, login: 'generated', log: say } as const;
  const kafka = await startKafka(options);
  const stop = new AbortController();
  const kept = keepKafka(options, stop.signal);
  atStop(async () => {
    stop.abort();
    await kept;
    // Also one that a killed launcher has left running.
    await stopKafka(folder);
  });
  const { user, password } = kafka.login!;
  const sasl = { mechanism: 'plain', username: user, password } as const;
  return {
    connection: { brokers: kafka.brokers, sasl },
    prefix: 'gatehouse',
    replicationFactor: 1,
    minInsyncReplicas: 1,
  };
}

/** A database for each context, on the embedded PostgreSQL unless others are configured. */
async function openDatabases({ config, atStop }: Main): Promise<Record<Context, string>> {
  const named = config.databases;
  if (CONTEXT_NAMES.every((context) => named[context] !== undefined)) return named as Record<Context, string>;
  const database = await openDatabase(config, { log: say, takeOver: true });
  atStop(() => database.stop());
  const own = async (context: Context): Promise<string> => {
    const url = new URL(database.url);
    // On a server of the user's own we may not be allowed to create databases: then all contexts share the configured one.
    if (config.databaseUrl !== undefined) return url.href;
    url.pathname = `/gatehouse_${context}`;
    await createDatabase(database.url, `gatehouse_${context}`);
    return url.href;
  };
  const databases: Partial<Record<Context, string>> = {};
  for (const context of CONTEXT_NAMES) databases[context] = named[context] ?? (await own(context));
  return databases as Record<Context, string>;
}

async function makeTopics(settings: KafkaSettings): Promise<void> {
  const admin = kafkaClient(settings.connection).admin();
  try {
    await admin.connect();
    for (const plan of CONTEXT_NAMES.flatMap((context) => topicPlans(context, settings))) await applyTopic(admin, plan);
  } finally {
    await disconnected(admin);
  }
}

/** Writes the settings for commands to a file in shell syntax; it contains passwords. */
async function writeSettings(config: Config): Promise<string> {
  const file = path.join(config.dataFolder, 'distributed.env');
  const lines = Object.entries(environmentOf(config, {}))
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}='${value!.replaceAll("'", `'\\''`)}'\n`);
  await writeFile(file, lines.join(''), { mode: 0o600 });
  // The mode of writeFile applies to new files only.
  await chmod(file, 0o600);
  return path.relative(process.cwd(), file);
}
