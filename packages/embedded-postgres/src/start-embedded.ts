import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { installation, role, type Installation } from './installation';
import { isAlive, runningPostmaster, type Postmaster } from './postmaster';
import { findOrStartServer, stopServer, type Found } from './server';
import { isCode, isSystemError, reasonOf, adviceOn, CannotStart } from './system-error';
import { watchServer } from './watch-server';

export type EmbeddedOptions = {
  /** Folder of password, log and, if possible, PostgreSQL's files; created if missing. */
  readonly dataFolder: string;
  /** Called with sentences for a person. */
  readonly log: (sentence: string) => void;
  /**
   * Whether `stop` also stops a server that was found running without users, as services do; commands leave it running (the
   * default).
   */
  readonly takeOver?: boolean;
  /** PostgreSQL settings beyond ours, for a server that this call starts: tests turn `fsync` off. */
  readonly settings?: Readonly<Record<string, string>>;
};

export type Embedded = {
  /** `postgresql://…` with the password: must not be logged. */
  readonly url: string;
  /** True when the server was running already. */
  readonly adopted: boolean;
  /**
   * Stops watching the server, and stops the server unless another process uses it or it must be left running. Close all
   * connections first.
   */
  stop(): Promise<void>;
};

const defaults: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // For the split system on one machine, or four processes with all services, and commands (docs/operations.md).
  max_connections: '300',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  log_checkpoints: 'off',
  timezone: 'UTC',
};

/**
 * Starts an embedded PostgreSQL, or adopts the one that already runs on this data folder (one per folder, for any number of
 * processes). It outlives this process's death, and the next start adopts it. Every failure is an Error whose message is a
 * sentence.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  if (process.platform === 'win32') {
    throw new CannotStart(
      'The embedded PostgreSQL is not supported on Windows: use WSL, or name a PostgreSQL in DATABASE_URL.',
    );
  }
  try {
    return await findOrStart(options);
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    const where = cause.path === undefined ? '' : ` (${cause.path})`;
    throw new CannotStart(
      `PostgreSQL cannot be started in ${options.dataFolder}: ${reasonOf(cause)}${where}. ${adviceOn(cause)}`,
      {
        cause,
      },
    );
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
      found = await findOrStartServer(installed, { dataFolder: options.dataFolder, settings });
      url = await connectable(installed, found.postmaster);
    } while (url === null);
    const { adopted } = found;
    const mayStop = !adopted || options.takeOver === true || users.foundCompany;
    const port = Number(new URL(url).port);
    const watch = watchServer(installed, { dataFolder: options.dataFolder, log: options.log, settings, port });
    let stopping: Promise<void> | undefined;
    const stop = async () => {
      await watch.stop();
      await leave(installed, users, mayStop);
    };
    return { url, adopted, stop: () => (stopping ??= stop()) };
  } catch (error) {
    await users.signOut();
    throw error;
  }
}

type Users = {
  /** Whether other processes used the server at the start: then it was not left over by a killed process. */
  readonly foundCompany: boolean;
  signOut(): Promise<void>;
  /** Ids of the other running processes that use the server. */
  others(): Promise<number[]>;
};

let signedIn = 0;

/** Each process that uses the server has a file with its id in `users`, so that the last one can stop the server. */
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

/**
 * Checks that the server is ours (the password fits) and creates the database on the first start. Null when the server has
 * died: one that was just killed looks alive until its connections break.
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
        throw new CannotStart(
          `PostgreSQL answers on port ${port}, but does not let us in (${reasonOf(cause)}): the password in postgres.json is not that of ` +
            'its files; restore both from one backup, or set GATEHOUSE_DATA to a new folder.',
          {
            cause,
          },
        );
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

/** Whether the connection broke or was refused by the system, rather than by the server. */
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
