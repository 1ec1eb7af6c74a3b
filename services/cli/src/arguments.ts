import { InvalidArgumentError } from 'commander';

/* How commands read the arguments and options that several of them take. */

/** An id or a number: not negative, and no greater than a column of PostgreSQL's type `integer` can hold. */
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
