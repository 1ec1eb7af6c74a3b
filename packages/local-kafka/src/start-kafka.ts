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
  /** Where the broker's data, settings and log live; made when missing. It survives restarts. */
  readonly folder: string;
  /** The port for clients; the one of the last start, or any, when not given or taken. */
  readonly port?: number;
  /**
   * Who may come, by SASL (PLAIN): this user, or one whose password is made with the first start and kept (`generated`). Without it
   * every user of this machine may: for tests only, whose facts are made up.
   */
  readonly login?: Login | 'generated';
  /** Clients with a login come over TLS, too. */
  readonly tls?: boolean;
  /** Told, one sentence at a time, what a person should know. */
  readonly log?: (sentence: string) => void;
};

export type LocalKafka = {
  /** As `KAFKA_BROKERS` takes it: one `host:port`. */
  readonly brokers: readonly string[];
  readonly pid: number;
  /** True when the broker was running already; then `stop` leaves it alone. */
  readonly adopted: boolean;
  /** The broker's own certificate authority in PEM, when clients come over TLS. */
  readonly ca: string | undefined;
  /** With what clients come. Not for logs. */
  readonly login: Login | undefined;
  /** An orderly end. */
  stop(): Promise<void>;
  /** kill -9; the data stays for the next start. */
  kill(): Promise<void>;
  /** The process stands still: connections stay open and nobody answers. */
  pause(): void;
  resume(): void;
};

/** What `kafka.json` remembers of the last start. */
type Remembered = {
  readonly cluster: string;
  readonly ports: readonly [clients: number, internal: number, controller: number];
  readonly pid: number;
  /** Whether it asks for a password. Brokers of releases from before 28 November 2026 did not. */
  readonly secured?: boolean;
};

const START_MS = 60_000;
const STOP_MS = 20_000;
/** A broker for one machine: small, quick to start, and so that nobody else can reach it. */
const JVM = ['-Xms64m', '-Xmx320m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.awt.headless=true'];

/**
 * Starts a real Apache Kafka in one process (KRaft, broker and controller) on 127.0.0.1, or adopts the one that already runs on
 * this folder. It has a session of its own, so that Ctrl-C in a terminal does not reach it, and outlives this process's death.
 * Every failure is an Error whose message is a sentence.
 */
export async function startKafka(options: KafkaOptions): Promise<LocalKafka> {
  const log = options.log ?? (() => undefined);
  const folder = path.resolve(options.folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Also one that an earlier release made: the data are names and secrets of tickets.
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

/** Ends the broker that runs on a folder, whoever started it; false when there is none. */
export async function stopKafka(dataFolder: string): Promise<boolean> {
  const folder = path.resolve(dataFolder);
  const known = await recall(folder);
  if (!known || !(await isBrokerOf(known.pid, folder))) return false;
  await end(known.pid, folder, 'SIGTERM');
  return true;
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
    // A half-made folder would be taken for a whole one.
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

/** The port answers only when the broker has read its metadata: then it takes requests. */
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
  // A stopped process reacts to SIGKILL only.
  process.kill(pid, 'SIGCONT');
  process.kill(pid, signal);
  for (const until = Date.now() + STOP_MS; Date.now() < until; await sleep(20)) if (!(await lives())) return;
  process.kill(pid, 'SIGKILL');
}

/** Whether the process is the broker of this folder, which its command line names: not another one with its old number, nor a zombie. */
async function isBrokerOf(pid: number, folder: string): Promise<boolean> {
  if (!isOurs(pid)) return false;
  if (process.platform !== 'linux') return true;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes(path.join(folder, 'server.properties'));
}

/** Whether the process lives and we may signal it: another user's is not the broker that was started here. */
function isOurs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
