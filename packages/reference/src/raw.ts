import { hash } from 'node:crypto';
import { parseInstant } from '@gatehouse/domain/instant';
import { joinName } from '@gatehouse/domain/names';
import type { ReferenceEvent } from '@gatehouse/events/reference';
import { z } from 'zod';
import { isLonger, json, LIMITS, text } from './limits';
import type { Row } from './rows';

/*
 * The building blocks for the schemas of pretix's resources. They are tolerant: unknown keys are ignored, fields that older
 * pretix versions lack have the default of import.md §2, and an empty value of another type counts as absent (`[]` for an
 * object, an empty text for an id). They limit every text and number to what read models can store.
 */

/** The data of a fact, without the import that brought it. */
export type Stated<T extends ReferenceEvent['type']> = Omit<
  Extract<ReferenceEvent, { type: T }>['data'],
  'import' | 'hash'
>;

/**
 * A problem of an object: the key (`positions[0].item`, or empty for the object itself) and the reason. `incomplete`: the
 * problem is that of a file, which lacks an unknown part of the export; it cannot be left out (import.md §3).
 */
export type Issue = { readonly path: string; readonly reason: string; readonly incomplete?: true };

/** Something that Gatehouse does not enforce or import; the report counts each (report.ts). */
export type Note =
  | 'list.rules'
  | 'list.without_date'
  | 'device.security_profile'
  | 'question.limits'
  | 'checkin.refused'
  | 'checkin.unknown_list'
  | 'token.missing'
  | 'token.ended_here'
  | 'device.ended_here'
  | 'droidkey.ended_here'
  | 'device.token_kept'
  | 'position.two_orders';

/** A parsed object of an export, with its problems and the notes for the report. */
export type Reading<C> = { content: C | undefined; issues: Issue[]; notes: Note[] };

/** Collects problems and notes while a reader builds a fact. */
export type Findings = { issue(path: string, reason: string): void; note(note: Note): void };

/** The value `absent` for a missing or null key. */
export const or = <T extends z.ZodType, D>(schema: T, absent: D) =>
  new OrAbsent({ type: 'optional', innerType: schema, absent }) as unknown as z.ZodType<z.output<T> | D>;

/**
 * One step where `.nullish().transform()` has four, each with objects of its own: an order has dozens of such keys, and reading a
 * million of them took 40 % longer with those.
 */
const OrAbsent = z.core.$constructor<z.ZodType, z.core.$ZodOptionalDef & { absent: unknown }>(
  'OrAbsent',
  (schema, def) => {
    z.ZodType.init(schema, def);
    // Says that a missing key gets a value.
    schema._zod.optin = 'defaulted';
    schema._zod.parse = (payload, context) => {
      if (payload.value !== null && payload.value !== undefined) return def.innerType._zod.run(payload, context);
      payload.value = def.absent;
      return payload;
    };
  },
);

/** Ids from here on are assigned by Gatehouse (import.md §3). */
export const OWN_IDS_FROM = 1_000_000_000;

/** The import number in facts that no import stated, but a command or a device itself. */
export const BY_COMMAND = 0;

/** A signed 32-bit integer, as read models store it. */
export const Id = z.int32().positive();
/** An id of something for which Gatehouse also assigns ids. */
export const SharedId = Id.refine((id) => id < OWN_IDS_FROM, `ids from ${OWN_IDS_FROM} upwards are given by Gatehouse`);
export const MaybeId = or(Id, null);
export const Name = text(LIMITS.name);
export const Code = text(LIMITS.code);
export const Identifier = text(LIMITS.identifier);
export const MaybeName = or(Name, null);
export const MaybeCode = or(Code, null);
/** A name; empty when it is missing. */
export const NameOrEmpty = or(Name, '');
export const IdentifierOrEmpty = or(Identifier, '');
export const BLANK = 'may not be blank';
export const filled = <T extends z.ZodString>(schema: T) => schema.refine((value) => value.trim() !== '', BLANK);
export const Label = filled(Name);
export const Flag = or(z.boolean(), false);
export const FlagOn = or(z.boolean(), true);
/** An object that is stored unchanged. */
export const JsonObject = or(json().pipe(z.record(z.string(), z.unknown())), {});
/** A set of ids, sorted, because pretix may send it in any order. */
export const Ids = or(z.array(Id), [] as number[]).transform((ids) => [...ids].sort((a, b) => a - b));
/** Identifiers of options, channels, permissions. */
export const Identifiers = or(z.array(Identifier), [] as string[]);
/** Slugs of events, sorted, because pretix may send them in any order. */
export const Slugs = or(z.array(text(LIMITS.slug)), [] as string[]).transform((slugs) => [...slugs].sort());
export const Place = or(z.int32(), 0);
/** A place on a plan, or a distance there. */
export const Coordinate = z.number().min(-1e9).max(1e9);
/** Whether a key has a value; it is not imported, but counted for the report. */
export const Present = z
  .unknown()
  .optional()
  .transform((value) => !isEmpty(value));

