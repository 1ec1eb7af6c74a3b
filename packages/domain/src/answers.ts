import { COUNTRY_CODES } from './countries';
import { readLenientTime, type LenientTime } from './lenient-time';
import { isStorable } from './storable-text';
import { offsetOfWallClock } from './time-zone';

/** A question that may be asked at the gate (contract §2.3). */
export type CheckinQuestion = {
  readonly id: number;
  readonly type: string;
  readonly required: boolean;
  readonly position: number;
  /** In the order position, id; `text` in the language of the request. */
  readonly options: readonly { readonly id: number; readonly identifier: string; readonly text: string }[];
};

/** A valid answer. `text` null is "no answer", accepted as given. */
export type Answered = {
  readonly question: number;
  readonly text: string | null;
  readonly options: readonly number[];
  /** No answer, boolean false, number zero, no option: stored only over an earlier answer (contract §2.4). */
  readonly falsy: boolean;
};

/** How answers are parsed: the event's time zone, and the language of the request for the decimal separator. */
export type Place = { readonly timeZone: string; readonly language: string };

/** An answer without its question. */
type Value = Omit<Answered, 'question'>;

/**
 * The valid answers among `raw` (by question id), in the order of the questions (contract §2.3). Invalid ones count as not
 * given; keys of other questions are ignored. `place` may be a time zone only: then numbers have a decimal point.
 */
export function readAnswers(
  questions: readonly CheckinQuestion[],
  raw: Readonly<Record<string, unknown>>,
  place: string | Place,
): Answered[] {
  if (questions.length === 0) return [];
  const where = typeof place === 'string' ? { timeZone: place, language: 'en' } : place;
  const answered: Answered[] = [];
  for (const question of questions) {
    const key = String(question.id);
    if (!Object.hasOwn(raw, key)) continue;
    const value = readAnswer(question, raw[key], where);
    if (value) answered.push({ question: question.id, ...value });
  }
  return answered;
}

const given = (text: string, options: readonly number[] = []): Value => ({ text, options, falsy: false });

const NO_ANSWER: Value = { text: null, options: [], falsy: true };
const FALSE: Value = { text: 'False', options: [], falsy: true };

function readAnswer(question: CheckinQuestion, raw: unknown, place: Place): Value | undefined {
  const yes = raw === true || raw === 'true' || raw === 'True';
  if (question.required && (isEmpty(raw) || (question.type === 'B' && !yes))) return undefined;
  if (question.type === 'B') return yes ? given('True') : FALSE;
  if (isEmpty(raw)) return NO_ANSWER;
  // Such a text cannot be stored, so it counts as not given; services refuse it with a 400 before.
  if (typeof raw === 'string' && !isStorable(raw)) return undefined;
  switch (question.type) {
    case 'N':
      return readNumber(raw, place.language);
    case 'C':
      return readChoice(question, raw);
    case 'M':
      return readChoices(question, raw);
    case 'D':
      return readDate(raw);
    case 'H':
      return readTime(raw);
    case 'W':
      return readDateTime(raw, place.timeZone);
    case 'CC':
      return typeof raw === 'string' && COUNTRY_CODES.has(raw.toUpperCase()) ? given(raw) : undefined;
    default:
      // S, T, F, TEL and types of newer shops: any text, as it was sent.
      return given(textOf(raw));
  }
}

function isEmpty(raw: unknown): boolean {
  if (!raw) return true;
  return typeof raw === 'object' && Object.keys(raw).length === 0;
}

/** `True` for true, as the reference writes it; lists and objects, which no client sends, as JSON. */
function textOf(raw: unknown): string {
  if (typeof raw === 'string') return raw;
  if (raw === true) return 'True';
  // JSON.stringify takes no bigint, the type of integers beyond 2^53.
  return typeof raw === 'bigint' ? String(raw) : JSON.stringify(raw, (_key, value: unknown) => plain(value));
}

