/*
 * Deflate (RFC 1951) for texts with changing flags: each flag is written as five literals in the fixed code, so it always
 * takes the same forty bits and can be changed in place, and no match refers to it.
 */

/** The two values of a flag, of equal length; JSON allows a space after a value. */
export const FLAG = { true: 'true ', false: 'false' } as const;
const FLAG_BYTES = 5;

/** Replaces each byte of a flag in a text to pack. It does not occur in UTF-8. */
export const FLAG_HOLE = 0xff;

export type Packed = {
  /** Complete blocks that end on a byte boundary, so that packed pieces can be concatenated. Flags are false. */
  readonly bytes: Buffer;
  /** Where each flag's forty bits begin. */
  readonly flagBits: readonly number[];
};

/** Ends a stream of packed pieces. */
export const END_OF_STREAM: Uint8Array = Uint8Array.of(3, 0);

const SHORTEST_MATCH = 4;
const LONGEST_MATCH = 258;
const WINDOW = 32_768;
const HASH_BITS = 14;

type Code = { readonly bits: number; readonly length: number };

/** Codes of literals and length symbols (RFC 1951, 3.2.6); Huffman codes are written with their highest bit first. */
const LITERALS: readonly Code[] = Array.from({ length: 288 }, (_none, symbol) => {
  if (symbol < 144) return { bits: reversed(0x30 + symbol, 8), length: 8 };
  if (symbol < 256) return { bits: reversed(0x190 + symbol - 144, 9), length: 9 };
  if (symbol < 280) return { bits: reversed(symbol - 256, 7), length: 7 };
  return { bits: reversed(0xc0 + symbol - 280, 8), length: 8 };
});

type Range = { readonly code: Code; readonly first: number; readonly extraBits: number };

/** By the length of a match. */
const LENGTHS = rangesByValue(
  Array.from({ length: 29 }, (_none, i) => ({
    code: LITERALS[257 + i]!,
    extraBits: i < 8 || i === 28 ? 0 : (i >> 2) - 1,
  })),
  { first: 3, last: LONGEST_MATCH },
);
/** By the distance of a match. */
const DISTANCES = rangesByValue(
  Array.from({ length: 30 }, (_none, i) => ({
    code: { bits: reversed(i, 5), length: 5 },
    extraBits: i < 4 ? 0 : (i >> 1) - 1,
  })),
  { first: 1, last: WINDOW },
);

function rangesByValue(
  ranges: readonly { code: Code; extraBits: number }[],
  { first, last }: { first: number; last: number },
): Range[] {
  const byValue: Range[] = [];
  let at = first;
  ranges.forEach(({ code, extraBits }, i) => {
    // The longest length has its own code, so the range before it is one shorter.
    const begin = last === LONGEST_MATCH && i === ranges.length - 1 ? last : at;
    for (let value = begin; value < begin + 2 ** extraBits; value++) byValue[value] = { code, first: begin, extraBits };
    at = begin + 2 ** extraBits;
  });
  return byValue;
}

function reversed(code: number, length: number): number {
  let bits = 0;
  for (let i = 0; i < length; i++) bits |= ((code >> i) & 1) << (length - 1 - i);
  return bits;
}

const lastSeen = new Int32Array(1 << HASH_BITS);
let scratch = Buffer.alloc(1 << 16);

/**
 * Packs a text whose flags are holes. Repetitions are searched at one place only, the last occurrence of the same four
 * bytes: that finds the common parts of tickets.
 */
export function pack(text: Uint8Array): Packed {
  // No literal takes more than nine bits.
  if (scratch.length < text.length * 1.2 + 64) scratch = Buffer.alloc(Math.ceil(text.length * 1.5) + 64);
  const out = scratch;
  let length = 0;
  let held = 0;
  let heldBits = 0;
  const put = (bits: number, count: number) => {
    held |= bits << heldBits;
    heldBits += count;
    while (heldBits >= 8) {
      out[length++] = held & 0xff;
      held >>>= 8;
      heldBits -= 8;
    }
  };
  const putRange = ({ code, first, extraBits }: Range, value: number) => {
    put(code.bits, code.length);
    if (extraBits > 0) put(value - first, extraBits);
  };

  lastSeen.fill(-1);
  const flagBits: number[] = [];
  put(0b010, 3); // not the last block; the fixed code
  for (let at = 0; at < text.length;) {
    if (text[at] === FLAG_HOLE) {
      flagBits.push(length * 8 + heldBits);
      for (const letter of FALSE_CODES) put(letter, 8);
      at += FLAG_BYTES;
      continue;
    }
    const from = at + SHORTEST_MATCH <= text.length ? before(text, at) : -1;
    const matched = from === -1 ? 0 : matchLength(text, from, at);
    if (matched >= SHORTEST_MATCH) {
      putRange(LENGTHS[matched]!, matched);
      putRange(DISTANCES[at - from]!, at - from);
      at += matched;
    } else {
      const { bits, length: count } = LITERALS[text[at]!]!;
      put(bits, count);
      at++;
    }
  }
  put(LITERALS[256]!.bits, LITERALS[256]!.length);
  put(0b000, 3); // an empty stored block aligns the next piece to a byte
  if (heldBits > 0) put(0, 8 - heldBits);
  put(0x0000, 16);
  put(0xffff, 16);
  return { bytes: Buffer.from(out.subarray(0, length)), flagBits };
}

/** The last occurrence of the four bytes at `at`, within reach; -1 when there is none. */
function before(text: Uint8Array, at: number): number {
  const four = text[at]! | (text[at + 1]! << 8) | (text[at + 2]! << 16) | (text[at + 3]! << 24);
  const slot = Math.imul(four, 0x9e3779b1) >>> (32 - HASH_BITS);
  const from = lastSeen[slot]!;
  lastSeen[slot] = at;
  return from !== -1 && at - from <= WINDOW ? from : -1;
}

/** The number of equal bytes. A hole equals nothing, so that no match contains a flag. */
function matchLength(text: Uint8Array, from: number, at: number): number {
  const most = Math.min(LONGEST_MATCH, text.length - at);
  let length = 0;
  while (length < most && text[from + length] === text[at + length] && text[at + length] !== FLAG_HOLE) length++;
  return length;
}

const lettersOf = (word: string): number[] => [...Buffer.from(word)].map((letter) => LITERALS[letter]!.bits);
const FALSE_CODES = lettersOf(FLAG.false);
const TRUE_CODES = lettersOf(FLAG.true);

/** Changes the flag whose bits begin at `bit`. */
export function putFlag(bytes: Uint8Array, bit: number, value: boolean): void {
  const shift = bit & 7;
  const low = (0xff << shift) & 0xff;
  (value ? TRUE_CODES : FALSE_CODES).forEach((code, i) => {
    const at = (bit >> 3) + i;
    bytes[at] = (bytes[at]! & ~low) | ((code << shift) & 0xff);
    if (shift > 0) bytes[at + 1] = (bytes[at + 1]! & low) | (code >> (8 - shift));
  });
}
