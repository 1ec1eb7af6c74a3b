import { LONE_SURROGATE } from '@gatehouse/domain/storable-text';

/*
 * The reference is written in Python, and some of Python is visible in replies: type names, white space, integer syntax.
 * This file holds those rules.
 */

/** The type of a JSON value as Python names it: `str`, `int`, `float`, `bool`, `list`, `dict`, `NoneType`. */
export function pythonType(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType';
  if (Array.isArray(value)) return 'list';
  switch (typeof value) {
    case 'string':
      return 'str';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return Number.isInteger(value) ? 'int' : 'float';
    default:
      return 'dict';
  }
}

/** A JSON value as Python prints it; containers as JSON, which only error messages show. */
export function pythonText(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === Infinity) return 'inf';
  if (value === -Infinity) return '-inf';
  if (typeof value === 'object') return JSON.stringify(value, (_key, inner) => plainNumber(inner)).slice(0, 1000);
  return String(value);
}

/** An integer too large for a number becomes the nearest number, since JSON.stringify takes no bigint. */
export const plainNumber = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

const isSpace = (code: number): boolean =>
  (code >= 9 && code <= 13) ||
  (code >= 28 && code <= 32) ||
  code === 0x85 ||
  code === 0xa0 ||
  (code > 0x167f && WIDE_SPACES.has(code));

const WIDE_SPACES = new Set([0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, ...range(0x2000, 0x200a)]);

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_value, index) => first + index);
}

/** Removes surrounding white space as `str.strip` does (JavaScript's trim also removes U+FEFF). Linear in any text. */
export function strip(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

const INTEGER = /^[+-]?\d+$/;

/**
 * An id in a request: a JSON integer, or a text of digits with surrounding white space. Undefined when it is no integer.
 * One that is too large to exist becomes Infinity, so that it can be looked up (without a match) like any other.
 */
export function integerOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? bounded(value) : undefined;
  if (typeof value === 'bigint') return Infinity;
  if (typeof value !== 'string' || value.length > 4300) return undefined;
  const text = strip(value);
  return INTEGER.test(text) ? bounded(Number(text)) : undefined;
}

const bounded = (value: number): number => (Number.isSafeInteger(value) ? value : Infinity);

/** The messages for characters that no store can keep; none for clean text (contract, Transport). */
export function unstorable(text: string): string[] {
  const messages: string[] = [];
  if (text.includes('\u0000')) messages.push('Null characters are not allowed.');
  const lone = LONE_SURROGATE.exec(text)?.[0];
  if (lone) messages.push(`Surrogate characters are not allowed: U+${lone.charCodeAt(0).toString(16).toUpperCase()}.`);
  return messages;
}
