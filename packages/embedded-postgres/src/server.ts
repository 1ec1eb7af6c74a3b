import { spawn } from 'node:child_process';
import { copyFile, open, readFile, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port';
import { lastWords, serverEnvironment, type Installation } from './installation';
import { isAlive, removeStalePidFile, runningPostmaster, type Postmaster } from './postmaster';
import { identity } from './server-user';
import { CannotStart } from './system-error';

export type Found = { readonly postmaster: Postmaster; readonly adopted: boolean };

export type Starting = {
  readonly dataFolder: string;
  readonly settings: Readonly<Record<string, string>>;
  /** The only allowed port; otherwise that of the installation, or another free one. */
  readonly port?: number;
  /** Ends the wait for a server that does not become ready. */
  readonly signal?: AbortSignal;
};

/** The server of an installation, started unless it runs already; if several processes do this at once, one starts it. */
export async function findOrStartServer(installed: Installation, options: Starting): Promise<Found> {
  const { cluster } = installed;
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted();
    const running = await runningPostmaster(cluster);
    if (running) {
      const lives = async () => !options.signal?.aborted && (await runningPostmaster(cluster))?.pid === running.pid;
      const ready = await untilReady(cluster, running.pid, lives);
      if (ready) return { postmaster: ready, adopted: true };
      continue;
    }
    await removeStalePidFile(cluster);
    const started = await start(installed, options);
    if (started.kind === 'ready') return { postmaster: started.postmaster, adopted: false };
    if (attempt >= 100 || !started.passing) {
      throw new CannotStart(
        `PostgreSQL could not start: ${started.words} Its log is ${logFileOf(options.dataFolder)}. ` +
          `If its files in ${cluster} are damaged, restore them from a backup, or set GATEHOUSE_DATA to a new folder.`,
      );
    }
    await sleep(100);
  }
}

type Started =
  | { readonly kind: 'ready'; readonly postmaster: Postmaster }
  /** `passing`: another attempt may succeed, because another process was faster or has not ended yet. */
  | { readonly kind: 'failed'; readonly words: string; readonly passing: boolean };

async function start(installed: Installation, options: Starting): Promise<Started> {
  const { dataFolder, settings, signal } = options;
  const port = options.port ?? (await freePort(installed.port));
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const logFile = logFileOf(dataFolder);
  await rotateLog(dataFolder);
  const output = await open(logFile, 'a', 0o600);
  const before = (await output.stat()).size;
  try {
    // In a session of its own: Ctrl-C in the terminal must not stop it before the service has drained.
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
    if (pid === undefined) throw new CannotStart(`PostgreSQL could not be started: ${(await failed).message}.`);
    const lives = () => Promise.resolve(!signal?.aborted && child.exitCode === null && child.signalCode === null);
    const ready = await untilReady(installed.cluster, pid, lives);
    if (ready) return { kind: 'ready', postmaster: ready };
  } finally {
    await output.close();
  }
  const said = (await readFile(logFile)).subarray(before).toString('utf8');
  // Another process is starting it, a killed server's processes have not ended yet, or the port was taken in between.
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

/** SIGINT is PostgreSQL's "fast shutdown": it ends sessions and writes everything, so the next start needs no recovery. */
export async function stopServer(cluster: string, { pid }: Postmaster): Promise<void> {
  kill(pid, 'SIGINT');
  const patienceMs = 60_000;
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += 20) {
    if ((await runningPostmaster(cluster))?.pid !== pid) return;
    await sleep(20);
  }
  throw new CannotStart(`PostgreSQL (process ${pid}) has not stopped within ${patienceMs / 1000} seconds.`);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    if (isAlive(pid))
      throw new CannotStart(`PostgreSQL (process ${pid}) belongs to another user and cannot be stopped.`, { cause });
  }
}

function logFileOf(dataFolder: string): string {
  return path.join(dataFolder, 'postgres.log');
}

const LOG_BYTES = 10_000_000;

/** Keeps the server's log short: a long one becomes `postgres.log.1` while the server continues to write. */
export async function rotateLog(dataFolder: string): Promise<void> {
  const logFile = logFileOf(dataFolder);
  const size = (await stat(logFile).catch(() => null))?.size ?? 0;
  if (size <= LOG_BYTES) return;
  // The server keeps the file open and appends to it. A full disk has no room for a copy.
  await copyFile(logFile, `${logFile}.1`).catch(() => undefined);
  await truncate(logFile);
}
