/*
 * Deflate (RFC 1951) for texts that hold flags which change: each flag is written as five letters in the fixed code, so it
 * always takes the same forty bits and can be changed in place, and nothing else refers to it.
 */

/** The two values of a flag, of equal length; JSON lets a space stand behind a value. */
export const FLAG = { true: 'true ', false: 'false' } as const;
const FLAG_BYTES = 5;

/** Stands for each byte of a flag in a text to pack. No UTF-8 text has it. */
export const FLAG_HOLE = 0xff;

export type Packed = {
  /** Whole blocks that end on a byte: such pieces may follow each other. Flags say false. */
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

/** Of what begins a literal or a length (RFC 1951, 3.2.6); Huffman codes go down with their highest bit first. */
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
/** By how far back a match lies. */
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
    // The longest length has a code of its own, one before the end of the range that would hold it.
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
 * Packs a text whose flags are holes. Repetitions are looked for in one place only, where the same four bytes stood last:
 * that finds what tickets have in common.
 */
export function pack(text: Uint8Array): Packed {
  // No letter takes more than nine bits.
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
  put(0b000, 3); // an empty stored block brings the next piece to a whole byte
  if (heldBits > 0) put(0, 8 - heldBits);
  put(0x0000, 16);
  put(0xffff, 16);
  return { bytes: Buffer.from(out.subarray(0, length)), flagBits };
}

/** Where the four bytes at `at` stood last, within reach; -1 when nowhere. */
function before(text: Uint8Array, at: number): number {
  const four = text[at]! | (text[at + 1]! << 8) | (text[at + 2]! << 16) | (text[at + 3]! << 24);
  const slot = Math.imul(four, 0x9e3779b1) >>> (32 - HASH_BITS);
  const from = lastSeen[slot]!;
  lastSeen[slot] = at;
  return from !== -1 && at - from <= WINDOW ? from : -1;
}

/** How many bytes agree. A hole never does, so that no match depends on a flag. */
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
