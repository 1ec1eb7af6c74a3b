import { randomFillSync } from 'node:crypto';

/** Fills the array with random bytes. */
export type RandomBytes = (bytes: Uint8Array) => void;

/** Random texts of so many characters of an alphabet of at most 256, all of them equally frequent; no two are alike but by chance. */
export type RandomLetters = (alphabet: string, length: number) => string;

/** Takes random bytes for many texts at a time: a call of the generator for each letter costs ten times as much as the rest. */
export function randomLetters(random: RandomBytes = randomFillSync): RandomLetters {
  const bytes = new Uint8Array(4_096);
  let used = bytes.length;
  return (alphabet, length) => {
    /** Bytes at or above this would make the first letters of the alphabet more frequent. */
    const fair = 256 - (256 % alphabet.length);
    let text = '';
    while (text.length < length) {
      if (used === bytes.length) {
        random(bytes);
        used = 0;
      }
      const byte = bytes[used++]!;
      if (byte < fair) text += alphabet[byte % alphabet.length]!;
    }
    return text;
  };
}
