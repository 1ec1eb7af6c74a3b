import { readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import * as fontkit from 'fontkit';
import subsetFont from 'subset-font';

/**
 * The Noto fonts, for what the standard fonts of PDF cannot write. They come from npm in slices of some hundred characters each,
 * with all weights in one file: a slice is loaded when its first character is to be written, at the weight that is asked for.
 */
export type Weight = 400 | 700;

/** Which slices of a family count: those of its script; each family also has Latin letters, that look like its neighbours only. */
const FAMILIES: readonly { readonly family: string; readonly scripts: RegExp; readonly languages?: RegExp }[] = [
  { family: 'noto-sans', scripts: /./ },
  { family: 'noto-sans-arabic', scripts: /^arabic$/ },
  { family: 'noto-sans-hebrew', scripts: /^hebrew$/ },
  { family: 'noto-sans-thai', scripts: /^thai$/ },
  { family: 'noto-sans-sc', scripts: /^\[\d+\]$/, languages: /^zh\b/i },
  { family: 'noto-sans-jp', scripts: /^\[\d+\]$/, languages: /^ja\b/i },
  { family: 'noto-sans-kr', scripts: /^\[\d+\]$/, languages: /^ko\b/i },
  { family: 'noto-emoji', scripts: /./ },
];

const HAN = /\p{Script=Han}/u;
const KANA = /[\p{Script=Hiragana}\p{Script=Katakana}]/u;
const HANGUL = /\p{Script=Hangul}/u;

/** Chinese, Japanese and Korean share characters that each draws differently: the text says whose they are, or else its locale. */
export function familiesFor(text: string, locale: string): readonly string[] {
  const names = FAMILIES.map(({ family }) => family);
  if (!HAN.test(text) && !KANA.test(text) && !HANGUL.test(text)) return names;
  const first = KANA.test(text)
    ? 'noto-sans-jp'
    : HANGUL.test(text)
      ? 'noto-sans-kr'
      : FAMILIES.find(({ languages }) => languages?.test(locale))?.family;
  return first === undefined ? names : [first, ...names.filter((name) => name !== first)];
}

/** By family, its slices by code point; read when a document first needs the family. */
const families = new Map<string, ReadonlyMap<number, readonly string[]>>();

/** The slices of a family that should have a character, as `family/slice`; whether one does is known when it is loaded. */
export function slicesOf(family: string, codePoint: number): readonly string[] {
  const known = families.get(family);
  if (known) return known.get(codePoint) ?? [];
  families.set(family, readFamily(family));
  return slicesOf(family, codePoint);
}

function readFamily(family: string): ReadonlyMap<number, readonly string[]> {
  const { scripts } = FAMILIES.find((one) => one.family === family)!;
  const file = require.resolve(`@fontsource-variable/${family}/unicode.json`);
  const ranges = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>);
  const slices = new Map<number, string[]>();
  for (const [name, list] of ranges) {
    if (!scripts.test(name)) continue;
    const slice = `${family}/${name.replace(/[[\]]/g, '')}`;
    for (const range of list.split(',')) {
      const [from, to] = codePointsOf(range);
      for (let at = from; at <= to; at++) slices.set(at, [...(slices.get(at) ?? []), slice]);
    }
  }
  return slices;
}

/** Of `U+600-6ff` or `U+20ac`. */
function codePointsOf(range: string): readonly [from: number, to: number] {
  const [from = '', to = from] = range.replace(/^U\+/i, '').split('-');
  return [parseInt(from, 16), parseInt(to, 16)];
}

/** A slice at a weight: as a TrueType file that PDF can embed, and which characters it really has. */
export type NotoFont = { readonly file: Buffer; has(codePoint: number): boolean };

/** By name; kept for all documents of the process: all slices together are some 40 MB, and a festival's names need a few. */
const loaded = new Map<string, NotoFont>();

export const fontName = (slice: string, weight: Weight): string => `${slice}/${weight}`;

/** Undefined as long as nobody has loaded it. */
export const loadedFont = (name: string): NotoFont | undefined => loaded.get(name);

/** Loads a font by its name. */
export async function loadFont(name: string): Promise<void> {
  if (loaded.has(name)) return;
  const [family, slice, weight] = name.split('/');
  const path = `@fontsource-variable/${family}/files/${family}-${slice}-wght-normal.woff2`;
  const variable = await readFile(require.resolve(path));
  // PDF knows no variable fonts.
  const file = await subsetFont(variable, undefined, {
    keepAllGlyphs: true,
    targetFormat: 'sfnt',
    variationAxes: { wght: Number(weight) },
  });
  const font = fontkit.create(file);
  if (!('characterSet' in font)) throw new Error(`${path} holds more than one font.`);
  const characters = new Set(font.characterSet);
  loaded.set(name, { file, has: (codePoint) => characters.has(codePoint) });
}
