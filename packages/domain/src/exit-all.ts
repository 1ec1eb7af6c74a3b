import type { CheckinListEvent, PositionExited, RedemptionUndone } from '@gatehouse/events/admission';
import type { CheckinList } from './checkin-list';
import type { Decision } from './decider';
import { epochMs, instantOf, type Instant } from './instant';
import { wasInsideAt } from './passages';
import { passagesAt, type Admissions } from './ticket';
import { offsetAt, offsetOfWallClock } from './time-zone';

/* A list may let everybody out at a time of the day (contract §10, 3.12: `exit_all_at`). */

/** Records that a ticket left with everybody else, if it was inside at that time. A repeat does nothing. */
export const exitEveryone =
  (about: Omit<RedemptionUndone['data'], 'reason' | 'scan' | 'nonce'>, datetime: Instant) =>
  (history: Admissions): Decision<{ left: boolean }, PositionExited> =>
    wasInsideAt(passagesAt(history, about.list), datetime)
      ? { result: { left: true }, events: [exitedWithAll(about, datetime)] }
      : { result: { left: false }, events: [] };

/** The event of a ticket that counts as having left at that time, without a scan. */
export const exitedWithAll = (
  about: Omit<RedemptionUndone['data'], 'reason' | 'scan' | 'nonce'>,
  datetime: Instant,
): PositionExited => ({
  type: 'PositionExited',
  data: { ...about, forced: false, auto: true, datetime, nonce: null, nonce_present: false },
});

/**
 * Moves a list's `exit_all_at` to the same time of the clock on the next day that is not past (`now`: milliseconds since
 * 1970). Does nothing when it was changed meanwhile. This is no edit, so a later import finds the list as it was stated.
 */
export const moveExitAll =
  (at: Instant, { timeZone, now }: { readonly timeZone: string; readonly now: number }) =>
  (list: CheckinList): Decision<{ moved: boolean }, CheckinListEvent> => {
    if (list.kind !== 'active' || list.fields.exit_all_at !== at) return { result: { moved: false }, events: [] };
    const origin = list.fact && !list.edited ? list.fact : { import: null, hash: null };
    const data = { ...list.fields, exit_all_at: nextDay(at, timeZone, now), ...origin, replaced_edits: false };
    return { result: { moved: true }, events: [{ type: 'CheckinListChanged', data }] };
  };

const DAY_MS = 24 * 60 * 60 * 1000;

/** The same time of the clock on the first later day that is after `now`. */
export function nextDay(at: Instant, timeZone: string, now: number): Instant {
  const start = epochMs(at);
  const clock = start + offsetAt(timeZone, start) * 60_000;
  let days = Math.max(1, Math.floor((now - start) / DAY_MS));
  for (;;) {
    const wall = clock + days * DAY_MS;
    const next = wall - offsetOfWallClock(timeZone, wall) * 60_000;
    if (next > now) return instantOf(next);
    days++;
  }
}
