import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, link, mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { binariesFor, type Binaries } from './binaries';
import { isCode, reasonOf, CannotStart } from './system-error';
import { freePort } from './free-port';
import { isAlive } from './postmaster';
import { canEnter, identity, serverUser, type ServerUser } from './server-user';

/** An existing cluster, and what is needed to run it and connect to it. */
export type Installation = {
  /** PostgreSQL's own data folder. */
  readonly cluster: string;
  readonly password: string;
  /** The port of its first start; used again while it is free, so that noted addresses remain valid. */
  readonly port: number;
  readonly user: ServerUser;
  readonly binaries: Binaries;
};

/** The name of the database and of the only role, a superuser of a server that only Gatehouse uses. */
export const role = 'gatehouse';

/** The content of `postgres.json` in the data folder. It is written once, so that no crash can lose the password. */
type Remembered = {
  readonly password: string;
  readonly port: number;
  /** Relative to the data folder, which may be moved; absolute if it is outside of it. */
  readonly cluster: string;
};

/**
 * Finds the installation in the data folder, or creates it: password, location, `initdb`. Two processes may do this at the
 * same time.
 */
export async function installation(
  dataFolder: string,
  durable: boolean,
  log: (sentence: string) => void,
): Promise<Installation> {
  await mkdir(dataFolder, { recursive: true });
  const folder = await realpath(dataFolder);
  const remembered = (await recall(folder)) ?? (await remember(folder, log));
  const { password, port } = remembered;
  const cluster = path.resolve(folder, remembered.cluster);
  const user = await serverUser(cluster);
  const binaries = await binariesFor(user, log);
  if (await exists(cluster)) await refuseOtherMajor(cluster, binaries);
  else await initialise({ cluster, password, port, user, binaries }, durable, log);
  return { cluster, password, port, user, binaries };
}

async function recall(folder: string): Promise<Remembered | null> {
  const file = path.join(folder, 'postgres.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return null;
    throw new CannotStart(
      `${file}, which holds the database's password, cannot be read: ${reasonOf(cause)}. ` +
        'Start Gatehouse as the user who started it the first time, or set GATEHOUSE_DATA to another folder.',
      { cause },
    );
  }
  const remembered = rememberedIn(text);
  if (remembered) return remembered;
  throw new CannotStart(
    `${file}, which holds the database's password, is damaged: restore it from a backup, or set GATEHOUSE_DATA to a new folder.`,
  );
}

function rememberedIn(text: string): Remembered | null {
  try {
    const { password, port, cluster } = (JSON.parse(text) ?? {}) as Partial<Remembered>;
    const whole = typeof password === 'string' && typeof cluster === 'string' && Number.isInteger(port);
    return whole ? { password, port: port!, cluster } : null;
  } catch {
    return null;
  }
}

async function remember(folder: string, log: (sentence: string) => void): Promise<Remembered> {
  const cluster = await placeFor(folder, log);
  const made: Remembered = { password: randomBytes(24).toString('base64url'), port: await freePort(0), cluster };
  const unfinished = path.join(folder, `postgres.json.${process.pid}`);
  await writeFile(unfinished, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600, flush: true });
  // Linking is atomic and fails if another process was faster: then its file is used.
  await link(unfinished, path.join(folder, 'postgres.json')).catch((cause: unknown) => {
    if (!isCode(cause, 'EEXIST')) throw cause;
  });
  await rm(unfinished);
  return (await recall(folder)) ?? made;
}

/** In the data folder, unless PostgreSQL must run as a user who cannot enter it. */
async function placeFor(folder: string, log: (sentence: string) => void): Promise<string> {
  const user = await serverUser(null);
  if (canEnter(user, folder)) return 'postgres';
  const elsewhere = path.join('/var/lib', `gatehouse-${randomBytes(6).toString('hex')}`);
  await mkdir(elsewhere, { recursive: true });
  await chmod(elsewhere, 0o755);
  await writeFile(path.join(elsewhere, 'README'), `The database of the Gatehouse data folder ${folder}.\n`);
  log(
    `PostgreSQL does not run as root, and the user ${user.name} cannot enter ${folder}: ` +
      `its files are in ${elsewhere}, as ${path.join(folder, 'postgres.json')} remembers.`,
  );
  return path.join(elsewhere, 'postgres');
}

