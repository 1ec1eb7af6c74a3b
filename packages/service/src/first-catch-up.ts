import { waker } from '@gatehouse/eventing/postgres';
import type { Feeds, FollowedEnds } from './feeds';
import type { Log } from './log';

const LOOK_MS = 200;
/** After this time without progress in other contexts' backlog the process stops waiting for it. */
const STANDSTILL_MS = 10_000;

/**
 * Resolves when a newly started process may accept requests, or when aborted. Its read models must have applied the
 * context's own history, and `refresh` must have read into memory what they have. For other contexts it waits while their backlog shrinks; after ten seconds without progress (a
 * broker that is away, a consumer stuck at a poison event) the process starts with the facts that it has.
 */
export async function firstCatchUp(
  feeds: Feeds,
  { log, signal, refresh }: { log: Log; signal: AbortSignal; refresh(): Promise<void> },
): Promise<void> {
  const pause = waker();
  let ends: FollowedEnds | undefined;
  let least = Infinity;
  let since = Date.now();
  let ownIsApplied = false;
  let othersAre = false;
  while (!signal.aborted) {
    try {
      ownIsApplied ||= await feeds.ownIsApplied(LOOK_MS);
      ends ??= await feeds.followedEnds();
      const backlog = (await feeds.backlogs(ends)).reduce((sum, each) => sum + each, 0);
      if (backlog < least) since = Date.now();
      least = Math.min(least, backlog);
      othersAre ||= backlog === 0;
    } catch {
      // The database is away, which health reports, or the bus does not answer.
    }
    if (!othersAre && Date.now() - since > STANDSTILL_MS) {
      log.warn('what other contexts have said is not all here: the gates begin with what they know');
      othersAre = true;
    }
    if (ownIsApplied && othersAre && (await isRefreshed(refresh))) return;
    await pause.next(signal, LOOK_MS);
  }
}

/** The notification of a change may be on its way yet. */
const isRefreshed = (refresh: () => Promise<void>): Promise<boolean> =>
  refresh().then(
    () => true,
    () => false,
  );
