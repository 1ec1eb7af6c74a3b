import { epochMs, parseInstant, sortable, type Instant } from './instant';
import { offsetAt, offsetOfWallClock } from './time-zone';

/*
 * The rules of a check-in list: JSON logic with pretix's own operators and variables (contract §10, 3.9). What is written
 * here decides which rules are understood and what their words mean; a library evaluates them (admission/rules).
 */

const BOOLEAN = new Set(['and', 'or']);
const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>=']);
/** Numbers of entries until or from a time on, as `{"entries_since": [<time>]}`. */
const BY_TIME = new Set(['entries_since', 'entries_before', 'entries_days_since', 'entries_days_before']);
const VARIABLES = new Set([
  ...['product', 'variation', 'now_isoweekday', 'entry_status', 'entries_number', 'entries_today', 'entries_days'],
  ...['minutes_since_last_entry', 'minutes_since_first_entry'],
]);
const TIMES_OF_EVENT = new Set(['date_from', 'date_to', 'date_admission']);
const MOST_NESTED = 50;

/** What of some rules is not understood, for people; null: all is. Rules that are not understood let nobody in. */
export function problemOfRules(rules: unknown): string | null {
  return isObject(rules) && Object.keys(rules).length === 0 ? null : problemOfCondition(rules, 0);
}

function problemOfCondition(rule: unknown, depth: number): string | null {
  if (typeof rule === 'boolean') return null;
  if (depth > MOST_NESTED) return 'it is nested too deeply';
  const [operator, args] = operationOf(rule);
  if (operator === undefined) return `${shown(rule)} is no condition`;
  if (BOOLEAN.has(operator)) return firstOf(args.map((each) => () => problemOfCondition(each, depth + 1)));
  if (COMPARISONS.has(operator)) {
    return args.length === 2 ? firstOf(args.map((each) => () => problemOfValue(each))) : wrong(operator);
  }
  if (operator === 'inList') return problemOfMembership(args);
  if (operator === 'isBefore' || operator === 'isAfter') {
    const [first, second, tolerance, ...more] = args;
    const isTolerance = tolerance === undefined || tolerance === null || isNumeric(tolerance);
    if (args.length < 2 || more.length > 0 || !isTolerance) return wrong(operator);
    return firstOf([() => problemOfTime(first), () => problemOfTime(second)]);
  }
  return `the operator ${shown(operator)} is not known`;
}

function problemOfValue(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'string') return null;
  const [operator, args] = operationOf(value);
  if (operator === 'var') return problemOfVariable(args);
  if (operator !== undefined && BY_TIME.has(operator))
    return args.length === 1 ? problemOfTime(args[0]) : wrong(operator);
  return operator === undefined ? `${shown(value)} is no value` : `the operator ${shown(operator)} is not known`;
}

const problemOfVariable = ([name, ...more]: readonly unknown[]): string | null =>
  more.length === 0 && typeof name === 'string' && VARIABLES.has(name)
    ? null
    : `the variable ${shown(name)} is not known`;

function problemOfMembership([value, list, ...more]: readonly unknown[]): string | null {
  const [operator, args] = operationOf(value);
  const [listed, members] = operationOf(list);
  if (operator !== 'var' || listed !== 'objectList' || more.length > 0) return wrong('inList');
  const isMember = (member: unknown) => {
    const [lookup, [, id]] = operationOf(member);
    return lookup === 'lookup' && isNumeric(id) && Number.isInteger(Number(id));
  };
  return problemOfVariable(args) ?? (members.every(isMember) ? null : wrong('objectList'));
}

function problemOfTime(value: unknown): string | null {
  const [operator, args] = operationOf(value);
  if (operator === 'var' && args.length === 1 && args[0] === 'now') return null;
  if (operator !== 'buildTime') return `${shown(value)} is no time`;
  const [kind, text] = args;
  if (typeof kind === 'string' && TIMES_OF_EVENT.has(kind)) return null;
  const isKnown =
    typeof text === 'string' && (kind === 'custom' ? parseInstant(text) : kind === 'customtime' && clockOf(text));
  return isKnown ? null : `the time ${shown(args)} is not known`;
}

