import bidiFactory from 'bidi-js';
import LineBreaker from 'linebreak';
import { graphemes, type Fonts, type Piece, type Script } from './fonts';

/** A line as it is drawn, from left to right. Widths are at font size 1. */
export type Line = { readonly pieces: readonly (Piece & { readonly width: number })[]; readonly width: number };

const bidi = bidiFactory();

/** Letters that are written from right to left, or might be. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * A text as fonts can write it: composed, without controls and direction marks, each line feed a `\n`, blanks of any kind one
 * space (one that must not break stays so).
 */
export function plain(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .normalize('NFC')
    .replace(/\r\n?|[\u0085\u2028\u2029\v\f]/g, '\n')
    .replace(/\u202f/g, '\u00a0')
    .replace(/\u2011/g, '-')
    .replace(/[^\S\n\u00a0]+/g, ' ')
    .replace(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g,
      '',
    )
    .replace(/ *\n */g, '\n')
    .trim();
}

/** How the lines of a text are to be broken. */
export type Wrapping = {
  /** In font sizes. */
  readonly width: number;
  readonly splitLongWords: boolean;
};

/** Breaks a text that `plain` gave into lines, by the rules of Unicode. A word that is too long stays whole where it may not be split. */
export function linesOf(text: string, script: Script, fonts: Fonts, wrapping: Wrapping): Line[] {
  return text.split('\n').flatMap((paragraph) => {
    const direction = directionOf(paragraph);
    const lines = wrapped(paragraph, wrapping, (part) => widthOf(part, script, fonts));
    return lines.map((line) => lineOf(line, direction, script, fonts));
  });
}

function widthOf(text: string, script: Script, fonts: Fonts): number {
  return fonts.pieces(text, script).reduce((sum, piece) => sum + fonts.width(piece), 0);
}

/** What rounding may make of a width. */
const EPSILON = 1e-6;

function wrapped(paragraph: string, { width, splitLongWords }: Wrapping, measure: (part: string) => number): string[] {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  for (const word of words(paragraph)) {
    const shown = measure(word.trimEnd());
    if (line !== '' && used + shown > width + EPSILON) end();
    if (shown > width + EPSILON && splitLongWords) splitUp(word);
    else add(word, measure(word));
  }
  end();
  return lines;

  function add(part: string, partWidth: number): void {
    line += part;
    used += partWidth;
  }

  function end(): void {
    lines.push(line.trimEnd());
    line = '';
    used = 0;
  }

  function splitUp(word: string): void {
    for (const character of graphemes(word)) {
      const characterWidth = measure(character);
      if (line !== '' && character !== ' ' && used + characterWidth > width + EPSILON) end();
      add(character, characterWidth);
    }
  }
}

/** The parts between which a line may be broken, each with the blanks after it. */
function* words(paragraph: string): Generator<string> {
  const breaker = new LineBreaker(paragraph);
  let start = 0;
  for (let next = breaker.nextBreak(); next; next = breaker.nextBreak()) {
    if (next.position > start) yield paragraph.slice(start, next.position);
    start = next.position;
  }
}

type Direction = 'ltr' | 'rtl';

/** Undefined: nothing in it is written from right to left. */
function directionOf(paragraph: string): Direction | undefined {
  if (!RIGHT_TO_LEFT.test(paragraph)) return undefined;
  const level = bidi.getEmbeddingLevels(paragraph, 'auto').paragraphs[0]?.level ?? 0;
  return level % 2 === 1 ? 'rtl' : 'ltr';
}

function lineOf(text: string, direction: Direction | undefined, script: Script, fonts: Fonts): Line {
  const logical = direction === undefined ? fonts.pieces(text, script) : visual(text, direction, script, fonts);
  const pieces = logical.map((piece) => ({ ...piece, width: fonts.width(piece) }));
  return { pieces, width: pieces.reduce((sum, { width }) => sum + width, 0) };
}

/** Pieces in the order in which they are seen (Unicode Standard Annex 9). */
function visual(text: string, direction: Direction, script: Script, fonts: Fonts): Piece[] {
  const { levels } = bidi.getEmbeddingLevels(text, direction);
  const runs: { readonly level: number; readonly pieces: Piece[] }[] = [];
  for (let start = 0; start < text.length;) {
    let end = start + 1;
    while (end < text.length && levels[end] === levels[start]) end++;
    const level = levels[start]!;
    // Each word by itself: PDF libraries shape words one by one, and put them from left to right.
    for (const word of text.slice(start, end).split(/(?<= )|(?= )/)) {
      const pieces = fonts.pieces(word, script);
      runs.push({ level, pieces: level % 2 === 1 ? pieces.reverse().map(reversed) : pieces });
    }
    start = end;
  }
  const highest = Math.max(0, ...runs.map(({ level }) => level));
  for (let level = highest; level > 0; level--) reverseFrom(level, runs);
  return runs.flatMap(({ pieces }) => pieces);
}

/** Letters that go from right to left are put in order by their font; whatever else stands among them is not. */
function reversed(piece: Piece): Piece {
  if (RIGHT_TO_LEFT.test(piece.text)) return piece;
  const mirrored = graphemes(piece.text).map((character) => bidi.getMirroredCharacter(character) ?? character);
  return { ...piece, text: mirrored.reverse().join('') };
}

/** Turns around each longest sequence of runs of at least this level. */
function reverseFrom(level: number, runs: { readonly level: number }[]): void {
  for (let start = 0; start < runs.length; start++) {
    if (runs[start]!.level < level) continue;
    let end = start;
    while (end < runs.length && runs[end]!.level >= level) end++;
    runs.splice(start, end - start, ...runs.slice(start, end).reverse());
    start = end;
  }
}
