import type { Config } from '@gatehouse/service/config';
import { openSession, type Session } from './session';

/** What a command cannot do, told as a sentence; exit code 1. */
export class Refused extends Error {
  override name = 'Refused';
}

/** Runs a command's work in a session that is closed afterwards, also when it fails. */
export type Run = (work: (session: Session) => Promise<void>) => Promise<void>;

export const runWith =
  (config: () => Config): Run =>
  async (work) => {
    const session = await openSession(config());
    try {
      await work(session);
    } finally {
      await session.close();
    }
  };
