import { LIMITS } from '@gatehouse/reference/limits';
import fc from 'fast-check';

/*
 * What people and programs write into an export that no shop would send. Tests of the reading side put such values everywhere;
 * tests of whole imports may take their texts from `anyText`, which stay within the limits.
 */

/** Letters that have hurt somebody: wide, folded to several, written from the right, invisible, taken for syntax. */
const LETTERS = [
  'a',
  'Z',
  '0',
  'ø',
  'ß',
  'ŉ',
  'ﬃ',
  'İ',
  'ς',
  'ΐ',
  '中',
  'ع',
  '😀',
  '𝕏',
  '\u0301',
  '\u200d',
  '\u202e',
  '\ufeff',
];
const SYNTAX = [
  ' ',
  '\t',
  '\r',
  '\n',
  '\u001b',
  '"',
  "'",
  '\\',
  '%',
  '_',
  '&',
  '+',
  '/',
  '?',
  '#',
  ';',
  '<',
  '{',
  '$',
  '\u2028',
];

/** A text of at most `most` characters, often of exactly so many; never blank. */
export const anyText = (most: number): fc.Arbitrary<string> =>
  fc
    .oneof(
      fc.array(fc.constantFrom(...LETTERS, ...SYNTAX), { minLength: 1, maxLength: Math.min(most, 40) }),
      fc.constantFrom(...LETTERS).map((letter) => Array.from({ length: most }, () => letter)),
    )
    .map((letters) => letters.join(''))
    .map((text) => (text.trim() === '' ? 'x' : text));

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));

/** Values for any key: some are right at some places. */
export const ODD_VALUES: readonly unknown[] = [
  null,
  '',
  ' ',
  [],
  {},
  [null],
  true,
  0,
  -1,
  1.5,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 53,
  1e300,
  -1e-300,
  '1',
  '-0',
  `0.${'0'.repeat(29)}1`,
  '9'.repeat(LIMITS.amount),
  '9'.repeat(2_000),
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999Z',
  '9999-12-31T23:59:59-14:00',
  '2027-02-30T00:00:00Z',
  'x'.repeat(70_000),
  ...[LIMITS.slug, LIMITS.code, LIMITS.name, LIMITS.secret].flatMap((most) => ['😀'.repeat(most), 'ﬃ'.repeat(most)]),
  '"'.repeat(LIMITS.identifier),
  '\u001b'.repeat(LIMITS.name),
  'ø'.repeat(LIMITS.long),
  'a\0b',
  'a\ud800b',
  '../..',
  "'; drop table tickets; --",
  JSON.parse('{"__proto__":{"toString":1},"constructor":"x","":"y"}'),
  { en: 'x'.repeat(1_001) },
  { en: null, de: 7 },
  { given_name: 'x'.repeat(200), family_name: 'y'.repeat(200) },
  { given_name: '😀'.repeat(126), family_name: '😀'.repeat(126) },
  { _scheme: 'full', full_name: 'ﬃ'.repeat(255), given_name: 'x'.repeat(255) },
  { _legacy: '中'.repeat(255) },
  { _scheme: 'nobody_knows', a: 1e21, b: null },
  nested(40),
  nested(500),
  Array.from({ length: 200 }, () => 1),
];

/** All places in an object, its own containers included: `['positions', 0, 'secret']`. */
export function placesIn(value: unknown, above: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => {
    const place = [...above, Array.isArray(value) ? Number(key) : key];
    return [place, ...placesIn(below, place)];
  });
}

/** A copy of an object with another value at one place. */
export function withValue(object: object, place: readonly (string | number)[], value: unknown): object {
  const copy = structuredClone(object) as Record<string | number, unknown>;
  let at = copy;
  for (const step of place.slice(0, -1)) at = at[step] as Record<string | number, unknown>;
  at[place.at(-1)!] = value;
  return copy;
}
