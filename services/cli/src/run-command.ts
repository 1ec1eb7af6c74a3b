import type { Config } from '@gatehouse/service/config';
import { exitCodeOf, onStop } from '@gatehouse/service/stop-signals';
import { openSession, type Session } from './session';

/** Why a command cannot be executed, as a sentence for a person; exit code 1. */
export class Refused extends Error {
  override name = 'Refused';
}

/**
 * Runs a command's work in a session that is closed afterwards, even after an error. `signal` aborts when the user stops
 * the command.
 */
export type Run = (work: (session: Session, signal: AbortSignal) => Promise<void>) => Promise<void>;

/** After the signal a command has this time to end by itself; then its session is closed. */
const MINDING_MS = 1_000;

export const runWith =
  (config: () => Config): Run =>
  async (work) => {
    const stop = new AbortController();
    let code = 0;
    const interrupted = new Promise<void>((resolve) => {
      onStop((signal) => {
        stop.abort();
        setTimeout(() => {
          code = exitCodeOf(signal);
          resolve();
        }, MINDING_MS);
      });
    });
    const session = await openSession(config());
    try {
      const working = work(session, stop.signal);
      // Errors after the interruption are not reported.
      working.catch(() => undefined);
      await Promise.race([working, interrupted]);
    } finally {
      // Otherwise a PostgreSQL that was started for this command would keep running.
      await session.close();
    }
    if (stop.signal.aborted) process.exit(code);
  };
