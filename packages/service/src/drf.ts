import { domainToASCII } from 'node:url';
import { isIP } from 'node:net';
import { daysIn, parseInstant, type Instant } from '@gatehouse/domain/instant';
import type { Body } from './body';
import { ValidationError, type ErrorTree } from './errors';
import { Fields } from './fields';
import { Invalid, invalid } from './invalid';
import { parseJsonText } from './json';
import { integerOf, plainNumber, pythonText, pythonType, strip, unstorable } from './python';

/*
 * The field types of Django REST framework, with their parsing and error messages (contract §1.6, §1.7). A field is a
 * value; `optional`, `nullable` and `withDefault` derive other fields from it.
 */

type Parsed<T> = T | Invalid | Promise<T | Invalid>;

export type Field<T> = {
  /** Parses a value that is neither absent nor null. */
  readonly parse: (value: unknown) => Parsed<T>;
  /** What an absent value means: an error, nothing, or a value. */
  readonly absent: 'required' | 'skipped' | { readonly value: T };
  readonly nullable: boolean;
  /** Whether `""` is a valid value; otherwise it means null or absent, which a form can express in no other way. */
  readonly keepsEmpty: boolean;
  /** Whether a given value means null. */
  readonly meansNull: (value: unknown, nullable: boolean) => boolean;
  /** Where its value is in a form: the last field of that name, all fields of that name, or JSON in the last one. */
  readonly inForm: 'last' | 'all' | 'json';
  /** Its value when it is absent from a form and has no default: browsers do not send unchecked boxes. */
  readonly absentInForm: { readonly value: T } | undefined;
  /** The message for a given value (or null) that a further rule refuses. A method, so that a field of T is one of unknown. */
  refusal?(value: T): string | undefined;
};

export type Shape = { readonly [name: string]: Field<unknown> };
export type Values<S extends Shape> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

const field = <T>(parse: Field<T>['parse'], more: Partial<Field<T>> = {}): Field<T> => ({
  parse,
  absent: 'required',
  nullable: false,
  keepsEmpty: false,
  meansNull: () => false,
  inForm: 'last',
  absentInForm: undefined,
  ...more,
});

/** May be absent, and is then absent from the values. */
export const optional = <T>(of: Field<T>): Field<T | undefined> => ({ ...of, absent: 'skipped' });
/** The same also for a form: an unchecked box that is not sent is absent, not false. */
export const unlessSent = <T>(of: Field<T>): Field<T | undefined> => ({ ...optional(of), absentInForm: undefined });
/** Accepts null. */
export const nullable = <T>(of: Field<T>): Field<T | null> => ({ ...of, nullable: true });
/** May be absent and is then `value`, except in a partial update. */
export const withDefault = <T>(of: Field<T>, value: T): Field<T> => ({
  ...of,
  absent: { value },
  absentInForm: undefined,
});

/** With a further rule for given values, including null: returns the message for a refused one (`validate_<field>` in DRF). */
export const checked = <T>(of: Field<T>, refusal: (value: T) => string | undefined): Field<T> => ({ ...of, refusal });

/** Trimmed text; numbers are converted to text. `blank` accepts the empty text. */
export function char({ max, blank = false }: { max?: number; blank?: boolean } = {}): Field<string> {
  return field((value) => (isBlank(value) ? takeBlank(blank) : parseChar(value, max)), { keepsEmpty: blank });
}

const isBlank = (value: unknown): boolean => typeof value === 'string' && strip(value) === '';
const takeBlank = (blank: boolean): string | Invalid => (blank ? '' : invalid('This field may not be blank.'));

function parseChar(value: unknown, max: number | undefined): string | Invalid {
  if (!['string', 'number', 'bigint'].includes(typeof value)) return invalid('Not a valid string.');
  const text = strip(typeof value === 'string' ? value : pythonText(value));
  const messages = unstorable(text);
  if (max !== undefined && longerThan(text, max)) {
    messages.unshift(`Ensure this field has no more than ${max} characters.`);
  }
  return messages.length > 0 ? new Invalid(messages) : text;
}

