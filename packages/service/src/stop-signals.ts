import { constants } from 'node:os';

/**
 * Under npm a Ctrl-C arrives twice: the terminal sends it to all processes, and npm forwards it, later on a busy machine.
 * This echo must not count as the second signal, which ends the process at once.
 */
const ECHO_MS = 2_000;

/**
 * Calls `stop` at the first SIGINT, SIGTERM or SIGHUP (the terminal was closed). A later SIGINT or SIGTERM ends the process
 * at once.
 */
export function onStop(stop: (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => void): void {
  let firstMs: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (firstMs === undefined) {
        firstMs = performance.now();
        stop(signal);
      } else if (signal !== 'SIGHUP' && performance.now() - firstMs > ECHO_MS) {
        process.exit(exitCodeOf(signal));
      }
    });
  }
}

/** The exit code by which shells report that a signal ended a process. */
export const exitCodeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];
