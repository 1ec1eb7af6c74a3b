import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { unreadable, type SourceFile } from './folder';
import { pageOf, pageSequence } from './pages';

/**
 * One object of a file. `index` is its line (from 1) in a `.ndjson`, else its index in the list (from 0); -1 is the whole
 * file. `incomplete`: the problem is that of the file, which lacks an unknown part.
 */
export type Row = {
  readonly index: number;
  readonly problem?: string;
  readonly incomplete?: true;
  readonly value?: unknown;
};

/** More than an object of any shop has, and little enough for memory. */
const MOST_BYTES = 64 * 2 ** 20;
const TOO_LARGE = `of more than ${MOST_BYTES / 2 ** 20} MB`;

const broken = (problem: string): Row => ({ index: -1, problem, incomplete: true });

/** The location of an object, for people: `events/openair/orders.ndjson:17`, `items.json[3]`, `event.json`. */
export function place(file: Pick<SourceFile, 'name'>, index: number): string {
  if (index < 0) return file.name;
  return file.name.endsWith('.ndjson') ? `${file.name}:${index}` : `${file.name}[${index}]`;
}

/** The one object of a file. */
export async function readObject(file: SourceFile): Promise<Row> {
  if (file.bytes > MOST_BYTES) return broken(`is an object ${TOO_LARGE}`);
  try {
    return whole(parse(await readFile(file.path), -1));
  } catch (error) {
    return broken(unreadable(error));
  }
}

const whole = (row: Row): Row => (row.problem === undefined ? row : { ...row, incomplete: true });

/**
 * The objects of a list, in batches: of a JSON array, of the page envelope of pretix's API or an array of such pages (their
 * `results`). Reads in chunks, so a file of any size takes little memory. A file that is cut off or lacks objects or pages ends
 * with a row that says so.
 */
export async function* readRows(file: SourceFile, onBytes: (bytes: number) => void): AsyncGenerator<Row[]> {
  try {
    yield* readList(file, onBytes);
  } catch (error) {
    yield [broken(unreadable(error))];
  }
}

async function* readList(file: SourceFile, onBytes: (bytes: number) => void): AsyncGenerator<Row[]> {
  const pages = pageSequence();
  let count = 0;
  let single = 0;
  for await (const elements of readElements(file, onBytes)) {
    const rows: Row[] = [];
    for (const element of elements) {
      if (element.incomplete) {
        yield [...rows, element];
        return;
      }
      const page = pageOf(element.value);
      if (page) {
        pages.add(page);
        for (const value of page.results) rows.push({ index: count++, value });
      } else {
        single++;
        rows.push({ ...element, index: count++ });
      }
    }
    yield rows;
  }
  if (pages.length > 0 && single > 0) yield [broken('holds pages, and objects that are in none of them')];
  const problem = pages.problem();
  if (problem !== undefined) yield [broken(problem)];
}

const CHUNK_BYTES = 1 << 17;

async function* chunks(file: SourceFile, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(file.path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    yield chunk;
    onBytes(chunk.length);
  }
}

/**
 * A part of a file with one object per line: whole lines, the first of which has the number `first`. `isEnd`: the file ends with
 * them, in a line without an end. Or the problem for which the rest of the file cannot be read.
 */
export type Piece =
  | { readonly bytes: Uint8Array<ArrayBuffer>; readonly first: number; readonly isEnd: boolean }
  | { readonly problem: string };

/** A file with one object per line in pieces of some hundred lines, which can be read apart from each other (`rowsOf`). */
export async function* readPieces(file: SourceFile, onBytes: (bytes: number) => void): AsyncGenerator<Piece> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let first = 1;
  try {
    for await (const chunk of chunks(file, onBytes)) {
      const end = chunk.lastIndexOf(LINE_END) + 1;
      if (end > 0) {
        rest.push(chunk.subarray(0, end));
        yield { bytes: joined(rest), first, isEnd: false };
        first += lineEndsIn(chunk);
        rest = [];
        restBytes = 0;
      }
      rest.push(chunk.subarray(end));
      restBytes += chunk.length - end;
      if (restBytes > MOST_BYTES) {
        yield { problem: `has a line ${TOO_LARGE}` };
        return;
      }
    }
    yield { bytes: joined(rest), first, isEnd: true };
  } catch (error) {
    yield { problem: unreadable(error) };
  }
}