/** Characters are code points, as Python counts them. */
function longerThan(text: string, max: number): boolean {
  if (text.length <= max) return false;
  if (text.length > 2 * max) return true;
  return [...text].length > max;
}

/** An e-mail address by Django's rules; a value that is no text is invalid (contract, Carts). */
export function email({ max = 254, blank = false }: { max?: number; blank?: boolean } = {}): Field<string> {
  return field(
    (value) => {
      if (isBlank(value)) return takeBlank(blank);
      const text = typeof value === 'string' ? parseChar(value, max) : invalid();
      if (!(text instanceof Invalid)) return isEmail(text) ? text : invalid('Enter a valid email address.');
      const wrong = typeof value !== 'string' || !isEmail(strip(value));
      return new Invalid([...(text.tree as string[]), ...(wrong ? ['Enter a valid email address.'] : [])]);
    },
    { keepsEmpty: blank },
  );
}

const EMAIL_USER =
  /^(?:[-!#$%&'*+/=?^_`{}|~0-9A-Z]+(?:\.[-!#$%&'*+/=?^_`{}|~0-9A-Z]+)*|"(?:[\x01-\x08\x0b\x0c\x0e-\x1f!#-[\]-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*")$/i;
const EMAIL_DOMAIN = /^(?:[A-Z0-9](?:[A-Z0-9-]{0,61}[A-Z0-9])?\.)+[A-Z0-9-]{1,62}[A-Z0-9]$/i;

function isEmail(text: string): boolean {
  const at = text.lastIndexOf('@');
  if (at === -1 || text.length > 320 || !EMAIL_USER.test(text.slice(0, at))) return false;
  const domain = text.slice(at + 1);
  if (domain === 'localhost' || EMAIL_DOMAIN.test(domain)) return true;
  if (domain.startsWith('[') && domain.endsWith(']')) return isIP(domain.slice(1, -1)) !== 0;
  return EMAIL_DOMAIN.test(domainToASCII(domain));
}

const TRUE = new Set<unknown>([
  't',
  'T',
  'y',
  'Y',
  'yes',
  'Yes',
  'YES',
  'true',
  'True',
  'TRUE',
  'on',
  'On',
  'ON',
  '1',
  1,
  true,
]);
const FALSE = new Set<unknown>([
  'f',
  'F',
  'n',
  'N',
  'no',
  'No',
  'NO',
  'false',
  'False',
  'FALSE',
  'off',
  'Off',
  'OFF',
  '0',
  0,
  false,
]);
const NULL_WORDS = new Set<unknown>(['null', 'Null', 'NULL', '']);

/** A boolean in any of the spellings of contract §1.6. Absent from a form it is false. */
export function boolean(): Field<boolean> {
  return field<boolean>(
    (value) => (TRUE.has(value) ? true : FALSE.has(value) ? false : invalid('Must be a valid boolean.')),
    { meansNull: (value, may) => may && NULL_WORDS.has(value), absentInForm: { value: false } },
  );
}

/** An integer between `min` and `max`, also as text (`"5"`, `"5.0"`). */
export function integer({ min, max }: { min?: number; max?: number } = {}): Field<number> {
  return field((value) => {
    if (typeof value === 'string' && value.length > 1000) return invalid('String value too large.');
    const number = integerOf(typeof value === 'string' ? value.replace(/\.0*\s*$/, '') : value);
    if (number === undefined) return invalid('A valid integer is required.');
    // Infinity represents any integer that is too large, of either sign.
    const size = Number.isFinite(number) ? number : Number(value);
    if (max !== undefined && size > max) return invalid(`Ensure this value is less than or equal to ${max}.`);
    if (min !== undefined && size < min) return invalid(`Ensure this value is greater than or equal to ${min}.`);
    return Number.isFinite(number) ? number : invalid('A valid integer is required.');
  });
}

/** A decimal number of at most `digits` digits, `places` of them after the point; given as text with all its places: `"23.00"`. */
export function decimal({ digits, places }: { digits: number; places: number }): Field<string> {
  return field((value) => parseDecimal(value, digits, places), {
    meansNull: (value, may) => may && isBlank(value),
  });
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;

/** Parses money and other decimals; only the first failure in the order of contract §1.7 is reported. */
export function parseDecimal(value: unknown, maxDigits: number, places: number): string | Invalid {
  if (typeof value === 'object' || typeof value === 'boolean') return invalid('A valid number is required.');
  const text = strip(pythonText(value));
  if (text.length > 1000) return invalid('String value too large.');
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = DECIMAL.exec(text) ?? [];
  if (whole === '' && fraction === '') return invalid('A valid number is required.');
  const digits = (whole + fraction).replace(/^0+(?=.)/, '');
  const exponent = Number(exponentText) - fraction.length;
  const decimals = Math.max(0, -exponent);
  const total = exponent >= 0 ? digits.length + exponent : Math.max(digits.length, decimals);
  if (total > maxDigits) return invalid(`Ensure that there are no more than ${maxDigits} digits in total.`);
  if (decimals > places) return invalid(`Ensure that there are no more than ${places} decimal places.`);
  if (total - decimals > maxDigits - places) {
    return invalid(`Ensure that there are no more than ${maxDigits - places} digits before the decimal point.`);
  }
  return (sign === '-' ? '-' : '') + pointed(digits + '0'.repeat(Math.max(0, exponent)), decimals, places);
}

/** The digits with a decimal point before the last `decimals` of them, filled up to `places`. */
function pointed(digits: string, decimals: number, places: number): string {
  const padded = digits.padStart(decimals + 1, '0');
  const whole = padded.slice(0, padded.length - decimals);
  if (places === 0) return whole;
  return `${whole}.${padded.slice(padded.length - decimals).padEnd(places, '0')}`;
}

const wrongFormat = (what: string, formats: string) =>
  invalid(`${what} has wrong format. Use one of these formats instead: ${formats}.`);

/** The message of every route for an invalid date and time (contract §1.7). */
export const WRONG_DATETIME =
  'Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].';

/** An instant with microseconds; without a zone it is UTC. */
export function datetime(): Field<Instant> {
  return field((value) => (typeof value === 'string' && parseInstant(value)) || invalid(WRONG_DATETIME));
}

const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;

/** A day, as `YYYY-MM-DD`. */
export function date(): Field<string> {
  return field((value) => {
    const [, year, month, day] = (typeof value === 'string' && DATE.exec(value)) || [];
    if (!day || !isDay(Number(year), Number(month), Number(day))) return wrongFormat('Date', 'YYYY-MM-DD');
    return `${year}-${month!.padStart(2, '0')}-${day.padStart(2, '0')}`;
  });
}

const isDay = (year: number, month: number, day: number): boolean =>
  year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);

const TIME = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,6})\d{0,6})?)?$/;

