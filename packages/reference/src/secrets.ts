import { randomInt } from 'node:crypto';

/* New secrets and serial numbers, in pretix's forms. A secret is shown once and stored only as a hash. */

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';

/** An API token of a team or a device. */
export const newToken = (): string => randomText(64, LETTERS + DIGITS);
/** Of a QR code with which an app sets a device up; short enough to be typed, and out of 8 · 10²⁴. */
export const newSetUpToken = (): string => randomText(16, LETTERS + DIGITS);
/** A key of the old scanner apps. */
export const newDroidKey = (): string => randomText(32, LETTERS.toUpperCase() + LETTERS + DIGITS);
/** The number by which a device is known to its app. */
export const newSerial = (): string => randomText(16, LETTERS.toUpperCase() + DIGITS);

function randomText(length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}