/** The operator of a rule and its arguments; one argument may stand without a list. */
function operationOf(rule: unknown): [string | undefined, readonly unknown[]] {
  if (!isObject(rule)) return [undefined, []];
  const [entry, ...more] = Object.entries(rule);
  if (!entry || more.length > 0) return [undefined, []];
  const [operator, args] = entry;
  return [operator, Array.isArray(args) ? args : [args]];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** A number, also as a text or a boolean. An object could throw where it is made a number. */
const isNumeric = (value: unknown): boolean => typeof value !== 'object' && Number.isFinite(Number(value));
const firstOf = (checks: readonly (() => string | null)[]): string | null => {
  for (const check of checks) {
    const problem = check();
    if (problem !== null) return problem;
  }
  return null;
};
const wrong = (operator: string) => `the arguments of ${shown(operator)} are not understood`;
const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

/** What rules ask about: one scan, the ticket's entries by the list before it, and the times of its event or date. */
export type RuleFacts = {
  readonly now: Instant;
  readonly timeZone: string;
  readonly product: number;
  readonly variation: number | null;
  /** Of entries that count, not of forced repeats; in order of time. */
  readonly entries: readonly Instant[];
  readonly isInside: boolean;
  /** As the shop states them. */
  readonly dates: {
    readonly date_from: string | null;
    readonly date_to: string | null;
    readonly date_admission: string | null;
  };
};

/** The values of the variables. Times are microseconds since 1970. */
export function ruleVariables({ now, timeZone, product, variation, entries, isInside }: RuleFacts) {
  const time = microsOf(now);
  const midnight = wallToMicros(timeZone, dayOf(timeZone, time) * DAY_MS);
  const times = entries.map(microsOf);
  const minutesSince = (entry: number | undefined) => (entry === undefined ? -1 : Math.floor((time - entry) / MINUTE));
  return {
    now: time,
    now_isoweekday: ((dayOf(timeZone, time) + 3) % 7) + 1,
    product,
    variation,
    entry_status: isInside ? 'present' : 'absent',
    entries_number: times.length,
    entries_today: times.filter((entry) => entry >= midnight).length,
    entries_days: daysIn(timeZone, times),
    minutes_since_last_entry: minutesSince(times.at(-1)),
    minutes_since_first_entry: minutesSince(times[0]),
  };
}

/** The number of entries, or of days with one, from a time on or before it; times are microseconds since 1970. */
export function entriesBy(operator: string, { entries, timeZone }: RuleFacts, time: number): number {
  const times = entries.map(microsOf);
  const counted = operator.endsWith('_since')
    ? times.filter((each) => each >= time)
    : times.filter((each) => each < time);
  return operator.startsWith('entries_days') ? daysIn(timeZone, counted) : counted.length;
}

/** A time that rules name, in microseconds since 1970; undefined when the shop has not said it. */
export function ruleTime(kind: string, text: unknown, { now, timeZone, dates }: RuleFacts): number | undefined {
  if (kind === 'custom') return stated(String(text));
  if (kind === 'date_from') return stated(dates.date_from);
  if (kind === 'date_to') return stated(dates.date_to ?? dates.date_from);
  if (kind === 'date_admission') return stated(dates.date_admission ?? dates.date_from);
  const clock = clockOf(String(text));
  return clock === undefined ? undefined : wallToMicros(timeZone, dayOf(timeZone, microsOf(now)) * DAY_MS + clock);
}

const MINUTE = 60_000_000;
const DAY_MS = 24 * 60 * 60 * 1000;

function stated(text: string | null): number | undefined {
  const instant = text === null ? undefined : parseInstant(text);
  return instant === undefined ? undefined : microsOf(instant);
}

const microsOf = (instant: Instant): number => epochMs(instant) * 1000 + Number(sortable(instant).slice(23, 26));

/** The number of the day in a zone, from 1970-01-01, a Thursday. */
const dayOf = (timeZone: string, micros: number): number => {
  const ms = Math.floor(micros / 1000);
  return Math.floor((ms + offsetAt(timeZone, ms) * 60_000) / DAY_MS);
};
const daysIn = (timeZone: string, times: readonly number[]): number =>
  new Set(times.map((time) => dayOf(timeZone, time))).size;
const wallToMicros = (timeZone: string, wallMs: number): number =>
  (wallMs - offsetOfWallClock(timeZone, wallMs) * 60_000) * 1000;

/** A time of the day in milliseconds; undefined for another text. */
function clockOf(text: string): number | undefined {
  const [, hour, minute, second = '0'] = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?$/.exec(text) ?? [];
  if (hour === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  return ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000;
}