/** A time of day, as `hh:mm:ss`, with six more digits only when they are not zero. */
export function time(): Field<string> {
  return field((value) => {
    const [, hour, minute, second = '0', fraction = ''] = (typeof value === 'string' && TIME.exec(value)) || [];
    if (!minute || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) {
      return wrongFormat('Time', 'hh:mm[:ss[.uuuuuu]]');
    }
    const micros = Number(fraction) === 0 ? '' : `.${fraction.padEnd(6, '0')}`;
    return [hour!, minute, second].map((part) => part.padStart(2, '0')).join(':') + micros;
  });
}

/** Finds an object by its id; undefined when it does not exist. Ids are integers, possibly negative. */
export type Find<T> = (id: number) => T | undefined | Promise<T | undefined>;

/** One related object by its id; `""` means null. */
export function pk<T>(find: Find<T>): Field<T> {
  return field(
    async (value) => {
      const id = relatedId(value);
      const found = id !== undefined && Number.isFinite(id) ? await find(id) : undefined;
      return found ?? notRelated(value);
    },
    { meansNull: (value) => value === '' },
  );
}

/** The value as an id, Infinity for one that is too large to exist; undefined when it is no id. */
const relatedId = (value: unknown): number | undefined => (value === null ? Infinity : integerOf(value));

function notRelated(value: unknown): Invalid {
  if (relatedId(value) === undefined) {
    return invalid(`Incorrect type. Expected pk value, received ${pythonType(value)}.`);
  }
  return invalid(`Invalid pk "${pythonText(value)}" - object does not exist.`);
}

