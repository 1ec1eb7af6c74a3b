import { waker } from '@gatehouse/eventing/postgres';
import type { Feeds, FollowedEnds } from './feeds';
import type { Log } from './log';

const LOOK_MS = 200;
/** A backlog of other contexts' events that does not shrink for so long is not waited for. */
const STANDSTILL_MS = 10_000;

/**
 * Resolves when a process that has just started may take requests, or when aborted. Its read models must have applied all of the
 * context's own history. Other contexts are waited for while the backlog of their events shrinks; after ten seconds without progress
 * (a broker that is away, a consumer at a poison event) the process begins with what it knows.
 */
export async function firstCatchUp(feeds: Feeds, { log, signal }: { log: Log; signal: AbortSignal }): Promise<void> {
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
      // The database is away, which health says, or the bus cannot be asked.
    }
    if (!othersAre && Date.now() - since > STANDSTILL_MS) {
      log.warn('what other contexts have said is not all here: the gates begin with what they know');
      othersAre = true;
    }
    if (ownIsApplied && othersAre) return;
    await pause.next(signal, LOOK_MS);
  }
}
