import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@gatehouse/embedded-postgres/free-port';
import { kafkaJars } from './jars';
import { ownLogin, secured, type Login, type Security } from './security';

export type KafkaOptions = {
  /** Folder of the broker's data, settings and log; created if missing. It survives restarts. */
  readonly folder: string;
  /** The port for clients; if not given or not free, that of the last start or any other. */
  readonly port?: number;
  /**
   * The clients' login, by SASL (PLAIN): this one, or one whose password is generated at the first start and stored
   * (`generated`). Without it every local user has access: for tests with made-up facts only.
   */
  readonly login?: Login | 'generated';
  /** Clients with a login use TLS, too. */
  readonly tls?: boolean;
  /** Called with sentences for a person. */
  readonly log?: (sentence: string) => void;
};

export type LocalKafka = {
  /** In the form of `KAFKA_BROKERS`: one `host:port`. */
  readonly brokers: readonly string[];
  readonly pid: number;
  /** True when the broker was running already; then `stop` leaves it running. */
  readonly adopted: boolean;
  /** The broker's own certificate in PEM, if clients use TLS. */
  readonly ca: string | undefined;
  /** The clients' login. Must not be logged. */
  readonly login: Login | undefined;
  /** Shuts the broker down. */
  stop(): Promise<void>;
  /** kill -9; the data are kept for the next start. */
  kill(): Promise<void>;
  /** Suspends the process: connections stay open without replies. */
  pause(): void;
  resume(): void;
};

/** The content of `kafka.json`, written at the last start. */
type Remembered = {
  readonly cluster: string;
  readonly ports: readonly [clients: number, internal: number, controller: number];
  readonly pid: number;
  /** Whether it requires a password. Brokers of releases before 28 November 2026 did not. */
  readonly secured?: boolean;
};

const START_MS = 60_000;
const STOP_MS = 20_000;
/** A broker that an earlier process has started tells nobody that it ends. */
const LOOK_MS = 1_000;
/** Settings for a small local broker that starts quickly and is reachable from this machine only. */
const JVM = ['-Xms64m', '-Xmx320m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.awt.headless=true'];

/**
 * Starts a real Apache Kafka in one process (KRaft, broker and controller) on 127.0.0.1, or adopts the one that already
 * runs on this folder. It has its own session, so that Ctrl-C in a terminal does not reach it, and outlives this process's
 * death. Every failure is an Error whose message is a sentence.
 */
