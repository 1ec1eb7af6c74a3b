/*
 * CRC-32 of concatenated texts, and of texts in which a few bytes change, without reading them again. A CRC is linear: the
 * CRC of a text before `n` bytes contributes multiplied by x^8n, modulo the polynomial (as in zlib's crc32_combine).
 */

const POLYNOMIAL = 0xedb88320;

/** The CRC of two concatenated texts, from their CRCs; `shift` is `shiftOf` the second one's length. */
export const crcOfBoth = (first: number, second: number, shift: number): number =>
  (multiply(shift, first) ^ second) >>> 0;

/** The change of a CRC by a difference that `lengthBytes` more bytes follow. */
export const followedBy = (difference: number, lengthBytes: number): number =>
  multiply(shiftOf(lengthBytes), difference);

/** a · b modulo the polynomial; the highest bit is x^0. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b >>> 0;
  for (let bit = 0x80000000; bit !== 0 && factor !== 0; bit >>>= 1) {
    if (a & bit) product ^= factor;
    factor = factor & 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}

/** x^(8 · 2^k). */
const POWERS = [multiply(0x08000000, 0x08000000)];
while (POWERS.length < 40) POWERS.push(multiply(POWERS.at(-1)!, POWERS.at(-1)!));

/** x^(8 · bytes), by which a CRC is multiplied when so many bytes follow. */
export function shiftOf(bytes: number): number {
  let power = 0x80000000;
  for (let left = bytes, k = 0; left > 0; left = Math.floor(left / 2), k++) {
    if (left % 2 === 1) power = multiply(POWERS[k]!, power);
  }
  return power;
}
