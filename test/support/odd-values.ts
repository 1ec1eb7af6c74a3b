import { LIMITS } from '@gatehouse/reference/limits';

/*
 * Values that people and programs write into an export although no shop would send them: tests put each of them at every
 * place of every kind of object.
 */

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));

/** A path into an object: `['positions', 0, 'secret']`. */
export type Place = readonly (string | number)[];

/** Values for any place. Each is valid at some places; at others it has the wrong type, is too long, or cannot be stored. */
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

/** All paths in an object, including nested lists and objects. */
export function placesIn(value: unknown, above: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => {
    const place = [...above, Array.isArray(value) ? Number(key) : key];
    return [place, ...placesIn(below, place)];
  });
}

/** A copy of an object with another value at one path. */
export function withValue(object: object, place: Place, value: unknown): object {
  const copy = structuredClone(object) as Record<string | number, unknown>;
  let at = copy;
  for (const step of place.slice(0, -1)) at = at[step] as Record<string | number, unknown>;
  at[place.at(-1)!] = value;
  return copy;
}
