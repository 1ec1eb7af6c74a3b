import type { Config } from '@gatehouse/service/config';
import { exitCodeOf, onStop } from '@gatehouse/service/stop-signals';
import { openSession, type Session } from './session';

/** What a command cannot do, as a sentence for a person; exit code 1. */
export class Refused extends Error {
  override name = 'Refused';
}

/** Runs a command's work in a session that is closed afterwards, also when it fails. `signal`: a person wants it to end. */
export type Run = (work: (session: Session, signal: AbortSignal) => Promise<void>) => Promise<void>;

/** A command that minds the signal ends by itself; from others the session is taken away. */
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
      // What is cut short says nothing more.
      working.catch(() => undefined);
      await Promise.race([working, interrupted]);
    } finally {
      // Else a PostgreSQL that was started for this command would stay.
      await session.close();
    }
    if (stop.signal.aborted) process.exit(code);
  };
