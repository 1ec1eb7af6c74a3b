import { randomLetters } from '@gatehouse/eventing/random-letters';

/* New secrets and serial numbers, in pretix's forms. A secret is shown once and stored only as a hash. */

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';
const letters = randomLetters();

/** An API token of a team or a device. */
export const newToken = (): string => letters(LETTERS + DIGITS, 64);
/** Of a QR code with which an app sets a device up; short enough to be typed, and out of 8 · 10²⁴. */
export const newSetUpToken = (): string => letters(LETTERS + DIGITS, 16);
/** A key of the old scanner apps. */
export const newDroidKey = (): string => letters(LETTERS.toUpperCase() + LETTERS + DIGITS, 32);
/** The number by which a device is known to its app. */
export const newSerial = (): string => letters(LETTERS.toUpperCase() + DIGITS, 16);
