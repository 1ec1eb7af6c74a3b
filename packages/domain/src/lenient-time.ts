import { daysIn, zoneOffset } from './instant';

/** A day, a time or both as people and old scanners write them (contract §2.3 and the decisions at its head). */
export type LenientTime = {
  readonly date: { readonly year: number; readonly month: number; readonly day: number } | null;
  readonly time: { readonly hour: number; readonly minute: number; readonly second: number } | null;
  /** Minutes east of UTC; null when the text has no zone. */
  readonly offset: number | null;
};

/** Longer texts are no dates; the limit keeps the patterns below fast for any input. */
const MAX_LENGTH = 60;

const ZONE = '(Z|UTC|GMT|[+-]\\d{2}(?::?\\d{2})?)?';
const COMPACT = new RegExp(`^(\\d{4})(\\d{2})(\\d{2})(?:[T ](\\d{2})(\\d{2})(\\d{2})?)?${ZONE}$`, 'i');
/** A time at the end: `20:00`, `20:00:15.5 +02:00`, `8:30 pm`, `6pm`. */
const TIME = new RegExp(
  `(?:^|[T\\s,])(\\d{1,2})(?::(\\d{2})(?::(\\d{2})(?:[.,]\\d{1,9})?)?)?\\s?([ap]\\.?m\\b\\.?)?\\s?${ZONE}$`,
  'i',
);

const YEAR_FIRST = /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})$/;
const DOTTED = /^(\d{1,2})\. ?(\d{1,2})\. ?(\d{4})$/;
const SLASHED = /^(\d{1,2})([-/])(\d{1,2})\2(\d{4})$/;
const DAY_MONTH = /^(\d{1,2})(?:st|nd|rd|th|\.)?[ -]?(?:of )?([a-z]{3,9})\.?,?[ -]?(\d{4})$/;
const MONTH_DAY = /^([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? ?(\d{4})$/;
const WEEKDAY = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,? /;

const MONTHS = [
  ...['january', 'february', 'march', 'april', 'may', 'june'],
  ...['july', 'august', 'september', 'october', 'november', 'december'],
];

/**
 * Parses `2027-07-18T20:00`, `18.07.2027`, `07/18/2027`, `18 July 2027 20:00`, `6pm` and similar; undefined for anything
 * else. Fractions of a second are truncated. Missing parts are never taken from today.
 */
export function readLenientTime(text: string): LenientTime | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const plain = extended(text.trim().replace(/\s+/g, ' '));
  const match = TIME.exec(plain);
  // A number alone is no time, it needs minutes or am/pm: otherwise `18 July 27` would end in a time.
  const timed = match && (match[2] !== undefined || match[4] !== undefined) ? match : null;
  const dateText = (timed ? plain.slice(0, timed.index) : plain).toLowerCase().replace(/(?:,| at)+$/, '');

  const time = timed ? readTime(timed) : null;
  const offset = timed?.[5] === undefined ? null : zoneOffset(timed[5]);
  const date = dateText === '' ? null : readDate(dateText.replace(WEEKDAY, ''));
  if (time === undefined || date === undefined || offset === undefined || !(time || date)) return undefined;
  return { date, time, offset };
}

/** `20270718T2000` in the long form that the other patterns match. */
function extended(text: string): string {
  const match = COMPACT.exec(text);
  if (!match) return text;
  const [, year, month, day, hour, minute, second = '00', zone = ''] = match;
  return `${year}-${month}-${day}` + (hour ? `T${hour}:${minute}:${second}${zone}` : '');
}

function readTime([, hours, minutes = '0', seconds = '0', half]: RegExpExecArray): LenientTime['time'] | undefined {
  const [minute, second] = [Number(minutes), Number(seconds)];
  const hour = half ? hourOfHalf(Number(hours), half) : Number(hours);
  if (hour === undefined || hour > 23 || minute > 59 || second > 59) return undefined;
  return { hour, minute, second };
}

/** 12am is midnight, 12pm is noon. */
function hourOfHalf(hour: number, half: string): number | undefined {
  if (hour < 1 || hour > 12) return undefined;
  return (hour % 12) + (/^p/i.test(half) ? 12 : 0);
}

function readDate(text: string): LenientTime['date'] | undefined {
  let match = YEAR_FIRST.exec(text);
  if (match) return day(match[1], match[3], match[4]);
  match = DOTTED.exec(text);
  if (match) return day(match[3], match[2], match[1]);
  match = SLASHED.exec(text);
  // `18/07/2027` has only one valid reading, so it is accepted although the month comes second.
  if (match) return day(match[4], match[1], match[3]) ?? day(match[4], match[3], match[1]);
  match = DAY_MONTH.exec(text);
  if (match) return day(match[3], monthOf(match[2]!), match[1]);
  match = MONTH_DAY.exec(text);
  if (match) return day(match[3], monthOf(match[1]!), match[2]);
  return undefined;
}

/** 1 to 12, or 0 when the word is no month. */
function monthOf(word: string): number {
  const name = word === 'sept' ? 'sep' : word;
  return MONTHS.findIndex((month) => month === name || month.slice(0, 3) === name) + 1;
}

function day(
  y: string | undefined,
  m: string | number | undefined,
  d: string | undefined,
): LenientTime['date'] | undefined {
  const [year, month, date] = [Number(y), Number(m), Number(d)];
  if (year < 1 || month < 1 || month > 12 || date < 1 || date > daysIn(year, month)) return undefined;
  return { year, month, day: date };
}