/** Finds objects by their ids; missing ones are left out. */
export type FindMany<T> = (ids: readonly number[]) => ReadonlyMap<number, T> | Promise<ReadonlyMap<number, T>>;

/** Several related objects by their ids, found in one call; the first wrong id is the error. */
export function pks<T>(find: FindMany<T>): Field<readonly T[]> {
  return field<readonly T[]>((value) => (Array.isArray(value) ? findAllRelated(value, find) : notAList(value)), {
    inForm: 'all',
    absentInForm: { value: [] },
  });
}

async function findAllRelated<T>(values: readonly unknown[], find: FindMany<T>): Promise<readonly T[] | Invalid> {
  if (values.length > MAX_ELEMENTS) return TOO_MANY;
  const ids = values.map(relatedId);
  const findable = ids.filter((id) => id !== undefined && Number.isFinite(id)) as number[];
  const found = findable.length === 0 ? new Map<number, T>() : await find([...new Set(findable)]);
  const related = ids.map((id) => (id === undefined ? undefined : found.get(id)));
  const wrong = related.indexOf(undefined);
  return wrong === -1 ? (related as T[]) : notRelated(values[wrong]);
}

/** More than any list of the four APIs needs, and few enough to be checked without delaying other requests. */
const MAX_ELEMENTS = 10_000;
const TOO_MANY = invalid(`Ensure this field has no more than ${MAX_ELEMENTS} elements.`);

const notAList = (value: unknown) => invalid(`Expected a list of items but got type "${pythonType(value)}".`);

/** One of a few texts. */
export function choice<T extends string>(...choices: readonly T[]): Field<T> {
  return field((value) => {
    const text = pythonText(value);
    return choices.find((known) => known === text) ?? invalid(`"${text}" is not a valid choice.`);
  });
}

/** A list of any texts; anything else is `Invalid data type.` (contract §4.3). */
export function words(): Field<readonly string[]> {
  return field<readonly string[]>(
    (value) => {
      if (!Array.isArray(value) || !value.every((word) => typeof word === 'string'))
        return invalid('Invalid data type.');
      if (value.length > MAX_ELEMENTS) return TOO_MANY;
      const messages = value.flatMap(unstorable);
      return messages.length > 0 ? invalid(messages[0]!) : value;
    },
    { inForm: 'all', absentInForm: { value: [] } },
  );
}

export type JsonObject = { readonly [key: string]: unknown };

/** A JSON object, unchanged; its texts must be storable. */
export function jsonObject(): Field<JsonObject> {
  return field(
    (value) => {
      if (!isObject(value)) return invalid('Value must be valid JSON.');
      for (const text of textsIn(value)) {
        const messages = unstorable(text);
        if (messages.length > 0) return new Invalid(messages);
      }
      return containsBigint(value) ? withoutBigints(value) : value;
    },
    { inForm: 'json' },
  );
}

const withoutBigints = (value: JsonObject): JsonObject =>
  JSON.parse(JSON.stringify(value, (_key, inner) => plainNumber(inner))) as JsonObject;

/** All keys and texts in a JSON value; the body reader has limited its depth. */
function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    yield key;
    yield* textsIn(inner);
  }
}

function containsBigint(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(containsBigint);
  return typeof value === 'bigint';
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Fields);

/**
 * A list of objects. `read` converts an object with valid fields, or returns the errors of the object as a whole. Errors are
 * a list parallel to the input, with `{}` for each valid object (contract §8.3).
 */
export function objects<S extends Shape, T>(
  shape: S,
  read: (values: Values<S>) => T | Invalid | Promise<T | Invalid>,
): Field<readonly T[]> {
  return field<readonly T[]>(
    async (value) => {
      if (!Array.isArray(value)) return new Invalid({ non_field_errors: notAList(value).tree });
      if (value.length > MAX_ELEMENTS) return new Invalid({ non_field_errors: TOO_MANY.tree });
      const all: (T | Invalid)[] = [];
      for (const item of value as unknown[]) {
        const values = isObject(item) ? await readObject(item, shape) : notADictionary(item);
        all.push(values instanceof Invalid ? values : await read(values));
      }
      if (!all.some((item) => item instanceof Invalid)) return all as T[];
      return new Invalid(all.map((item) => (item instanceof Invalid ? item.tree : {})));
    },
    { inForm: 'json', absentInForm: { value: [] } },
  );
}

