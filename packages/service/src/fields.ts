/** Names and values of a query string or a form, in the order of arrival; a name may repeat. */
export class Fields {
  constructor(readonly pairs: readonly (readonly [name: string, value: string])[]) {}

  /** The last value of that name, as Django takes it. */
  get(name: string): string | undefined {
    return this.pairs.findLast((pair) => pair[0] === name)?.[1];
  }

  getAll(name: string): string[] {
    return this.pairs.filter((pair) => pair[0] === name).map((pair) => pair[1]);
  }
}

const NO_FIELDS = new Fields([]);

/**
 * Parses `a=1&b=x+y`. The text has one character per byte, as node gives it. Invalid escapes are kept, bytes that are not
 * UTF-8 become U+FFFD. Undefined when there are more than `maxPairs`.
 */
export function parseUrlEncoded(text: string, maxPairs: number): Fields | undefined {
  if (text === '') return NO_FIELDS;
  const parts = text.split('&', maxPairs + 1);
  if (parts.length > maxPairs) return undefined;
  return new Fields(parts.filter((part) => part !== '').map(pairOf));
}

function pairOf(part: string): [string, string] {
  const equals = part.indexOf('=');
  if (equals === -1) return [decodeForm(part), ''];
  return [decodeForm(part.slice(0, equals)), decodeForm(part.slice(equals + 1))];
}

const decodeForm = (text: string): string => decodePercent(text.includes('+') ? text.replaceAll('+', ' ') : text);

const NEEDS_DECODING = /[%\u0080-\uffff]/;

/** Percent-decodes once. `text` holds one character per byte, as in a request line; the result is Unicode. */
export function decodePercent(text: string): string {
  if (!NEEDS_DECODING.test(text)) return text;
  const bytes = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text.charCodeAt(at);
    const escaped = byte === PERCENT ? hexPair(text, at + 1) : -1;
    bytes[length++] = escaped === -1 ? byte : escaped;
    if (escaped !== -1) at += 2;
  }
  return bytes.toString('utf8', 0, length);
}

const PERCENT = 37;

/** The byte of two hexadecimal digits; -1 when they are none. */
function hexPair(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at));
  const low = hexDigit(text.charCodeAt(at + 1));
  return high === -1 || low === -1 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
