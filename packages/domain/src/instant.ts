/**
 * An instant in UTC, kept to the microsecond: `2027-07-16T12:00:00Z` or `2027-07-16T12:00:00.000001Z` (contract §1.6).
 * JavaScript's Date loses the microseconds, so an instant is its canonical text.
 */
export type Instant = string;

const INPUT =
  /^(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,6})\d{0,6})?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/i;

/**
 * The instant of an ISO 8601 text; without a zone it is UTC, the server's zone (contract §1.6). Undefined for an invalid
 * text: a bare date, an impossible day, a year outside 1…9999 after the zone is applied.
 */
export function parseInstant(text: string): Instant | undefined {
  const match = INPUT.exec(text.trim());
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone = 'Z'] = match;
  const [y, mo, d, h, mi, s] = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (y < 1 || mo < 1 || mo > 12 || d < 1 || d > daysIn(y, mo) || h > 23 || mi > 59 || s > 59) return undefined;
  const offsetMinutes = zoneOffset(zone);
  if (offsetMinutes === undefined) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(y, mo - 1, d);
  date.setUTCHours(h, mi - offsetMinutes, s, 0);
  if (date.getUTCFullYear() < 1 || date.getUTCFullYear() > 9999) return undefined;
  return withMicros(date.toISOString().slice(0, 19), fraction);
}

/** The canonical text of seconds (`YYYY-MM-DDThh:mm:ss`) and up to six digits of a fraction. */
function withMicros(seconds: string, fraction: string): Instant {
  const micros = fraction.padEnd(6, '0');
  return micros === '000000' ? `${seconds}Z` : `${seconds}.${micros}Z`;
}

/** Minutes east of UTC for `Z`, `GMT` and similar, or for `+02`, `+0200` or `+02:00`; undefined beyond a day. */
export function zoneOffset(zone: string): number | undefined {
  if (/^[a-z]/i.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || '0');
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

export function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
}

/** Milliseconds since 1970 as an instant. */
export function instantOf(epochMs: number, micros = 0): Instant {
  const iso = new Date(epochMs).toISOString();
  return withMicros(iso.slice(0, 19), iso.slice(20, 23) + String(micros).padStart(3, '0'));
}

/** Milliseconds since 1970; microseconds are truncated. */
export const epochMs = (instant: Instant): number => Date.parse(truncateToMillis(instant));

/** The instant `ms` milliseconds later; its microseconds stay. */
export const after = (instant: Instant, ms: number): Instant =>
  instantOf(epochMs(instant) + ms, Number(sortable(instant).slice(23, 26)));

/** Whether `a` is before `b`. */
export const earlier = (a: Instant, b: Instant): boolean => sortable(a) < sortable(b);

/** The same instant with six decimals: such texts sort chronologically. */
export function sortable(instant: Instant): string {
  return instant.length === 20 ? `${instant.slice(0, 19)}.000000Z` : instant;
}

/** Truncated to milliseconds, as the droid API prints it (contract §3.1). */
export function truncateToMillis(instant: Instant): Instant {
  if (instant.length === 20) return instant;
  const millis = instant.slice(20, 23);
  return millis === '000' ? `${instant.slice(0, 19)}Z` : `${instant.slice(0, 23)}Z`;
}
