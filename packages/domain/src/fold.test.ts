import fc from 'fast-check';
import { foldCase } from './fold';

test.each([
  ['JÜRGEN', 'Jürgen'],
  ['Ærø', 'ÆRØ'],
  ['Straße', 'STRASSE'],
  ['STRAẞE', 'strasse'],
  ['ΟΔΟΣ', 'οδος'],
  ['ὈΔΥΣΣΕΎΣ', 'ὀδυσσεύς'],
  ['İzmir', 'izmir'],
  ['ŁÓDŹ', 'łódź'],
  ['ЩУКА', 'щука'],
  ['ﬁnn', 'FINN'],
  ['Bjo\u0308rn', 'BJÖRN'],
  ['\u212Bsa', 'åSA'],
  ['მარი', 'ᲛᲐᲠᲘ'],
  ['例示', '例示'],
  ['ADA@Example.ORG', 'ada@example.org'],
])('%s and %s agree', (a, b) => {
  expect(foldCase(a)).toBe(foldCase(b));
});

test.each([
  ['ada', 'adá'],
  ['ΟΔΟΣ', 'ΟΔΟΥ'],
  ['Ø', 'O'],
])('%s and %s do not: accents are letters of their own', (a, b) => {
  expect(foldCase(a)).not.toBe(foldCase(b));
});

test.each([
  ['Ær', 'ærø'],
  ['MÜLLER', 'Björn Müller-Üßé'],
  ['ÜSSÉ', 'Björn Müller-Üßé'],
  ['ΟΔΟΣ', 'Οδοσήμανση'],
])('%s is found within %s', (part, whole) => {
  expect(foldCase(whole)).toContain(foldCase(part));
});

test('what is folded stays as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const folded = foldCase(text);
      expect(foldCase(folded)).toBe(folded);
    }),
    { numRuns: 2000 },
  );
});

test('every letter agrees with its upper and its lower case', () => {
  for (let code = 0; code <= 0x1ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const letter = String.fromCodePoint(code);
    const folded = foldCase(letter);
    if (folded === foldCase(letter.toUpperCase()) && folded === foldCase(letter.toLowerCase())) continue;
    throw new Error(`U+${code.toString(16)} ${letter}`);
  }
});