/** Parts of a name, by key; joined they are limited like a name (contract §2.2). */
export const Parts = or(
  z
    .record(Code, z.union([Name, z.number(), z.null()], { error: 'must be a text' }))
    .refine((parts) => !isLongName(parts), `make a name of more than ${LIMITS.name} characters`),
  {},
);

/**
 * Parts without a scheme of their own are joined by the event's, which may change, so the limit is for all parts with
 * separators.
 */
function isLongName(parts: Readonly<Record<string, string | number | null>>): boolean {
  let most = 0;
  for (const part of Object.values(parts)) most += (part === null ? 0 : String(part).length) + 2;
  if (most <= LIMITS.name) return false;
  const own = Object.hasOwn(parts, '_scheme') || Object.hasOwn(parts, '_legacy');
  return isLonger(joinName(parts, '') ?? '', own ? LIMITS.name : LIMITS.name - 1);
}

/** A name without parts in the form of contract §2.2. */
export function nameParts(parts: Record<string, unknown>, name: string | null): Record<string, unknown> {
  return name !== null && name !== '' && Object.keys(parts).length === 0 ? { _legacy: name } : parts;
}

/** The guid of a seat, which may be given as a text or in a whole seat. */
export const SeatGuid = z.union([Name, z.object({ seat_guid: Name }).transform((seat) => seat.seat_guid)], {
  error: 'is neither the guid of a seat nor a seat',
});

/** A date and time, canonical in UTC; without a zone it is UTC (contract §1.6). */
export const Moment = Code.transform((text, context) => {
  const instant = parseInstant(text);
  if (instant !== undefined) return instant;
  context.addIssue({ code: 'custom', message: 'is no date and time' });
  return z.NEVER;
});
export const MaybeMoment = or(Moment, null);

/** An amount as text with at least two decimals. */
export const Amount = z
  .union([text(LIMITS.amount), z.number()], { error: 'is no amount' })
  .transform((value, context) => {
    const text = typeof value === 'number' ? String(value) : value;
    const match = /^-?\d+(\.\d+)?$/.exec(text);
    if (match) return match[1] === undefined ? `${text}.00` : match[1].length < 3 ? `${text}0` : text;
    context.addIssue({ code: 'custom', message: 'is no amount' });
    return z.NEVER;
  });
export const MaybeAmount = or(Amount, null);

/** A text in several languages; a plain text counts as English, the server's language (contract §1.6). */
const i18n = (most: number) =>
  z
    .union([text(most), z.record(Code, text(most).nullable())], {
      error: 'is neither a text nor texts by language',
    })
    .transform((value): Record<string, string> => {
      if (typeof value === 'string') return { en: value };
      if (!Object.values(value).includes(null)) return value as Record<string, string>;
      return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => entry[1] !== null));
    });
/** A name in some languages. */
export const I18n = i18n(LIMITS.title);
/** A description, a question, a place in some languages. */
export const I18nLong = i18n(LIMITS.long);
export const MaybeI18nLong = or(I18nLong, null);

/** Parses one object of an export; never throws because of its content. */
export type Reader<Scope, C> = ((value: unknown, scope: Scope) => Reading<C>) & { readonly shape: z.ZodType };

