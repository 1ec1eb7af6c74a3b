import type { Installation } from './installation';
import { runningPostmaster } from './postmaster';
import { findOrStartServer, rotateLog, type Starting } from './server';

const LOOK_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export type Watch = { stop(): Promise<void> };

/**
 * Restarts a server that this process uses, whoever started it, when it ends: without a limit of attempts, with growing
 * pauses, on the same port, so that connections find it. If several processes do this, one of them starts it.
 */
export function watchServer(
  installed: Installation,
  { log, ...options }: Omit<Starting, 'signal' | 'port'> & { port: number; log: (sentence: string) => void },
): Watch {
  const stop = new AbortController();
  const { signal } = stop;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    await rotateLog(options.dataFolder).catch(() => undefined);
    if (signal.aborted || (await runningPostmaster(installed.cluster))) return;
    if (failures === 0) log('PostgreSQL has ended; it is started again.');
    try {
      const { adopted, postmaster } = await findOrStartServer(installed, { ...options, signal });
      failures = 0;
      if (!adopted) log('PostgreSQL runs again.');
      if (postmaster.port !== options.port) {
        log(`PostgreSQL runs on port ${postmaster.port} now, no longer on ${options.port}: start Gatehouse again.`);
      }
    } catch (error) {
      if (signal.aborted) return;
      failures++;
      log(`${error instanceof Error ? error.message : String(error)} It is tried again.`);
    }
  }
  function next(): void {
    const pauseMs = Math.min(LOOK_MS * 2 ** failures, LONGEST_PAUSE_MS);
    timer = setTimeout(() => {
      looking = look().then(() => (signal.aborted ? undefined : next()));
    }, pauseMs);
    // It must not keep a command's process alive.
    timer.unref();
  }
  next();

  return {
    stop() {
      stop.abort();
      clearTimeout(timer);
      return looking;
    },
  };
}
