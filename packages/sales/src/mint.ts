import { randomLetters, type RandomBytes } from '@gatehouse/eventing/random-letters';
import type { Ticket } from '@gatehouse/events/sales';

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
export function openMint(random?: RandomBytes): Mint {
  const letters = randomLetters(random);

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
