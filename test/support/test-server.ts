import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import path from 'node:path';
import { isAlive } from '../../packages/embedded-postgres/src/postmaster';
import { startEmbedded } from '../../packages/embedded-postgres/src/start-embedded';

/** The PostgreSQL of one jest run: `url` is a database from which others can be created. */
export type TestServer = { readonly kind: string; readonly url: string; stop(): Promise<void> };

/** Temporary data need not survive a power failure. Some tests run several processes with all services, two tests at a time. */
const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '500' };

/** TEST_DATABASE_URL if set, a container if Docker is available, else the embedded PostgreSQL. */
export async function startTestServer(): Promise<TestServer> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return { kind: 'TEST_DATABASE_URL', url: given, stop: () => Promise.resolve() };
  return (await inDocker()) ?? (await embedded());
}

async function inDocker(): Promise<TestServer | null> {
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers');
  const answers = await getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
  if (!answers) return null;
  const image = imageInCompose();
  const settings = Object.entries(fast).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  try {
    const container = await new GenericContainer(image)
      .withEnvironment({
        POSTGRES_PASSWORD: 'test',
        POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8',
      })
      .withCommand(['postgres', ...settings])
      .withExposedPorts(5432)
      // The image starts the server twice: for the set-up, and for use.
      .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
      .start();
    const url = `postgresql://postgres:test@${container.getHost()}:${container.getMappedPort(5432)}/postgres`;
    return { kind: `Docker (${image})`, url, stop: () => container.stop().then(() => undefined) };
  } catch (error) {
    console.log(
      `Docker answers, but ${image} does not start: ${error instanceof Error ? error.message : String(error)}`,
    );
    return null;
  }
}

/** The tag in docker-compose.yml, so that tests and users run the same version. */
function imageInCompose(): string {
  const compose = path.join(__dirname, '../../docker-compose.yml');
  const named = existsSync(compose) ? /image:\s*["']?(\S*postgres:[\w.-]+)/.exec(readFileSync(compose, 'utf8')) : null;
  return named?.[1] ?? 'postgres:17';
}

const prefix = 'gatehouse-test-';

async function embedded(): Promise<TestServer> {
  await clearLeftovers();
  const dataFolder = await mkdtemp(path.join(await home(), `${prefix}${process.pid}-`));
  // PostgreSQL does not run as root: its user must be able to enter the folder.
  await chmod(dataFolder, 0o755);
  const quiet = () => undefined;
  const server = await startEmbedded({ dataFolder, log: quiet, settings: fast });
  const stop = async () => {
    await server.stop();
    await rm(dataFolder, { recursive: true, force: true });
  };
  return { kind: 'embedded PostgreSQL', url: server.url, stop };
}

/** Linux's folder in memory: each test makes and drops hundreds of files, which costs a sixth of its CPU on a disk's file system. */
const IN_MEMORY = '/dev/shm';
/** More than all databases of a run need at once. */
const ROOM = 4e9;

/** Where there is room in memory for databases and tests, they are there. */
async function home(): Promise<string> {
  const { bavail, bsize } = await statfs(IN_MEMORY).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize > ROOM && freemem() > 2 * ROOM ? IN_MEMORY : tmpdir();
}

/** Removes servers that a killed jest has left running. */
async function clearLeftovers(): Promise<void> {
  await clearLeftoversIn(tmpdir());
  if (existsSync(IN_MEMORY)) await clearLeftoversIn(IN_MEMORY);
}

async function clearLeftoversIn(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = Number(new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]);
    if (!pid || isAlive(pid)) continue;
    const dataFolder = path.join(folder, name);
    const pidFile = path.join(dataFolder, 'postgres', 'postmaster.pid');
    if (existsSync(pidFile)) {
      const left = await startEmbedded({ dataFolder, log: () => undefined, takeOver: true, settings: fast });
      await left.stop();
    }
    await rm(dataFolder, { recursive: true, force: true });
  }
}
