import { epochMs } from '@gatehouse/domain/instant';
import { offsetAt } from '@gatehouse/domain/time-zone';
import type { Festival } from '@gatehouse/shop/festival';

/*
 * Which event a scanner should show that changes events by itself: the one that runs, else the last or the next, whichever
 * is nearer. The rules are pretix's.
 */

/** An event, or one date of a series; instants in milliseconds since 1970. */
export type Occasion = {
  readonly festival: Festival;
  readonly date: number | null;
  /** When doors open, else when it begins. */
  readonly opens: number;
  readonly begins: number;
  /** Null: nobody knows. */
  readonly ends: number | null;
};

/** All occasions of an event: itself, or the active dates of a series. One without a beginning cannot be chosen. */
export function occasionsOf(festival: Festival): Occasion[] {
  const { fact, dates } = festival;
  const occasion = (date: number | null, times: Times): Occasion[] => {
    if (times.date_from === null) return [];
    const begins = epochMs(times.date_from);
    const opens = times.date_admission === null ? begins : epochMs(times.date_admission);
    return [{ festival, date, opens, begins, ends: times.date_to === null ? null : epochMs(times.date_to) }];
  };
  if (!fact.has_subevents) return occasion(null, fact);
  return [...dates.values()].filter(({ active }) => active).flatMap((date) => occasion(date.id, date));
}

type Times = {
  readonly date_from: string | null;
  readonly date_to: string | null;
  readonly date_admission: string | null;
};

/**
 * The occasion to show at `now`: `current` when it should stay, undefined when there is none. `current` is what the device
 * shows, which need not be among `all`.
 */
export function chooseOccasion(
  all: readonly Occasion[],
  current: Occasion | undefined,
  now: number,
): Occasion | undefined {
  const inOrder = [...all].sort((a, b) => a.opens - b.opens);
  const last = inOrder.findLast(({ opens }) => opens <= now);
  const next = inOrder.find(({ opens }) => opens > now);
  if (last && !isSame(last, current) && runs(last, now)) return last;
  if (current && runs(current, now)) return current;
  if (!last || !next) return next ?? last;
  const zone = (current ?? next).festival.fact.timezone;
  const today = dayIn(zone, now);
  const [lastIsToday, nextIsToday] = [dayIn(zone, last.begins) === today, dayIn(zone, next.begins) === today];
  if (lastIsToday !== nextIsToday) return lastIsToday ? last : next;
  const ended = last.ends ?? last.begins;
  return now > ended + (next.opens - ended) / 2 ? next : last;
}

const isSame = (a: Occasion, b: Occasion | undefined): boolean =>
  a.festival.key === b?.festival.key && a.date === b.date;

const runs = ({ opens, ends }: Occasion, now: number): boolean => ends !== null && opens <= now && now < ends;

const dayIn = (zone: string, instant: number): number =>
  Math.floor((instant + offsetAt(zone, instant) * 60_000) / 86_400_000);