const plain = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

function readNumber(raw: unknown, language: string): Value | undefined {
  if (typeof raw !== 'string' && typeof raw !== 'number' && typeof raw !== 'bigint') return undefined;
  const sent = String(raw).trim();
  const match = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))$/.exec(
    sent.includes(',') && hasDecimalComma(language) ? sent.replace(',', '.') : sent,
  );
  if (!match) return undefined;
  const [, sign, whole = '0', decimals = '', onlyDecimals] = match;
  const fraction = onlyDecimals ?? decimals;
  const text = (sign === '-' ? '-' : '') + whole.replace(/^0+(?=\d)/, '') + (fraction && `.${fraction}`);
  return { text, options: [], falsy: !/[1-9]/.test(text) };
}

function hasDecimalComma(language: string): boolean {
  try {
    return new Intl.NumberFormat(language).formatToParts(0.5).some((part) => part.value === ',');
  } catch {
    // Intl throws for an invalid language tag.
    return false;
  }
}

type Option = CheckinQuestion['options'][number];

/** The option with this id or identifier; an id takes precedence, as scanners send ids. */
function optionOf(question: CheckinQuestion, raw: unknown): Option | undefined {
  if (typeof raw !== 'string' && typeof raw !== 'number') return undefined;
  const name = String(raw).trim();
  return (
    question.options.find((option) => String(option.id) === name) ??
    question.options.find((option) => option.identifier === raw)
  );
}

function readChoice(question: CheckinQuestion, raw: unknown): Value | undefined {
  const option = optionOf(question, raw);
  return option && given(option.text, [option.id]);
}

/**
 * Every element must be an option's id or identifier; the answer's text lists options in the question's order, not in that
 * of the answer.
 */
function readChoices(question: CheckinQuestion, raw: unknown): Value | undefined {
  const elements: unknown[] = Array.isArray(raw) ? raw : typeof raw === 'string' ? raw.split(',') : [raw];
  const chosen = new Set<Option>();
  for (const element of elements) {
    const option = optionOf(question, element);
    if (!option) return undefined;
    chosen.add(option);
  }
  const options = question.options.filter((option) => chosen.has(option));
  return given(
    options.map((option) => option.text).join(', '),
    options.map((option) => option.id),
  );
}

function readDate(raw: unknown): Value | undefined {
  const { date } = lenient(raw);
  return date ? given(dateText(date)) : undefined;
}

function readTime(raw: unknown): Value | undefined {
  const { time } = lenient(raw);
  return time ? given(timeText(time)) : undefined;
}

/** A date without a time is midnight, as in the reference. */
function readDateTime(raw: unknown, timeZone: string): Value | undefined {
  const { date, time, offset } = lenient(raw);
  if (!date) return undefined;
  const { hour, minute, second } = time ?? MIDNIGHT;
  const wall = new Date(0);
  wall.setUTCFullYear(date.year, date.month - 1, date.day);
  wall.setUTCHours(hour, minute, second);
  const east = offset ?? offsetOfWallClock(timeZone, wall.getTime());
  return given(`${dateText(date)} ${timeText({ hour, minute, second })}${offsetText(east)}`);
}

const MIDNIGHT = { hour: 0, minute: 0, second: 0 };
const UNREADABLE: LenientTime = { date: null, time: null, offset: null };

const lenient = (raw: unknown): LenientTime =>
  (typeof raw === 'string' ? readLenientTime(raw) : undefined) ?? UNREADABLE;

const two = (value: number): string => String(value).padStart(2, '0');

const dateText = (date: NonNullable<LenientTime['date']>): string =>
  `${String(date.year).padStart(4, '0')}-${two(date.month)}-${two(date.day)}`;

const timeText = (time: NonNullable<LenientTime['time']>): string =>
  `${two(time.hour)}:${two(time.minute)}:${two(time.second)}`;

const offsetText = (minutes: number): string =>
  `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
