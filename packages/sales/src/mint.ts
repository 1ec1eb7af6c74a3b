import { randomFillSync } from 'node:crypto';
import type { Ticket } from '@gatehouse/events/sales';

/** Fills the array with random bytes. */
export type RandomBytes = (bytes: Uint8Array) => void;

/** The alphabets of contract §2.1, without what is mistaken for another letter. */
const SECRET_LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';
const PSEUDONYMIZATION_ID_LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZ3789';
/** The same without vowels: the shop skips codes that contain an offensive word, and so there are no words. */
const CODE_LETTERS = 'BCDFGHJKLMNPQRSTVWXYZ3789';
/** Shops use 5, and 6 when they run out of those: our codes never meet theirs, also not those of orders still to come. */
const CODE_LENGTH = 7;
const SECRET_LENGTH = 32;
const PSEUDONYMIZATION_ID_LENGTH = 10;

export type Mint = {
  /** The code of an order; `0` is the second letter in test mode, and never occurs otherwise. */
  code(testmode: boolean): string;
  /** Codes, secrets and pseudonymization ids of new tickets, no code twice among them. */
  tickets(count: number, testmode: boolean): Ticket[];
};

/**
 * Makes up what only chance may decide (contract §2.1). Secrets have 158 bits and never meet. Pseudonymization ids have 48:
 * among a million tickets one of ten thousand new ones meets another in one of 28,000 batches, and nothing is decided by
 * them. Codes have 32 bits, too few for that: a caller claims those of a chunk in one statement, and asks for others in the
 * place of those that the organizer has.
 */
export function openMint(random: RandomBytes = randomFillSync): Mint {
  /** For many letters: a call of the generator for each costs ten times as much as the rest. */
  const bytes = new Uint8Array(4_096);
  let used = bytes.length;

  function letters(alphabet: string, length: number): string {
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
  }

  function code(testmode: boolean): string {
    const first = letters(CODE_LETTERS, 1);
    const rest = testmode ? `0${letters(CODE_LETTERS, CODE_LENGTH - 2)}` : letters(CODE_LETTERS, CODE_LENGTH - 1);
    return first + rest;
  }

  return {
    code,
    tickets(count, testmode) {
      const codes = new Set<string>();
      while (codes.size < count) codes.add(code(testmode));
      return Array.from(codes, (each) => ({
        code: each,
        secret: letters(SECRET_LETTERS, SECRET_LENGTH),
        pseudonymization_id: letters(PSEUDONYMIZATION_ID_LETTERS, PSEUDONYMIZATION_ID_LENGTH),
      }));
    },
  };
}
