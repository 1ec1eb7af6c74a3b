import { isUtf8 } from 'node:buffer';
import { parseError } from './errors';

/** Far deeper than any body of the four APIs, and far from the depth at which recursion overflows the stack. */
const MAX_NESTING = 200;
/** Python parses no longer integer. */
const MAX_INTEGER_DIGITS = 4_300;

/** Parses JSON in UTF-8. Throws the 400 of broken syntax, also for excessive nesting. */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw parseError();
  return parseJsonText(bytes.toString('utf8'));
}

/** The same of a text. */
export function parseJsonText(text: string): unknown {
  if (text.length > 2 * MAX_NESTING && nestsTooDeep(text)) throw parseError();
  try {
    return LONG_DIGITS.test(text) ? parseWithLongIntegers(text) : JSON.parse(text);
  } catch {
    throw parseError();
  }
}

const QUOTE = 34;
const BACKSLASH = 92;

function nestsTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at) | 32;
    if (code === QUOTE) at = stringEnd(text, at);
    else if (code === 123 && ++depth > MAX_NESTING) return true;
    else if (code === 125) depth--;
  }
  return false;
}

/** The position of the quote that closes the string opened at `at`; the end of the text when none does. */
function stringEnd(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === QUOTE) return end;
    if (code === BACKSLASH) end++;
  }
  return text.length;
}

/*
 * JSON.parse rounds integers beyond 2^53, but an error message must show the id that was sent. So long integers are marked
 * before parsing and converted to bigints afterwards. A client that sends the mark itself has only sent an integer in an
 * unusual way.
 */
const LONG_DIGITS = /\d{16}/;
const INTEGER_MARK = '\u0000integer ';
const MARKED = /^\u0000integer -?\d+$/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function parseWithLongIntegers(text: string): unknown {
  const parts: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at);
    if (code !== 45 && (code < 48 || code > 57)) continue;
    NUMBER.lastIndex = at;
    const number = NUMBER.exec(text)?.[0];
    if (number === undefined) continue;
    if (isLongInteger(number)) {
      parts.push(text.slice(copied, at), JSON.stringify(INTEGER_MARK + number));
      copied = at + number.length;
    }
    at += number.length - 1;
  }
  const marked = parts.join('') + text.slice(copied);
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'string' && MARKED.test(value) ? BigInt(value.slice(INTEGER_MARK.length)) : value,
  );
}

function isLongInteger(number: string): boolean {
  if (number.length < 16 || /[.eE]/.test(number)) return false;
  if (number.length > MAX_INTEGER_DIGITS) throw parseError();
  // A leading zero is not valid JSON: left for the parser to refuse.
  return !/^-?0/.test(number) && !Number.isSafeInteger(Number(number));
}
