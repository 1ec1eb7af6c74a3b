import { spawn } from 'node:child_process';
import { open, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { freePort } from './free-port';
import { isCode, isSystemError, reasonOf } from './system-error';
import { installation, lastWords, role, serverEnvironment, type Installation } from './installation';
import { isAlive, removeStalePidFile, runningPostmaster, type Postmaster } from './postmaster';
import { identity } from './server-user';

export type EmbeddedOptions = {
  /** Where password, log and, if possible, PostgreSQL's files live; made when missing. */
  readonly dataFolder: string;
  /** Told, one sentence at a time, what a person should know. */
  readonly log: (sentence: string) => void;
  /** A service stops a server that it found orphaned; a command leaves it as it was (the default). */
  readonly takeOver?: boolean;
  /** PostgreSQL settings beyond ours, for a server that this call starts: tests turn `fsync` off. */
  readonly settings?: Readonly<Record<string, string>>;
};

export type Embedded = {
  /** `postgresql://…` with the password in it: not for logs. */
  readonly url: string;
  /** True when the server was running already. */
  readonly adopted: boolean;
  /** Stops the server, unless another process uses it or it is not ours to stop. Close all connections first. */
  stop(): Promise<void>;
};

const defaults: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  log_checkpoints: 'off',
  timezone: 'UTC',
};

/**
 * Starts a PostgreSQL of our own, or adopts the one that already runs on this data folder (one per folder, however many
 * processes). It outlives this process's death, so the next start finds it. Every failure is an Error whose message is a sentence.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  if (process.platform === 'win32') {
    throw new Error(
      'The embedded PostgreSQL is not supported on Windows: use WSL, or name a PostgreSQL in DATABASE_URL.',
    );
  }
  try {
    return await findOrStart(options);
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    const where = cause.path === undefined ? '' : ` (${cause.path})`;
    throw new Error(`PostgreSQL cannot be started in ${options.dataFolder}: ${reasonOf(cause)}${where}.`, { cause });
  }
}

async function findOrStart(options: EmbeddedOptions): Promise<Embedded> {
  const settings = { ...defaults, ...options.settings };
  const installed = await installation(options.dataFolder, settings['fsync'] !== 'off', options.log);
  const users = await signIn(options.dataFolder);
  try {
    let found: Found;
    let url: string | null;
    do {
      found = await findOrStartServer(installed, { ...options, settings });
      url = await connectable(installed, found.postmaster);
    } while (url === null);
    const { adopted } = found;
    const mayStop = !adopted || options.takeOver === true || users.foundCompany;
    return { url, adopted, stop: () => leave(installed, users, mayStop) };
  } catch (error) {
    await users.signOut();
    throw error;
  }
}

type Users = {
  /** Whether other processes used the server when we came: then it is not an orphan that somebody may want to keep. */
  readonly foundCompany: boolean;
  signOut(): Promise<void>;
  /** Ids of the other living processes that use the server. */
  others(): Promise<number[]>;
};

let signedIn = 0;

/** Each process that uses the server has a file named by its id in `users`, so that the last one can turn off the light. */
async function signIn(dataFolder: string): Promise<Users> {
  const folder = path.join(dataFolder, 'users');
  await mkdir(folder, { recursive: true });
  const own = `${process.pid}-${++signedIn}`;
  const others = async () => {
    const names = (await readdir(folder)).filter((name) => name !== own);
    const living = names.filter((name) => isAlive(Number.parseInt(name, 10)));
    await Promise.all(
      names.filter((name) => !living.includes(name)).map((name) => rm(path.join(folder, name), { force: true })),
    );
    return living.map((name) => Number.parseInt(name, 10));
  };
  const foundCompany = (await others()).length > 0;
  await writeFile(path.join(folder, own), '');
  return { foundCompany, others, signOut: () => rm(path.join(folder, own), { force: true }) };
}

async function leave(installed: Installation, users: Users, mayStop: boolean): Promise<void> {
  await users.signOut();
  if (!mayStop || (await users.others()).length > 0) return;
  const postmaster = await runningPostmaster(installed.cluster);
  if (postmaster) await stopServer(installed.cluster, postmaster);
}

/** SIGINT is PostgreSQL's "fast shutdown": sessions are ended, everything is written, no recovery at the next start. */
async function stopServer(cluster: string, { pid }: Postmaster): Promise<void> {
  kill(pid, 'SIGINT');
  const patienceMs = 60_000;
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += 20) {
    if ((await runningPostmaster(cluster))?.pid !== pid) return;
    await sleep(20);
  }
  throw new Error(`PostgreSQL (process ${pid}) has not stopped within ${patienceMs / 1000} seconds.`);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    if (isAlive(pid))
      throw new Error(`PostgreSQL (process ${pid}) belongs to another user and cannot be stopped.`, { cause });
  }
}

