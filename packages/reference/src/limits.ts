import { z } from 'zod';

/*
 * Limits for the length of texts in an export, so that every read model can store and index them (import.md §3). They are
 * at least as large as the shop's own, and every text has one. Lengths are in characters (code points), as the shop's
 * database counts them.
 */

/** The limits by kind of text. An export that a shop could produce never exceeds one. */
export const LIMITS = {
  /** Slugs of organizers and events. Paths and names of streams contain them. */
  slug: 50,
  /** Codes of orders, pseudonymization ids, languages, zones, currencies, kinds. */
  code: 64,
  /** Displayed names, also when joined from their parts; e-mails, voucher codes, guids of seats, carts. */
  name: 255,
  /** Identifiers of questions, options and sales channels; nonces. */
  identifier: 190,
  /** Secrets of tickets and of credentials. */
  secret: 1_024,
  /** A name in one language. */
  title: 1_000,
  link: 2_000,
  /** Questions, answers, descriptions. */
  long: 65_536,
  /** An amount with all its digits. */
  amount: 32,
} as const;

/** The maximal depth and number of values of JSON that is stored unchanged, such as a ticket layout. */
const MOST_DEPTH = 32;
const MOST_VALUES = 50_000;

/** Marks length checks, so that a test can find texts without one. */
const limits = new WeakMap<z.core.$ZodCheck, number>();

/** The limit in a text's schema; undefined if it has none. */
export const limitOf = (schema: z.core.$ZodType): number | undefined =>
  schema._zod.def.checks?.map((check) => limits.get(check)).find((limit) => limit !== undefined);

/** A text of at most `most` characters. */
export function text(most: number): z.ZodString {
  const check = z.check<string>((context) => {
    if (!isLonger(context.value, most)) return;
    const message = `has ${lengthOf(context.value)} characters of at most ${most}`;
    context.issues.push({ code: 'custom', message, input: context.value });
  });
  limits.set(check, most);
  return z.string().check(check);
}

/** Any JSON that is stored unchanged, with limits for depth, number of values and texts. */
export function json(): z.ZodUnknown {
  const check = z.check<unknown>((context) => {
    const message = tooMuch(context.value);
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
  });
  limits.set(check, LIMITS.long);
  return z.unknown().check(check);
}

/** Counts characters, not UTF-16 units; most texts are so short that counting is not needed. */
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
