/**
 * The form of a text by which texts are found and ordered whatever their case, for every letter and whatever the database's
 * locale (contract, decisions): `JÜRGEN` and `Jürgen`, `Straße` and `STRASSE`, `ΟΔΟΣ` and `οδος`, `İzmir` and `izmir` agree.
 * Store it and compare it by code points (`collate "C"` on PostgreSQL); fold what is searched for in the same way.
 */
export function foldCase(text: string): string {
  // ASCII needs none of the rest, and most secrets, codes and e-mails are ASCII.
  if (ASCII.test(text)) return text.toLowerCase();
  return (
    text
      .normalize('NFC')
      // Down first, because capital ẞ has no upper case of its own to become SS; then up, which opens ß, ﬁ and ŉ.
      .toLowerCase()
      .toUpperCase()
      .toLowerCase()
      // Lower case writes Σ by its place in the word, which a part of a word does not know.
      .replaceAll('ς', 'σ')
      // İ becomes i and a dot above it, which nobody types.
      .replace(/i\u0307+/g, 'i')
      .normalize('NFC')
  );
}

const ASCII = /^[\x20-\x7e]*$/;
