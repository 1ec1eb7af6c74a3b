import { randomLetters } from '@gatehouse/eventing/random-letters';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const LENGTH = 48;

const letters = randomLetters();

/** 48 random letters and digits and `@api` (contract §8.4). */
export const newCartId = (): string => `${letters(ALPHABET, LENGTH)}@api`;