export async function startKafka(options: KafkaOptions): Promise<LocalKafka> {
  const log = options.log ?? (() => undefined);
  const folder = path.resolve(options.folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Also a folder of an earlier release: the data are names and secrets of tickets.
  await chmod(folder, 0o700);
  const login = options.login === 'generated' ? await ownLogin(folder) : options.login;
  const before = await recall(folder);
  if (before && (await isBrokerOf(before.pid, folder))) {
    if ((before.secured ?? false) === (login !== undefined)) {
      await untilReachable(before, folder);
      return running(before, folder, { login, ca: options.tls ? await caOf(folder) : undefined });
    }
    log('Apache Kafka is started again, so that it asks for a password from now on.');
    await end(before.pid, folder, 'SIGTERM');
  }
  const jars = await kafkaJars(log);
  const cluster = before?.cluster ?? randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const ports = [
    await freePort(options.port ?? before?.ports[0] ?? 0),
    await freePort(before?.ports[1] ?? 0),
    await freePort(before?.ports[2] ?? 0),
  ] as const;
  const security = login && (await secured(folder, login, { tls: options.tls ?? false }));
  const settings = path.join(folder, 'server.properties');
  await writeFile(settings, propertiesOf(folder, ports, security), { mode: 0o600 });
  await chmod(settings, 0o600);
  if ((await stat(path.join(folder, 'data', 'meta.properties')).catch(() => null)) === null) {
    await format({ jars, cluster, settings, folder: folder });
  }
  const pid = await spawnBroker({ jars, settings, folder: folder });
  const started: Remembered = { cluster, ports, pid, secured: login !== undefined };
  await writeFile(path.join(folder, 'kafka.json'), `${JSON.stringify(started)}\n`);
  await untilReachable(started, folder);
  log(`Apache Kafka listens on 127.0.0.1:${ports[0]} (process ${pid}, data in ${folder}).`);
  return {
    ...running(started, folder, { login, ca: security?.ca }),
    adopted: false,
    stop: () => end(pid, folder, 'SIGTERM'),
  };
}

function running({ ports, pid }: Remembered, folder: string, access: Pick<LocalKafka, 'ca' | 'login'>): LocalKafka {
  return {
    brokers: [`127.0.0.1:${ports[0]}`],
    pid,
    adopted: true,
    ...access,
    stop: () => Promise.resolve(),
    kill: () => end(pid, folder, 'SIGKILL'),
    pause: () => void process.kill(pid, 'SIGSTOP'),
    resume: () => void process.kill(pid, 'SIGCONT'),
  };
}

/** Stops the broker that runs on a folder, whoever started it; false when there is none. */
export async function stopKafka(dataFolder: string): Promise<boolean> {
  const folder = path.resolve(dataFolder);
  const known = await runningOn(folder);
  if (known) await end(known.pid, folder, 'SIGTERM');
  return known !== null;
}

/** Starts the broker of a folder again whenever it has ended, until the signal aborts. Which process has started it does not matter. */
export async function keepKafka(options: KafkaOptions, signal: AbortSignal): Promise<void> {
  const folder = path.resolve(options.folder);
  const next = () => sleep(LOOK_MS, true, { signal, ref: false }).catch(() => false);
  while (await next()) {
    if (await runningOn(folder)) continue;
    options.log?.('Apache Kafka ended and is started again.');
    await startKafka(options).catch((error: Error) => options.log?.(error.message));
  }
}

async function runningOn(folder: string): Promise<Remembered | null> {
  const known = await recall(folder);
  return known && (await isBrokerOf(known.pid, folder)) ? known : null;
}

async function recall(folder: string): Promise<Remembered | null> {
  const text = await readFile(path.join(folder, 'kafka.json'), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as Remembered);
}

const caOf = (folder: string): Promise<string | undefined> =>
  readFile(path.join(folder, 'ca.pem'), 'utf8').catch(() => undefined);

function propertiesOf(folder: string, ports: Remembered['ports'], security: Security | undefined): string {
  const [clients, internal, controller] = ports;
  const settings: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `CLIENTS://127.0.0.1:${clients},INTERNAL://127.0.0.1:${internal},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `CLIENTS://127.0.0.1:${clients},INTERNAL://127.0.0.1:${internal}`,
    'listener.security.protocol.map': 'CLIENTS:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'INTERNAL',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': path.join(folder, 'data'),
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 10,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'log.cleaner.dedupe.buffer.size': 4_194_304,
    'num.network.threads': 2,
    'num.io.threads': 4,
    ...security?.settings,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

type Place = { readonly jars: string; readonly settings: string; readonly folder: string };

async function format({ jars, cluster, settings, folder }: Place & { cluster: string }): Promise<void> {
  const args = ['kafka.tools.StorageTool', 'format', '--ignore-formatted', '-t', cluster, '-c', settings];
  const output = await open(path.join(folder, 'kafka.log'), 'a', 0o600);
  try {
    const child = spawn('java', [...JVM, '-cp', path.join(jars, '*'), ...args], {
      stdio: ['ignore', output.fd, output.fd],
    });
    const code = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    if (code === 0) return;
    // An incomplete folder would be used at the next start.
    await rm(path.join(folder, 'data'), { recursive: true, force: true });
    throw new Error(`Apache Kafka could not prepare its data folder; ${path.join(folder, 'kafka.log')} says why.`);
  } finally {
    await output.close();
  }
}

async function spawnBroker({ jars, settings, folder }: Place): Promise<number> {
  const output = await open(path.join(folder, 'kafka.log'), 'a', 0o600);
  try {
    const child = spawn('java', [...JVM, '-cp', path.join(jars, '*'), 'kafka.Kafka', settings], {
      cwd: folder,
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    });
    const failed = new Promise<Error>((resolve) => child.once('error', resolve));
    child.unref();
    if (child.pid === undefined) throw new Error(`Apache Kafka could not be started: ${(await failed).message}.`);
    return child.pid;
  } finally {
    await output.close();
  }
}

/** The port replies only when the broker has read its metadata and accepts requests. */
async function untilReachable({ pid, ports }: Remembered, folder: string): Promise<void> {
  for (const until = Date.now() + START_MS; Date.now() < until; await sleep(50)) {
    if (!(await isBrokerOf(pid, folder)))
      throw new Error(`Apache Kafka ended while it started; ${path.join(folder, 'kafka.log')} says why.`);
    if (await answers(ports[0])) return;
  }
  throw new Error(
    `Apache Kafka (process ${pid}) does not answer on port ${ports[0]} after ${START_MS / 1000} seconds.`,
  );
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function end(pid: number, folder: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const lives = () => isBrokerOf(pid, folder);
  if (!(await lives())) return;
  // A suspended process must continue to react to other signals than SIGKILL.
  process.kill(pid, 'SIGCONT');
  process.kill(pid, signal);
  for (const until = Date.now() + STOP_MS; Date.now() < until; await sleep(20)) if (!(await lives())) return;
  process.kill(pid, 'SIGKILL');
}

/**
 * Whether the process is the broker of this folder, which is in its command line: neither another process with the same id,
 * nor a zombie.
 */
async function isBrokerOf(pid: number, folder: string): Promise<boolean> {
  if (!isOurs(pid)) return false;
  if (process.platform !== 'linux') return true;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes(path.join(folder, 'server.properties'));
}

/** Whether the process exists and we may signal it: a process of another user is not the broker that was started here. */
function isOurs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
