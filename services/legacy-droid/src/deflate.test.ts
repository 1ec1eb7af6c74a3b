import { crc32, inflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { crcOfBoth, followedBy, shiftOf } from './crc';
import { END_OF_STREAM, FLAG, FLAG_HOLE, pack, putFlag } from './deflate';

const unpacked = (...pieces: Uint8Array[]): string =>
  inflateRawSync(Buffer.concat([...pieces, END_OF_STREAM])).toString('utf8');

/** A text with `@` for each flag, as `pack` takes it. */
const holed = (text: string): Buffer =>
  Buffer.concat(
    text.split('@').flatMap((part, i) => [...(i > 0 ? [Buffer.alloc(5, FLAG_HOLE)] : []), Buffer.from(part)]),
  );

describe('pack', () => {
  test.each([
    ['nothing', ''],
    ['one letter', 'x'],
    ['letters of nine bits', 'Björn Müller-Üßé Ωmega'],
    ['a long repetition', 'ab'.repeat(40_000)],
    ['repetitions further apart than the window', `${'first '.repeat(3)}${randomText(40_000)}first first `],
    ['the longest lengths', Array.from({ length: 300 }, (_none, n) => `${'z'.repeat(n)}${n}`).join('|')],
  ])('inflates to the text: %s', (_name, text) => {
    expect(unpacked(pack(Buffer.from(text)).bytes)).toBe(text);
  });

  test('pieces follow each other in one stream', () => {
    expect(unpacked(pack(Buffer.from('[{"a": 1}')).bytes, pack(Buffer.from(', {"a": 1}]')).bytes)).toBe(
      '[{"a": 1}, {"a": 1}]',
    );
  });

  test('any text inflates to itself, whatever its flags say', () => {
    const parts = fc.array(
      fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('@', '')),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(parts, fc.infiniteStream(fc.boolean()), (texts, flags) => {
        const { bytes, flagBits } = pack(holed(texts.join('@')));
        expect(flagBits).toHaveLength(texts.length - 1);
        const values = flagBits.map(() => flags.next().value as boolean);
        // Each is set wrongly first: a change must leave no traces.
        flagBits.forEach((bit, i) => putFlag(bytes, bit, !values[i]));
        flagBits.forEach((bit, i) => putFlag(bytes, bit, values[i]!));
        expect(unpacked(bytes)).toBe(
          texts.map((text, i) => text + (i < values.length ? FLAG[`${values[i]!}`] : '')).join(''),
        );
      }),
    );
  });
});

describe('CRC-32', () => {
  test('of two texts from theirs', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.uint8Array({ maxLength: 5000 }), (a, b) => {
        expect(crcOfBoth(crc32(a), crc32(b), shiftOf(b.length))).toBe(crc32(Buffer.concat([a, b])));
      }),
    );
  });

  test('of a text after a change, wherever it is', () => {
    const difference = crc32(FLAG.true) ^ crc32(FLAG.false);
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), fc.string({ maxLength: 300 }), (start, end) => {
        const before = crc32(start + FLAG.false + end);
        expect((before ^ followedBy(difference, Buffer.byteLength(end))) >>> 0).toBe(crc32(start + FLAG.true + end));
      }),
    );
  });
});

function randomText(length: number): string {
  let seed = 1;
  return Array.from({ length }, () => String.fromCharCode(97 + ((seed = (seed * 48_271) % 2_147_483_647) % 26))).join(
    '',
  );
}
