/**
 * One formatter per zone: creating one is a thousand times as expensive as using it. Zones come from events, so they are
 * few.
 */
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Minutes east of UTC in a zone at an instant (milliseconds since 1970). An unknown zone counts as UTC. */
export function offsetAt(timeZone: string, epochMs: number): number {
  const name = formatterOf(timeZone)
    .formatToParts(epochMs)
    .find((part) => part.type === 'timeZoneName')?.value;
  const match = /([+-])(\d{2}):(\d{2})/.exec(name ?? '');
  if (!match) return 0;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Minutes east of UTC for a wall-clock time of the zone (taken as if it were UTC, in milliseconds). In an hour that occurs
 * twice it is the first one; in a skipped hour it is the offset before the change.
 */
export function offsetOfWallClock(timeZone: string, wallMs: number): number {
  const before = offsetAt(timeZone, wallMs - DAY_MS);
  const after = offsetAt(timeZone, wallMs + DAY_MS);
  const holds = (offset: number) => offsetAt(timeZone, wallMs - offset * 60_000) === offset;
  return !holds(before) && holds(after) ? after : before;
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known) return known;
  const made = newFormatter(timeZone) ?? formatterOf('UTC');
  formatters.set(timeZone, made);
  return made;
}

function newFormatter(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  } catch {
    // Intl throws for an unknown zone; an event with such a zone must still be able to admit people.
    return undefined;
  }
}
