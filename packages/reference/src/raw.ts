import { hash } from 'node:crypto';
import { parseInstant } from '@gatehouse/domain/instant';
import type { ReferenceEvent } from '@gatehouse/events/reference';
import { z } from 'zod';

/*
 * The words of which the shapes of pretix's resources are made. They are tolerant: unknown keys are ignored, and what an
 * older pretix lacks has the default of import.md §2.
 */

/** What a fact says, without the import that brought it. */
export type Stated<T extends ReferenceEvent['type']> = Omit<
  Extract<ReferenceEvent, { type: T }>['data'],
  'import' | 'hash'
>;

/** Something wrong with an object: the key (`positions[0].item`, or empty for the object itself) and the reason. */
export type Issue = { readonly path: string; readonly reason: string };

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
export const Text = z.string();
export const MaybeText = or(z.string(), null);
export const Label = z.string().refine((text) => text.trim() !== '', 'may not be blank');
export const Flag = or(z.boolean(), false);
export const FlagOn = or(z.boolean(), true);
export const Parts = or(z.record(z.string(), z.unknown()), {});
/** A set of ids; in order, because pretix may send it in any. */
export const Ids = or(z.array(Id), [] as number[]).transform((ids) => [...ids].sort((a, b) => a - b));
export const Texts = or(z.array(z.string()), [] as string[]);
/** Slugs of events; in order, because pretix may send them in any. */
export const Slugs = Texts.transform((slugs) => [...slugs].sort());
export const Place = or(z.int32(), 0);

/** A date and time, canonical in UTC; without a zone it is UTC (contract §1.6). */
export const Moment = z.string().transform((text, context) => {
  const instant = parseInstant(text);
  if (instant !== undefined) return instant;
  context.addIssue({ code: 'custom', message: 'is no date and time' });
  return z.NEVER;
});
export const MaybeMoment = or(Moment, null);

/** An amount as text with at least two decimals. */
export const Amount = z.union([z.string(), z.number()]).transform((value, context) => {
  const text = typeof value === 'number' ? String(value) : value;
  const match = /^-?\d+(\.\d+)?$/.exec(text);
  if (match) return match[1] === undefined ? `${text}.00` : match[1].length < 3 ? `${text}0` : text;
  context.addIssue({ code: 'custom', message: 'is no amount' });
  return z.NEVER;
});
export const MaybeAmount = or(Amount, null);

/** A multi-lingual text; a plain one counts as English, the server's language (contract §1.6). */
export const I18n = z
  .union([z.string(), z.record(z.string(), z.string().nullable())], {
    error: 'is neither a text nor texts by language',
  })
  .transform((value): Record<string, string> => {
    if (typeof value === 'string') return { en: value };
    if (!Object.values(value).includes(null)) return value as Record<string, string>;
    return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => entry[1] !== null));
  });
export const MaybeI18n = or(I18n, null);

/**
 * A reader of one kind of object: the shape is checked first; then `build` makes the fact and checks what the shape cannot.
 */
export function reader<S extends z.ZodType, Scope, C>(
  shape: S,
  build: (raw: z.output<S>, scope: Scope, findings: Findings) => C,
): (value: unknown, scope: Scope) => Reading<C> {
  return (value, scope) => {
    const parsed = shape.safeParse(value);
    if (!parsed.success) {
      return { content: undefined, issues: parsed.error.issues.map(issueOf), notes: [] };
    }
    const issues: Issue[] = [];
    const notes: Note[] = [];
    const content = build(parsed.data, scope, {
      issue: (path, reason) => issues.push({ path, reason }),
      note: (note) => notes.push(note),
    });
    return { content, issues, notes };
  };
}

function issueOf(issue: z.core.$ZodIssue): Issue {
  let path = '';
  for (const key of issue.path) path += typeof key === 'number' ? `[${key}]` : (path === '' ? '' : '.') + String(key);
  if (issue.code === 'too_big') return { path, reason: `may not be above ${issue.maximum}` };
  if (issue.code === 'too_small') return { path, reason: `must be above ${issue.minimum}` };
  if (issue.code !== 'invalid_type') return { path, reason: issue.message };
  const received = /received (\S+)$/.exec(issue.message)?.[1] ?? '';
  if (received === 'undefined') return { path, reason: 'is missing' };
  const expected = NAMES[issue.expected] ?? issue.expected;
  if (received === 'number' && issue.expected === 'int') return { path, reason: `must be ${expected}` };
  return { path, reason: `must be ${expected}, not ${NAMES[received] ?? received}` };
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
