import { randomFillSync } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const LENGTH = 48;
/** Bytes at or above this would make the first letters of the alphabet more frequent. */
const FAIR = 256 - (256 % ALPHABET.length);

/** Random bytes for many ids: a call of the random generator for each id costs ten times as much as the rest. */
const bytes = Buffer.alloc(4_096);
let used = bytes.length;

/** 48 random letters and digits and `@api` (contract §8.4). */
export function newCartId(): string {
  let id = '';
  while (id.length < LENGTH) {
    if (used === bytes.length) {
      randomFillSync(bytes);
      used = 0;
    }
    const byte = bytes[used++]!;
    if (byte < FAIR) id += ALPHABET[byte % ALPHABET.length]!;
  }
  return `${id}@api`;
}
