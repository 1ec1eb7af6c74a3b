import { InvalidArgumentError } from 'commander';

/* Parsers for arguments and options that several commands share. */

/** An id or a number: not negative, and within PostgreSQL's type `integer`. */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (!/^\d{1,10}$/.test(text) || number > 2_147_483_647) {
    throw new InvalidArgumentError('It is a whole number, at most 2147483647.');
  }
  return number;
}

export const ids = (text: string): number[] => commaSeparated(text).map(wholeNumber);

export function commaSeparated(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.includes('')) throw new InvalidArgumentError('A comma separated list has no empty places.');
  return parts;
}

/** In lower case. */
export function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new InvalidArgumentError('It is a UUID.');
  return text.toLowerCase();
}