const notADictionary = (value: unknown) =>
  new Invalid({ non_field_errors: [`Invalid data. Expected a dictionary, but got ${pythonType(value)}.`] });

/** The values of a body. Throws ValidationError with the errors of all its fields, in the order of the shape. */
export async function validate<S extends Shape>(body: Body, shape: S): Promise<Values<S>> {
  const values = await readObject(body, shape);
  if (values instanceof Invalid) throw new ValidationError(values.tree);
  return values;
}

/** The same for PATCH: only the values that were sent, without defaults. */
export async function validatePartial<S extends Shape>(body: Body, shape: S): Promise<Partial<Values<S>>> {
  const values = await readObject(body, shape, 'partial');
  if (values instanceof Invalid) throw new ValidationError(values.tree);
  return values;
}

/** The same for one of many objects (bulk_create); returns errors as a value. Accepts a form or a JSON value. */
export async function readObject<S extends Shape>(
  input: unknown,
  shape: S,
  extent: 'whole' | 'partial' = 'whole',
): Promise<Values<S> | Invalid> {
  if (input === null) return new Invalid({ non_field_errors: ['No data provided'] });
  if (typeof input !== 'object' || Array.isArray(input)) return notADictionary(input);
  const values: Record<string, unknown> = {};
  const errors: Record<string, ErrorTree> = {};
  for (const [name, of] of Object.entries(shape)) {
    const given = input instanceof Fields ? fromForm(input, name, of, extent) : fromJson(input, name);
    const value = given === ABSENT ? absentValue(of, extent) : unrefused(await readValue(given, of), of);
    if (value instanceof Invalid) errors[name] = value.tree;
    else if (value !== ABSENT) values[name] = value;
  }
  return Object.keys(errors).length > 0 ? new Invalid(errors) : (values as Values<S>);
}

const ABSENT = Symbol('absent');

/** Only own properties: `constructor` and similar are absent unless the client sent them. */
const fromJson = (input: object, name: string): unknown =>
  Object.hasOwn(input, name) ? (input as Record<string, unknown>)[name] : ABSENT;

function fromForm(form: Fields, name: string, of: Field<unknown>, extent: 'whole' | 'partial'): unknown {
  const given = form.getAll(name);
  if (given.length === 0) return of.absentInForm && extent === 'whole' ? of.absentInForm.value : ABSENT;
  if (of.inForm === 'all') return given;
  const text = given.at(-1)!;
  if (text === '' && of.keepsEmpty) return '';
  if (text === '' && of.nullable) return null;
  if (text === '' && of.absent !== 'required') return ABSENT;
  return of.inForm === 'json' ? jsonOf(text) : text;
}

/** The parsed JSON of a form's field; the text itself when it is invalid, which no JSON field accepts. */
function jsonOf(text: string): unknown {
  try {
    return parseJsonText(text);
  } catch {
    return text;
  }
}

function absentValue(of: Field<unknown>, extent: 'whole' | 'partial'): unknown {
  if (extent === 'partial' || of.absent === 'skipped') return ABSENT;
  return of.absent === 'required' ? invalid('This field is required.') : of.absent.value;
}

function readValue(given: unknown, of: Field<unknown>): unknown {
  if (given !== null && !of.meansNull(given, of.nullable)) return of.parse(given);
  return of.nullable ? null : invalid('This field may not be null.');
}

function unrefused(value: unknown, of: Field<unknown>): unknown {
  const refusal = value instanceof Invalid ? undefined : of.refusal?.(value);
  return refusal === undefined ? value : invalid(refusal);
}

/** A raw value of a body (an object or a form), for flags that are evaluated by truthiness; undefined when absent. */
export function rawValue(body: Body, name: string): unknown {
  if (body instanceof Fields) return body.get(name);
  if (!isObject(body) || !Object.hasOwn(body, name)) return undefined;
  return body[name];
}
