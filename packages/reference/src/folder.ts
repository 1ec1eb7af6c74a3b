import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { lines } from './lines';

/** A file of an export. `name` is how errors call it: relative to the folder that was asked for, with forward slashes. */
export type SourceFile = { readonly path: string; readonly name: string; readonly bytes: number };

/** A folder of an export and the files in it, by their names. */
export type SourceFolder = { readonly name: string; readonly files: ReadonlyMap<string, SourceFile> };

/** One organizer's export (import.md §1). */
export type OrganizerFolder = SourceFolder & { readonly events: readonly SourceFolder[] };

/** The folder that was asked for is no export at all; the message says why. */
export class NoExport extends Error {
  override name = 'NoExport';
}

/** The organizers of a folder: the folder itself when it has an `organizer.json`, else its folders that have one. Throws NoExport. */
export async function openFolder(path: string): Promise<OrganizerFolder[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new NoExport(`${path}: there is no such folder`);
  if (!found.isDirectory()) throw new NoExport(`${path} is a file; name the folder that organizer.json lies in`);
  const top = await openOrganizer(path, '');
  if (top) return [top];
  const organizers: OrganizerFolder[] = [];
  for (const name of await foldersIn(path)) {
    const organizer = await openOrganizer(join(path, name), `${name}/`);
    if (organizer) organizers.push(organizer);
  }
  if (organizers.length > 0) return organizers;
  throw new NoExport(
    `${path} has no organizer.json, and no folder in it has one. An export is a folder with organizer.json at its top, ` +
      'or a folder of such folders.',
  );
}

async function openOrganizer(path: string, prefix: string): Promise<OrganizerFolder | undefined> {
  const files = await filesIn(path, prefix);
  if (!files.has('organizer.json')) return undefined;
  const events: SourceFolder[] = [];
  for (const name of await foldersIn(join(path, 'events'))) {
    const eventPrefix = `${prefix}events/${name}/`;
    events.push({ name, files: await filesIn(join(path, 'events', name), eventPrefix) });
  }
  return { name: basename(path), files, events };
}

async function filesIn(path: string, prefix: string): Promise<Map<string, SourceFile>> {
  const files = new Map<string, SourceFile>();
  for (const name of await readdir(path)) {
    if (!/\.(nd)?json$/.test(name) || name.startsWith('.')) continue;
    const file = join(path, name);
    const found = await stat(file);
    if (found.isFile()) files.set(name, { path: file, name: prefix + name, bytes: found.size });
  }
  return files;
}

async function foldersIn(path: string): Promise<string[]> {
  const names = await readdir(path).catch(() => []);
  const folders: string[] = [];
  for (const name of names.sort()) {
    if (name.startsWith('.')) continue;
    const found = await stat(join(path, name)).catch(() => undefined);
    if (found?.isDirectory()) folders.push(name);
  }
  return folders;
}

/** One object of a file. `index` is its line (from 1) in a `.ndjson`, else its place in the list (from 0); -1 is the whole file. */
export type Row = { readonly index: number; readonly problem?: string; readonly value?: unknown };

/** Where an object stands, for a human: `events/openair/orders.ndjson:17`, `items.json[3]`, `event.json`. */
export function place(file: SourceFile, index: number): string {
  if (index < 0) return file.name;
  return file.name.endsWith('.ndjson') ? `${file.name}:${index}` : `${file.name}[${index}]`;
}

/** The one object of a file. */
export async function readObject(file: SourceFile): Promise<Row> {
  const text = withoutMark(await readFile(file.path, 'utf8'));
  return parse(text, -1);
}

/**
 * The objects of a list, some at a time: a JSON array, the page envelope of pretix's API or an array of such pages
 * (their `results`), or one object per line. Reads piece by piece, so a file of any size takes little memory.
 */
export async function* readRows(file: SourceFile, onBytes: (bytes: number) => void): AsyncGenerator<Row[]> {
  if (file.name.endsWith('.ndjson')) {
    yield* readLines(file, onBytes);
    return;
  }
  let count = 0;
  for await (const elements of readElements(file, onBytes)) {
    const rows: Row[] = [];
    for (const element of elements) {
      const page = pageOf(element.value);
      if (page) for (const value of page) rows.push({ index: count++, value });
      else rows.push(element.index < 0 ? element : { ...element, index: count++ });
    }
    yield rows;
  }
}

const CHUNK_BYTES = 1 << 17;

async function* chunks(file: SourceFile, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(file.path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    yield chunk;
    onBytes(chunk.length);
  }
}

async function* readLines(file: SourceFile, onBytes: (bytes: number) => void): AsyncGenerator<Row[]> {
  let line = 0;
  for await (const texts of lines(chunks(file, onBytes))) {
    const rows: Row[] = [];
    for (const text of texts) {
      line++;
      const clean = line === 1 ? withoutMark(text) : text;
      if (clean.trim() !== '') rows.push(parse(clean, line));
    }
    yield rows;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** The elements of a file's array, cut out byte by byte so that only one of them need be in memory. */
async function* readElements(file: SourceFile, onBytes: (bytes: number) => void): AsyncGenerator<Row[]> {
  let depth = 0;
  let inString = false;
  let escaped = false;
  let ended = false;
  // The bytes of the element that is being read, from earlier chunks.
  let carried: Buffer[] = [];
  let reading = false;
  for await (const chunk of chunks(file, onBytes)) {
    const rows: Row[] = [];
    let start = 0;
    const finish = (end: number) => {
      if (!reading) return;
      carried.push(chunk.subarray(start, end));
      rows.push(parse(Buffer.concat(carried).toString('utf8'), 0));
      carried = [];
      reading = false;
    };
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
        continue;
      }
      // White space, and a byte order mark.
      if (byte <= 0x20 || byte === 0xef || byte === 0xbb || byte === 0xbf) continue;
      if (depth === 0) {
        if (byte === OPEN_BRACE && !ended) {
          yield [await readPage(file)];
          return;
        }
        if (byte !== OPEN_BRACKET || ended) {
          yield [...rows, { index: -1, problem: ended ? 'has something after its end' : 'is not JSON' }];
          return;
        }
        depth = 1;
        continue;
      }
      if (depth === 1 && byte === COMMA) {
        finish(i);
        continue;
      }
      if (depth === 1 && byte === CLOSE_BRACKET) {
        finish(i);
        depth = 0;
        ended = true;
        continue;
      }
      if (!reading) {
        reading = true;
        start = i;
      }
      if (byte === QUOTE) inString = true;
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    }
    if (reading) carried.push(chunk.subarray(start));
    yield rows;
  }
  if (!ended) yield [{ index: -1, problem: depth === 0 ? 'is empty' : 'ends in the middle of a list' }];
}

async function readPage(file: SourceFile): Promise<Row> {
  const whole = await readObject(file);
  if (whole.problem !== undefined || pageOf(whole.value)) return whole;
  return { index: -1, problem: 'is neither a list nor a page with "results"' };
}

function pageOf(value: unknown): unknown[] | undefined {
  if (typeof value !== 'object' || value === null || !('results' in value)) return undefined;
  return Array.isArray(value.results) ? value.results : undefined;
}

/** The parser's own message is not told: it quotes the text, names and secrets included. */
function parse(text: string, index: number): Row {
  try {
    return { index, value: JSON.parse(text) };
  } catch {
    return { index, problem: 'is not JSON' };
  }
}

const withoutMark = (text: string): string => (text.startsWith('\uFEFF') ? text.slice(1) : text);
