import { z } from 'zod';
import { json, limitOf, LIMITS, text } from './limits';
import * as credentials from './raw-credentials';
import * as events from './raw-events';
import * as gates from './raw-gates';
import * as orders from './raw-orders';
import * as products from './raw-products';
import * as seats from './raw-seats';

const READERS = Object.entries<unknown>({ ...credentials, ...events, ...gates, ...orders, ...products, ...seats })
  .filter((entry): entry is [string, { shape: z.ZodType }] => typeof entry[1] === 'function' && 'shape' in entry[1])
  // It makes no fact.
  .filter(([name]) => name !== 'readScan');

/** The places in a schema that accept a text, or JSON of any kind, without a limit. */
function unlimited(schema: z.core.$ZodType, path: string): string[] {
  const { def } = schema._zod as z.core.$ZodTypes['_zod'];
  switch (def.type) {
    case 'object':
      return Object.entries(def.shape).flatMap(([key, below]) => unlimited(below, `${path}.${key}`));
    case 'array':
      return unlimited(def.element, `${path}[]`);
    case 'record':
      return [...unlimited(def.keyType, `${path}{key}`), ...unlimited(def.valueType, `${path}{}`)];
    case 'union':
      return def.options.flatMap((option) => unlimited(option, path));
    case 'optional':
    case 'nullable':
      return unlimited(def.innerType, path);
    case 'pipe':
      // The input schema decides, since transforms do not lengthen texts. For text that contains JSON it is the parsed
      // value's schema.
      return unlimited(def.in._zod.def.type === 'transform' ? def.out : def.in, path);
    case 'string':
    case 'unknown':
      return limitOf(schema) === undefined ? [path] : [];
    case 'boolean':
    case 'number':
    case 'enum':
    case 'null':
      return [];
    case 'transform':
      return [];
    default:
      return [`${path} is ${def.type}, of which this test knows nothing`];
  }
}

test('the search for such places finds them', () => {
  const shape = z.object({ a: z.string().nullish(), b: z.array(z.union([z.int(), z.unknown()])), c: text(5).trim() });
  expect(unlimited(shape, 'x')).toEqual(['x.a', 'x.b[]']);
});

test('no text reaches a fact without a limit', () => {
  expect(READERS.length).toBeGreaterThan(18);
  expect(
    READERS.flatMap(([name, { shape }]) => unlimited(shape, name)).filter((path) => !TOLD_ONLY.test(path)),
  ).toEqual([]);
});
/** Texts that are checked but not stored. */
const TOLD_ONLY = /^read(Order|List|Question)\..*\bvalid_\w+$/;

test('characters count, however many bytes and units they have', () => {
  const name = text(LIMITS.name);
  for (const letter of ['a', 'ø', '中', '😀', '𝕏']) {
    expect(name.safeParse(letter.repeat(255)).success).toBe(true);
    expect(name.safeParse(letter.repeat(256)).error?.issues[0]?.message).toBe('has 256 characters of at most 255');
  }
  // A lone surrogate is one character; that it cannot be stored is tested elsewhere.
  expect(name.safeParse('\ud83d'.repeat(255)).success).toBe(true);
  expect(name.safeParse('\ude00'.repeat(256)).success).toBe(false);
});

test('JSON that is kept as it is has bounds of depth, size and text', () => {
  const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
  const message = (value: unknown) => json().safeParse(value).error?.issues[0]?.message;
  expect(message({ text: 'x'.repeat(LIMITS.long), list: [1, null, true] })).toBeUndefined();
  expect(message(nested(32))).toBeUndefined();
  expect(message(nested(1_000_000))).toBe('is nested more than 32 deep');
  expect(message(Array.from({ length: 50_001 }, () => 0))).toBe('has more than 50000 values');
  expect(message([{ text: 'x'.repeat(LIMITS.long + 1) }])).toBe('has a text of 65537 characters of at most 65536');
  expect(message({ ['k'.repeat(256)]: 1 })).toBe('has a key of more than 255 characters');
});
