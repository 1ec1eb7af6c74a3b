/**
 * A text folded for finding and ordering without regard to case, for every letter and independent of the database's locale
 * (contract, decisions): `JÜRGEN` and `Jürgen`, `Straße` and `STRASSE`, `ΟΔΟΣ` and `οδος`, `İzmir` and `izmir` are equal.
 * Store it and compare it by code points (`collate "C"` on PostgreSQL); fold search texts in the same way.
 */
export function foldCase(text: string): string {
  // A shortcut: most secrets, codes and e-mails are ASCII.
  if (ASCII.test(text)) return text.toLowerCase();
  return (
    text
      .normalize('NFC')
      // First lower case, because capital ẞ has no upper case that becomes SS; then upper case, which expands ß, ﬁ and ŉ.
      .toLowerCase()
      .toUpperCase()
      .toLowerCase()
      // Lower case of Σ depends on its place in the word, which is unknown for a part of a word.
      .replaceAll('ς', 'σ')
      // The lower case of İ is i with a combining dot above, which people do not type.
      .replace(/i\u0307+/g, 'i')
      .normalize('NFC')
  );
}

const ASCII = /^[\x20-\x7e]*$/;