/** Reads the object of a row. */
export function readRow<Scope, C>(
  row: Row,
  read: (value: unknown, scope: Scope) => Reading<C>,
  scope: Scope,
): Reading<C> {
  if (row.problem === undefined) return read(row.value, scope);
  const { problem: reason, incomplete } = row;
  return { content: undefined, issues: [{ path: '', reason, ...(incomplete && { incomplete }) }], notes: [] };
}

/** A reader for one kind of object: validates the shape, then `build` makes the fact and checks what the schema cannot. */
export function reader<S extends z.ZodType, Scope, C>(
  shape: S,
  build: (raw: z.output<S>, scope: Scope, findings: Findings) => C,
): Reader<Scope, C> {
  const read = (value: unknown, scope: Scope): Reading<C> => {
    let parsed = shape.safeParse(value);
    if (!parsed.success) {
      const filled = withoutEmpty(value, parsed.error.issues);
      if (filled !== undefined) parsed = shape.safeParse(filled);
    }
    if (!parsed.success) {
      return { content: undefined, issues: parsed.error.issues.map((issue) => issueOf(issue)), notes: [] };
    }
    const issues: Issue[] = [];
    const notes: Note[] = [];
    const content = build(parsed.data, scope, {
      issue: (path, reason) => issues.push({ path, reason }),
      note: (note) => notes.push(note),
    });
    return { content, issues, notes };
  };
  return Object.assign(read, { shape });
}

/**
 * A copy without empty values of an unexpected type: shops in dynamically typed languages send `[]` for an empty object, and
 * files edited as tables have empty texts for missing values. Undefined when there is none.
 */
function withoutEmpty(value: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  let copy: unknown;
  for (const { path, message } of issues) {
    const key = path.at(-1);
    if (typeof key !== 'string' || message === BLANK) continue;
    // The object itself is kept as it is, since it is given back (given.ts).
    const whole = copy ?? structuredClone(value);
    const owner = path.slice(0, -1).reduce((at: unknown, step) => (at as Record<PropertyKey, unknown>)?.[step], whole);
    if (typeof owner !== 'object' || owner === null || !Object.hasOwn(owner, key)) continue;
    if (!isEmpty((owner as Record<string, unknown>)[key])) continue;
    delete (owner as Record<string, unknown>)[key];
    copy = whole;
  }
  return copy;
}

/** An empty value of any type. */
function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function issueOf(issue: z.core.$ZodIssue, above: readonly PropertyKey[] = []): Issue {
  const steps = [...above, ...issue.path];
  if (issue.code === 'invalid_union') {
    // The one form of the union that matches the value's type.
    const meant = issue.errors.find(
      ([first]) => first && (first.path.length > 0 || first.code !== 'invalid_type'),
    )?.[0];
    if (meant) return issueOf(meant, steps);
  }
  const path = pathOf(steps);
  if (issue.code === 'invalid_key') return { path, reason: `its key ${issue.issues[0]?.message ?? 'is none'}` };
  if (issue.code === 'too_big') return { path, reason: `may not be above ${issue.maximum}` };
  if (issue.code === 'too_small') return { path, reason: `must be above ${issue.minimum}` };
  if (issue.code !== 'invalid_type') return { path, reason: issue.message };
  const received = /received (\S+)$/.exec(issue.message)?.[1] ?? '';
  if (received === 'undefined') return { path, reason: 'is missing' };
  const expected = NAMES[issue.expected] ?? issue.expected;
  if (received === 'number' && issue.expected === 'int') return { path, reason: `must be ${expected}` };
  return { path, reason: `must be ${expected}, not ${NAMES[received] ?? received}` };
}

/** `positions[0].item`. Keys of an export may be any text, so keys that are not pretix's are truncated. */
function pathOf(steps: readonly PropertyKey[]): string {
  let path = '';
  for (const step of steps) {
    if (typeof step === 'number') path += `[${step}]`;
    else path += (path === '' ? '' : '.') + String(step).slice(0, LIMITS.code);
  }
  return path;
}

const NAMES: Record<string, string> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** The stored form of secrets: SHA-256 in hex. */
export const secretHash = (secret: string): string => hash('sha256', secret);