type Found = { readonly postmaster: Postmaster; readonly adopted: boolean };
type Starting = EmbeddedOptions & { readonly settings: Readonly<Record<string, string>> };

async function findOrStartServer(installed: Installation, options: Starting): Promise<Found> {
  const { cluster } = installed;
  for (let attempt = 1; ; attempt++) {
    const running = await runningPostmaster(cluster);
    if (running) {
      const lives = async () => (await runningPostmaster(cluster))?.pid === running.pid;
      const ready = await untilReady(cluster, running.pid, lives);
      if (ready) return { postmaster: ready, adopted: true };
      continue;
    }
    await removeStalePidFile(cluster);
    const started = await start(installed, options);
    if (started.kind === 'ready') return { postmaster: started.postmaster, adopted: false };
    if (attempt >= 100 || !started.passing) {
      throw new Error(`PostgreSQL could not start: ${started.words} Its log is ${logFileOf(options.dataFolder)}.`);
    }
    await sleep(100);
  }
}

type Started =
  | { readonly kind: 'ready'; readonly postmaster: Postmaster }
  /** `passing`: another try may succeed, since somebody else was faster or is not gone yet. */
  | { readonly kind: 'failed'; readonly words: string; readonly passing: boolean };

async function start(installed: Installation, { dataFolder, settings }: Starting): Promise<Started> {
  const port = await freePort(installed.port);
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const logFile = logFileOf(dataFolder);
  await shorten(logFile);
  const output = await open(logFile, 'a', 0o600);
  const before = (await output.stat()).size;
  try {
    // A session of its own: Ctrl-C in the terminal must not stop it before the service has drained.
    const child = spawn(installed.binaries.postgres, ['-D', installed.cluster, '-p', String(port), ...flags], {
      cwd: '/',
      detached: true,
      env: serverEnvironment(),
      stdio: ['ignore', output.fd, output.fd],
      ...identity(installed.user),
    });
    const failed = new Promise<Error>((resolve) => child.once('error', resolve));
    child.unref();
    const pid = child.pid;
    if (pid === undefined) throw new Error(`PostgreSQL could not be started: ${(await failed).message}.`);
    const lives = () => Promise.resolve(child.exitCode === null && child.signalCode === null);
    const ready = await untilReady(installed.cluster, pid, lives);
    if (ready) return { kind: 'ready', postmaster: ready };
  } finally {
    await output.close();
  }
  const said = (await readFile(logFile)).subarray(before).toString('utf8');
  // Another process starts it too, a killed server's processes are not gone yet, or the port was taken in between.
  const passing =
    /postmaster\.pid" already exists|pre-existing shared memory|could not bind|postmaster\.pid" is empty/.test(said);
  return { kind: 'failed', words: lastWords(said), passing };
}

/** Waits while the server starts or recovers; null when it has ended instead. */
async function untilReady(cluster: string, pid: number, lives: () => Promise<boolean>): Promise<Postmaster | null> {
  while (await lives()) {
    const postmaster = await runningPostmaster(cluster);
    if (postmaster?.pid === pid && postmaster.status === 'ready') return postmaster;
    await sleep(10);
  }
  return null;
}

/**
 * Proves that the server is ours (the password fits) and makes the database on the first start. Null when it is gone: one that was
 * killed a moment ago looks alive until its connections break.
 */
async function connectable({ cluster, password }: Installation, { pid, port }: Postmaster): Promise<string | null> {
  const address = (database: string) => `postgresql://${role}:${password}@127.0.0.1:${port}/${database}`;
  const patienceMs = 10_000;
  for (const until = Date.now() + patienceMs; ;) {
    try {
      await withClient(address(role), (client) => client.query('select 1'));
      return address(role);
    } catch (cause) {
      if (isCode(cause, '3D000')) break;
      if ((await runningPostmaster(cluster))?.pid !== pid) return null;
      if (!isBroken(cause) || Date.now() > until) {
        throw new Error(`A PostgreSQL answers on port ${port}, but it does not let us in; is it another one's?`, {
          cause,
        });
      }
      await sleep(20);
    }
  }
  await withClient(address('postgres'), (client) => client.query(`create database ${role}`)).catch((error: unknown) => {
    // Another process was faster.
    if (!isCode(error, '42P04') && !isCode(error, '23505')) throw error;
  });
  return address(role);
}

/** Whether the connection broke or was not taken, rather than that the server said no. */
const isBroken = (cause: unknown): boolean =>
  isSystemError(cause) || String((cause as { message?: unknown }).message).startsWith('Connection terminated');

async function withClient(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function logFileOf(dataFolder: string): string {
  return path.join(dataFolder, 'postgres.log');
}

/** The log is for the last days, not for ever. */
async function shorten(logFile: string): Promise<void> {
  const size = (await stat(logFile).catch(() => null))?.size ?? 0;
  if (size > 10_000_000) await truncate(logFile);
}
