import { hash } from 'node:crypto';
import { parseInstant } from '@gatehouse/domain/instant';
import { joinName } from '@gatehouse/domain/names';
import type { ReferenceEvent } from '@gatehouse/events/reference';
import { z } from 'zod';
import { isLonger, json, LIMITS, text } from './limits';

/*
 * The words of which the shapes of pretix's resources are made. They are tolerant: unknown keys are ignored, what an older
 * pretix lacks has the default of import.md §2, and an empty value of another type is absent (`[]` where an object is
 * expected, an empty text where an id is). They bound every text and number to what read models can store.
 */

/** What a fact says, without the import that brought it. */
export type Stated<T extends ReferenceEvent['type']> = Omit<
  Extract<ReferenceEvent, { type: T }>['data'],
  'import' | 'hash'
>;

/**
 * Something wrong with an object: the key (`positions[0].item`, or empty for the object itself) and the reason. `incomplete`:
 * not an object is wrong but its file, of which nobody knows what it lacks; that cannot be left out (import.md §3).
 */
export type Issue = { readonly path: string; readonly reason: string; readonly incomplete?: true };

/** What Gatehouse will not enforce, or does not take over; told with numbers at the end of an import. */
export type Note =
  | 'position.blocked'
  | 'position.valid_from'
  | 'position.valid_until'
  | 'list.rules'
  | 'list.allow_multiple_entries'
  | 'list.exit_all_at'
  | 'list.addon_match'
  | 'list.without_date'
  | 'order.valid_if_pending'
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

/** An object of an export as a fact, with what is wrong with it and what must be told about it. */
export type Reading<C> = { content: C | undefined; issues: Issue[]; notes: Note[] };

/** Collects what a reader finds while it makes a fact. */
export type Findings = { issue(path: string, reason: string): void; note(note: Note): void };

/** An object's key that is missing or null has the value `absent`. */
export const or = <T extends z.ZodType, D>(schema: T, absent: D) =>
  schema.nullish().transform((value): z.output<T> | D => (value ?? absent) as z.output<T> | D);

/** Ids from here upwards are Gatehouse's own (import.md §3). */
export const OWN_IDS_FROM = 1_000_000_000;

/** It fits a signed 32-bit integer, as the read models keep it. */
export const Id = z.int32().positive();
/** The id of something of which Gatehouse makes its own, too. */
export const SharedId = Id.refine((id) => id < OWN_IDS_FROM, `ids from ${OWN_IDS_FROM} upwards are given by Gatehouse`);
export const MaybeId = or(Id, null);
export const Name = text(LIMITS.name);
export const Code = text(LIMITS.code);
export const Identifier = text(LIMITS.identifier);
export const MaybeName = or(Name, null);
export const MaybeCode = or(Code, null);
/** A name that is empty where it is missing. */
export const NameOrEmpty = or(Name, '');
export const IdentifierOrEmpty = or(Identifier, '');
export const BLANK = 'may not be blank';
export const filled = <T extends z.ZodString>(schema: T) => schema.refine((value) => value.trim() !== '', BLANK);
export const Label = filled(Name);
export const Flag = or(z.boolean(), false);
export const FlagOn = or(z.boolean(), true);
/** An object that is kept as it is. */
export const JsonObject = or(json().pipe(z.record(z.string(), z.unknown())), {});
/** A set of ids; in order, because pretix may send it in any. */
export const Ids = or(z.array(Id), [] as number[]).transform((ids) => [...ids].sort((a, b) => a - b));
/** Identifiers of options, channels, rights. */
export const Identifiers = or(z.array(Identifier), [] as string[]);
/** Slugs of events; in order, because pretix may send them in any. */
export const Slugs = or(z.array(text(LIMITS.slug)), [] as string[]).transform((slugs) => [...slugs].sort());
export const Place = or(z.int32(), 0);
/** A place on a plan, or a distance there. */
export const Coordinate = z.number().min(-1e9).max(1e9);
/** Whether something is there that is told and not imported. */
export const Present = z
  .unknown()
  .optional()
  .transform((value) => !isEmpty(value));

/** Parts of a name, by key: what they make together is a name, too (contract §2.2). */
export const Parts = or(
  z
    .record(Code, z.union([Name, z.number(), z.null()], { error: 'must be a text' }))
    .refine((parts) => !isLongName(parts), `make a name of more than ${LIMITS.name} characters`),
  {},
);

/**
 * Parts without a scheme of their own are joined by the event's, which may change: then all of them count, with what stands
 * between them.
 */
function isLongName(parts: Readonly<Record<string, string | number | null>>): boolean {
  let most = 0;
  for (const part of Object.values(parts)) most += (part === null ? 0 : String(part).length) + 2;
  if (most <= LIMITS.name) return false;
  const own = Object.hasOwn(parts, '_scheme') || Object.hasOwn(parts, '_legacy');
  return isLonger(joinName(parts, '') ?? '', own ? LIMITS.name : LIMITS.name - 1);
}

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

/** A multi-lingual text; a plain one counts as English, the server's language (contract §1.6). */
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

export type Reader<Scope, C> = ((value: unknown, scope: Scope) => Reading<C>) & { readonly shape: z.ZodType };

/**
 * A reader of one kind of object: the shape is checked first; then `build` makes the fact and checks what the shape cannot.
 */
export function reader<S extends z.ZodType, Scope, C>(
  shape: S,
  build: (raw: z.output<S>, scope: Scope, findings: Findings) => C,
): Reader<Scope, C> {
  const read = (value: unknown, scope: Scope): Reading<C> => {
    let parsed = shape.safeParse(value);
    if (!parsed.success && dropEmpty(value, parsed.error.issues)) parsed = shape.safeParse(value);
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
 * Takes out what is empty and of another type than was expected: shops in dynamically typed languages send `[]` for an empty
 * object, and files that went through a table have empty texts for nothing. Answers whether there was any.
 */
function dropEmpty(value: unknown, issues: readonly z.core.$ZodIssue[]): boolean {
  let dropped = false;
  for (const { path, message } of issues) {
    const key = path.at(-1);
    if (typeof key !== 'string' || message === BLANK) continue;
    const owner = path.slice(0, -1).reduce((at: unknown, step) => (at as Record<PropertyKey, unknown>)?.[step], value);
    if (typeof owner !== 'object' || owner === null || !Object.hasOwn(owner, key)) continue;
    if (!isEmpty((owner as Record<string, unknown>)[key])) continue;
    delete (owner as Record<string, unknown>)[key];
    dropped = true;
  }
  return dropped;
}

/** Nothing, as some language writes it. */
function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function issueOf(issue: z.core.$ZodIssue, above: readonly PropertyKey[] = []): Issue {
  const steps = [...above, ...issue.path];
  if (issue.code === 'invalid_union') {
    // The one form that it has, but for something in it.
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

/** `positions[0].item`. Keys of an export may be anything, so they are cut where they are no names of pretix's. */
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

/** How secrets are kept: SHA-256 in hex. */
export const secretHash = (secret: string): string => hash('sha256', secret);