/** In memory of its own, which can be handed over to a thread. */
function joined(parts: readonly Buffer[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function lineEndsIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_END); at >= 0; at = bytes.indexOf(LINE_END, at + 1)) count++;
  return count;
}

/** The objects of a piece. */
export function rowsOf(piece: Piece): Row[] {
  if ('problem' in piece) return [broken(piece.problem)];
  const { first, isEnd } = piece;
  const bytes = Buffer.from(piece.bytes.buffer, piece.bytes.byteOffset, piece.bytes.byteLength);
  const rows: Row[] = [];
  let start = 0;
  for (let line = first; start < bytes.length; line++) {
    const end = isEnd ? bytes.length : bytes.indexOf(LINE_END, start);
    const text = bytes.subarray(start, end);
    start = end + 1;
    if (isBlank(text)) continue;
    const row = rowOf(text, line);
    const isCutOff = isEnd && row.problem === NO_JSON;
    rows.push(isCutOff ? { ...row, problem: 'is cut off: its line has no end', incomplete: true } : row);
  }
  return rows;
}

function rowOf(text: Buffer, line: number): Row {
  const row = parse(text, line);
  if (!pageOf(row.value)) return row;
  return { index: line, problem: 'is a page of objects: in a file of lines each is one object', incomplete: true };
}

const isBlank = (text: Buffer): boolean => text.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);

const LINE_END = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** The elements of a file's array, separated byte by byte, so that only one of them must be in memory. */
async function* readElements(file: SourceFile, onBytes: (bytes: number) => void): AsyncGenerator<Row[]> {
  let depth = 0;
  let inString = false;
  let escaped = false;
  let ended = false;
  // The bytes of the element that is being read, from earlier chunks.
  let carried: Buffer[] = [];
  let carriedBytes = 0;
  let reading = false;
  for await (const chunk of chunks(file, onBytes)) {
    const rows: Row[] = [];
    let start = 0;
    const finish = (end: number) => {
      if (!reading) return;
      carried.push(chunk.subarray(start, end));
      rows.push(parse(Buffer.concat(carried), 0));
      carried = [];
      carriedBytes = 0;
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
          // Parsing the whole text gives a better description of the error.
          yield [...rows, ended ? broken(MORE) : file.bytes > MOST_BYTES ? broken(NO_JSON) : await readPage(file)];
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
    if (reading) {
      carried.push(chunk.subarray(start));
      carriedBytes += chunk.length - start;
      if (carriedBytes > MOST_BYTES) {
        yield [...rows, broken(`has an object ${TOO_LARGE}`)];
        return;
      }
    }
    yield rows;
  }
  if (!ended) yield [broken(depth === 0 ? EMPTY : 'is cut off: it ends in the middle of a list')];
}

async function readPage(file: SourceFile): Promise<Row> {
  const row = await readObject(file);
  if (row.problem !== undefined || pageOf(row.value)) return row;
  const { value } = row;
  const detail = typeof value === 'object' && value !== null && 'detail' in value ? value.detail : undefined;
  if (typeof detail === 'string') return broken(`is no list but an answer: "${detail.slice(0, 100)}"`);
  return broken('is neither a list nor a page with "results"');
}

const NO_JSON = 'is not JSON';
const EMPTY = 'is empty (an empty list is [])';
const MORE = 'has something after its end; several pages are a list: [page, page]';

/** The parser's own message is not shown: it quotes the text, including names and secrets. */
function parse(bytes: Buffer, index: number): Row {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return { index, problem: 'is UTF-16; save it as UTF-8', incomplete: true };
  }
  if (!isUtf8(bytes)) return { index, problem: 'is not UTF-8; save it as UTF-8', incomplete: true };
  const text = withoutMark(bytes.toString('utf8'));
  try {
    return { index, value: JSON.parse(text) };
  } catch (error) {
    return { index, problem: index < 0 ? whatElse(text, error) : NO_JSON };
  }
}

/** The reason why a whole file is not JSON. */
function whatElse(text: string, error: unknown): string {
  if (text.trim() === '') return EMPTY;
  if (/^\s*</.test(text)) return 'is a web page, not JSON';
  const message = String((error as { message?: unknown }).message);
  if (/^(Unexpected end|Unterminated)/.test(message)) return 'is cut off: it ends in the middle of an object';
  return /after JSON/.test(message) ? MORE : NO_JSON;
}

const withoutMark = (text: string): string => (text.startsWith('\uFEFF') ? text.slice(1) : text);
