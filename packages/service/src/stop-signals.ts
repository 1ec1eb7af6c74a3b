import { constants } from 'node:os';

/**
 * A Ctrl-C comes twice under npm: the terminal sends it to everybody, and npm passes it on, later when the machine is busy. The
 * echo must not count as "now, at once".
 */
const ECHO_MS = 2_000;

/**
 * Calls `stop` at the first SIGINT, SIGTERM or SIGHUP (the terminal was closed). Who asks again after a while ends the process at
 * once; a terminal does not ask.
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

/** As shells tell that a signal ended a process. */
export const exitCodeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];
