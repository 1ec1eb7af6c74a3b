import { z } from 'zod';

/*
 * How long the texts of an export may be. Whatever passes here every read model can store and index (import.md §3): the
 * limits are the shop's own or wider, and no text is read without one. Lengths are in characters (code points), as the
 * shop's database counts them.
 */

/** The limits by what a text is. An export that a shop could send never reaches one. */
export const LIMITS = {
  /** Slugs of organizers and events. They stand in paths and in the names of streams. */
  slug: 50,
  /** Codes of orders, pseudonymization ids, languages, zones, currencies, kinds. */
  code: 64,
  /** Names as they are shown, also when joined from their parts; e-mails, voucher codes, guids of seats, carts. */
  name: 255,
  /** Identifiers of questions, options and sales channels; nonces. */
  identifier: 190,
  /** What a ticket's code says, and what a credential says. */
  secret: 1_024,
  /** A name in one language. */
  title: 1_000,
  link: 2_000,
  /** Questions, answers, descriptions. */
  long: 65_536,
  /** An amount, all its digits. */
  amount: 32,
} as const;

/** How deep, and with how many values, JSON may be that is kept as it is, such as a ticket layout. */
const MOST_DEPTH = 32;
const MOST_VALUES = 50_000;

/** Marks the check of a length, so that a test can find texts that have none. */
const limits = new WeakMap<z.core.$ZodCheck, number>();

/** The limit of a text's schema; undefined: it has none. */
export const limitOf = (schema: z.core.$ZodType): number | undefined =>
  schema._zod.def.checks?.map((check) => limits.get(check)).find((limit) => limit !== undefined);

/** A text of at most so many characters. */
export function text(most: number): z.ZodString {
  const check = z.check<string>((context) => {
    if (!isLonger(context.value, most)) return;
    const message = `has ${lengthOf(context.value)} characters of at most ${most}`;
    context.issues.push({ code: 'custom', message, input: context.value });
  });
  limits.set(check, most);
  return z.string().check(check);
}

/** Any JSON that is kept as it is: its depth, its size and its texts are bounded. */
export function json(): z.ZodUnknown {
  const check = z.check<unknown>((context) => {
    const message = tooMuch(context.value);
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
  });
  limits.set(check, LIMITS.long);
  return z.unknown().check(check);
}

/** Characters count, not UTF-16 units; most texts are so short that they need not be counted. */
export const isLonger = (value: string, most: number): boolean => value.length > most && lengthOf(value) > most;

function lengthOf(value: string): number {
  let pairs = 0;
  for (let i = 1; i < value.length; i++) {
    if ((value.charCodeAt(i) & 0xfc00) !== 0xdc00 || (value.charCodeAt(i - 1) & 0xfc00) !== 0xd800) continue;
    pairs++;
    i++;
  }
  return value.length - pairs;
}

function tooMuch(whole: unknown): string | undefined {
  let level: unknown[] = [whole];
  let values = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MOST_DEPTH) return `is nested more than ${MOST_DEPTH} deep`;
    values += level.length;
    if (values > MOST_VALUES) return `has more than ${MOST_VALUES} values`;
    const below: unknown[] = [];
    for (const value of level) {
      if (typeof value === 'string' && isLonger(value, LIMITS.long)) {
        return `has a text of ${lengthOf(value)} characters of at most ${LIMITS.long}`;
      }
      if (typeof value !== 'object' || value === null) continue;
      for (const key of Object.keys(value)) {
        if (isLonger(key, LIMITS.name)) return `has a key of more than ${LIMITS.name} characters`;
        below.push((value as Record<string, unknown>)[key]);
      }
    }
    level = below;
  }
  return undefined;
}