/** Runs `initdb` in another folder and renames it, so that an incomplete cluster is never used. */
async function initialise(made: Installation, durable: boolean, log: (sentence: string) => void): Promise<void> {
  const { cluster, user } = made;
  log(`Creating the database in ${cluster}.`);
  await removeUnfinished(cluster);
  const unfinished = `${cluster}.new-${process.pid}`;
  const passwordFile = path.join(unfinished, 'password');
  try {
    await mkdir(unfinished, { mode: 0o700 });
    await writeFile(passwordFile, made.password, { mode: 0o600 });
    if (user.kind === 'other') {
      await chown(unfinished, user.uid, user.gid);
      await chown(passwordFile, user.uid, user.gid);
    }
    await runInitdb(made, path.join(unfinished, 'cluster'), [
      `--pwfile=${passwordFile}`,
      ...(durable ? [] : ['--no-sync']),
    ]);
    await rename(path.join(unfinished, 'cluster'), cluster).catch((cause: unknown) => {
      // Another process was faster, with the same password.
      if (!isCode(cause, 'ENOTEMPTY') && !isCode(cause, 'EEXIST')) throw cause;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/**
 * Texts sort by their bytes, and letters beyond ASCII still have upper and lower case (`lower`, trigrams): the builtin
 * C.UTF-8, PostgreSQL ≥ 17.
 */
const initdbFlags = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];

function runInitdb({ binaries, user }: Installation, target: string, flags: string[]): Promise<void> {
  const all = [
    `--pgdata=${target}`,
    `--username=${role}`,
    '--auth=scram-sha-256',
    '--no-instructions',
    ...initdbFlags,
    ...flags,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(binaries.initdb, all, {
      cwd: '/',
      env: serverEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
      ...identity(user),
    });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString('utf8')));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) return resolve();
      reject(
        new CannotStart(`initdb could not create the database: ${lastWords(complaint) || `it ended with ${code}`}`),
      );
    });
  });
}

/** An environment without variables that would configure PostgreSQL (`PGDATA`, `PGPORT`, …) or translate its messages. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' };
}

/** The last relevant lines of a PostgreSQL program's output, joined into one. */
export function lastWords(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  const errors = lines.filter((line) => /\b(FATAL|PANIC|ERROR|error|DETAIL|HINT|could not)\b/.test(line));
  return (errors.length > 0 ? errors : lines.filter((line) => line !== '')).slice(-3).join(' ');
}

async function removeUnfinished(cluster: string): Promise<void> {
  const prefix = `${path.basename(cluster)}.new-`;
  for (const name of await readdir(path.dirname(cluster))) {
    if (!name.startsWith(prefix) || isAlive(Number(name.slice(prefix.length)))) continue;
    await rm(path.join(path.dirname(cluster), name), { recursive: true, force: true });
  }
}

/** PostgreSQL can read only files of its own major version. */
async function refuseOtherMajor(cluster: string, { major }: Binaries): Promise<void> {
  const theirs = (await readFile(path.join(cluster, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (theirs === '' || theirs === major) return;
  throw new CannotStart(
    `The files in ${cluster} are of PostgreSQL ${theirs}, and this release of Gatehouse brings PostgreSQL ${major}: dump the database with ` +
      'the release that made it (pg_dump), set GATEHOUSE_DATA to a new folder, start, and restore the dump there.',
  );
}

async function exists(cluster: string): Promise<boolean> {
  return (await stat(path.join(cluster, 'PG_VERSION')).catch(() => null)) !== null;
}
