const JSON_TYPE = 114;

/**
 * PostgreSQL's binary form of a `json[]` without nulls. As a text, quotes in its elements would have to be escaped, and read
 * again as escapes.
 */
export function jsonArray(texts: readonly (string | Buffer)[]): Buffer {
  const sizes = texts.map((text) => (typeof text === 'string' ? Buffer.byteLength(text) : text.length));
  const array = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + size, texts.length === 0 ? 12 : 20));
  // One dimension, or none; no nulls.
  let at = array.writeInt32BE(texts.length === 0 ? 0 : 1, 0);
  at = array.writeInt32BE(0, at);
  at = array.writeInt32BE(JSON_TYPE, at);
  if (texts.length === 0) return array;
  at = array.writeInt32BE(texts.length, at);
  // Its first index.
  at = array.writeInt32BE(1, at);
  for (const [i, text] of texts.entries()) {
    at = array.writeInt32BE(sizes[i]!, at);
    at += typeof text === 'string' ? array.write(text, at) : text.copy(array, at);
  }
  return array;
}
