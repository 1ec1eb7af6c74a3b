/** Types of an array's elements that are passed to PostgreSQL here. */
export type ElementType = 'integer' | 'boolean' | 'uuid' | 'timestamptz' | 'text' | 'json';

/** Numbers, booleans, ids as they are validated, instants of ISO 8601, texts, and JSON as text. */
export type Element = string | number | boolean | null;

/** An array with an element for each item as a parameter, in the form that costs PostgreSQL least to read. */
export function arrayOf<T>(
  type: ElementType,
  items: readonly T[],
  elementOf: (item: T, index: number) => Element,
): string | Buffer {
  const values = items.map(elementOf);
  switch (type) {
    case 'text':
    case 'json':
      return binaryArray(type, values as readonly (string | null)[]);
    case 'timestamptz':
      return `{${values.map((value) => (value === null ? 'null' : quoted(value as string))).join()}}`;
    case 'integer':
    case 'boolean':
    case 'uuid':
      return `{${values.map((value) => value ?? 'null').join()}}`;
  }
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** PostgreSQL's numbers of these types. */
const OIDS = { text: 25, json: 114 } as const;

/**
 * PostgreSQL's binary form of a `text[]` or `json[]`. In the form of a text, quotes in its elements would have to be escaped, and read again
 * as escapes.
 */
export function binaryArray(type: keyof typeof OIDS, values: readonly (string | Buffer | null)[]): Buffer {
  const sizes = values.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : (value?.length ?? 0)));
  const array = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + size, values.length === 0 ? 12 : 20));
  // One dimension, or none.
  let at = array.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  at = array.writeInt32BE(values.includes(null) ? 1 : 0, at);
  at = array.writeInt32BE(OIDS[type], at);
  if (values.length === 0) return array;
  at = array.writeInt32BE(values.length, at);
  // Its first index.
  at = array.writeInt32BE(1, at);
  for (const [i, value] of values.entries()) {
    at = array.writeInt32BE(value === null ? -1 : sizes[i]!, at);
    if (typeof value === 'string') at += array.write(value, at);
    else if (value) at += value.copy(array, at);
  }
  return array;
}
