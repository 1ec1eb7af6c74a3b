import { type Omit } from './omission';
import { familiesFor, fontName, loadedFont, loadFont, slicesOf, type Weight } from './noto';

/** How an element wants its text to look. */
export type Face = { readonly family: string; readonly bold: boolean; readonly italic: boolean };

/** How one text is to be written; made by `Fonts.prepare`, valid for that text and its parts. */
export type Script = {
  /** The standard font, for all that it can write. */
  readonly standard: string;
  /** Also Latin letters are written in Noto Sans, since others of the same word must be. */
  readonly oneLatin: boolean;
  /** The Noto fonts for the rest, the preferred first; none: there is no rest. */
  readonly families: readonly string[];
  readonly weight: Weight;
  /** Fonts that are not loaded yet count as having what they should have: so it is found out which ones to load. */
  readonly loading: boolean;
};

/** A part of a text in one font. */
export type Piece = { readonly text: string; readonly font: string };

export type Fonts = {
  /** Loads what a text needs beyond the standard fonts. */
  prepare(text: string, face: Face, locale: string): Script | Promise<Script>;
  /** Cuts a text into parts of one font each, in the order of the text. */
  pieces(text: string, script: Script): Piece[];
  /** The width of a piece at font size 1. */
  width(piece: Piece): number;
  /** Makes it the document's font. */
  use(font: string, size: number): void;
};

/** What the encoding of the standard fonts has (WinAnsi). */
const STANDARD = /^[\n\x20-\x7e\xa0-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]*$/;

/** Invisible: they choose between forms and join characters, which the character before them does or does not. */
const JOINERS = /[\u200c\u200d\ufe00-\ufe0f\u{e0020}-\u{e007f}\u{e0100}-\u{e01ef}]/gu;

/** Stands for a character that no font has. */
const BOX = '□';

const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The user-perceived characters of a text. */
export const graphemes = (text: string): string[] => Array.from(clusters.segment(text), ({ segment }) => segment);

/** The fonts of one document. */
export function openFonts(doc: PDFKit.PDFDocument, omit: Omit): Fonts {
  const registered = new Set<string>();
  const widths = new Map<string, number>();

  return {
    prepare(text, face, locale) {
      const standard = standardFont(face);
      if (STANDARD.test(text)) return { standard, oneLatin: false, families: [], weight: 400, loading: false };
      return prepareNoto(text, standard, face.bold ? 700 : 400, locale);
    },
    pieces,
    width(piece) {
      const key = `${piece.font} ${piece.text}`;
      const known = widths.get(key);
      if (known !== undefined) return known;
      // A document's texts are few, but for names.
      if (widths.size > 5000) widths.clear();
      use(piece.font, 1000);
      const width = doc.widthOfString(piece.text) / 1000;
      widths.set(key, width);
      return width;
    },
    use,
  };

  function use(font: string, size: number): void {
    const noto = loadedFont(font);
    if (noto && !registered.has(font)) {
      doc.registerFont(font, noto.file);
      registered.add(font);
    }
    doc.font(font).fontSize(size);
  }

  async function prepareNoto(text: string, standard: string, weight: Weight, locale: string): Promise<Script> {
    const families = familiesFor(text, locale);
    const oneLatin = [...text].some(
      (character) => !STANDARD.test(character) && slicesOf('noto-sans', character.codePointAt(0)!).length > 0,
    );
    const script: Script = { standard, oneLatin, families, weight, loading: false };
    // What a font lacks, although it should have it, another one may have: again, until nothing new is wanted.
    for (;;) {
      const wanted = pieces(text, { ...script, loading: true }).map(({ font }) => font);
      const missing = [...new Set(wanted)].filter((font) => font !== standard && !loadedFont(font));
      if (missing.length === 0) return script;
      await Promise.all(missing.map((font) => loadFont(font)));
    }
  }

  function pieces(text: string, script: Script): Piece[] {
    if (script.families.length === 0 || (!script.oneLatin && STANDARD.test(text))) {
      return text === '' ? [] : [{ text, font: script.standard }];
    }
    return joined(graphemes(text).flatMap((cluster) => piecesOfCluster(cluster, script)));
  }

  function piecesOfCluster(cluster: string, script: Script): Piece[] {
    if (!script.oneLatin && STANDARD.test(cluster)) return [{ text: cluster, font: script.standard }];
    const characters = [...cluster.replace(JOINERS, '')];
    const fonts = characters.map((character) => fontsWith(character, script));
    const common = fonts[0]?.find((font) => fonts.every((others) => others.includes(font)));
    if (common !== undefined) return [{ text: inFont(cluster, common), font: common }];
    return characters.map((character, at) => pieceOf(character, fonts[at]![0], script));
  }

  function pieceOf(character: string, font: string | undefined, script: Script): Piece {
    if (font !== undefined) return { text: character, font };
    if (STANDARD.test(character)) return { text: character, font: script.standard };
    const codePoint = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    omit({ element: null, what: `U+${codePoint}`, why: 'no font has this character; a box stands for it' });
    const box = fontsWith(BOX, script)[0];
    return box === undefined ? { text: '?', font: script.standard } : { text: BOX, font: box };
  }
}

/** The names of the Noto fonts that have a character, the preferred first. */
function fontsWith(character: string, { families, weight, loading }: Script): string[] {
  const codePoint = character.codePointAt(0)!;
  return families
    .flatMap((family) => slicesOf(family, codePoint))
    .map((slice) => fontName(slice, weight))
    .filter((font) => loadedFont(font)?.has(codePoint) ?? loading);
}

/** Joiners that a font does not know would show as boxes. */
function inFont(cluster: string, name: string): string {
  const font = loadedFont(name);
  return cluster.replace(JOINERS, (joiner) => (font?.has(joiner.codePointAt(0)!) ? joiner : ''));
}

/** Neighbours of one font together: letters of a word shape each other. */
function joined(pieces: readonly Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    if (last?.font === piece.font) result[result.length - 1] = { text: last.text + piece.text, font: piece.font };
    else result.push(piece);
  }
  return result;
}

const MONOSPACED = /mono|courier|code\b|typewriter|consol/i;
const SERIF = /(?<!sans[ -]?)serif|times|georgia|garamond|vollkorn|lora\b|merriweather|playfair|bodoni|baskerville/i;

/** What the standard font of PDF is that looks most like a family. */
export function standardFont({ family, bold, italic }: Face): string {
  if (MONOSPACED.test(family)) return `Courier${styled(bold, italic, 'Oblique')}`;
  if (SERIF.test(family)) return `Times${styled(bold, italic, 'Italic') || '-Roman'}`;
  return `Helvetica${styled(bold, italic, 'Oblique')}`;
}

function styled(bold: boolean, italic: boolean, slanted: string): string {
  const style = `${bold ? 'Bold' : ''}${italic ? slanted : ''}`;
  return style && `-${style}`;
}
