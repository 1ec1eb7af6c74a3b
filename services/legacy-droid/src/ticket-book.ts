import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { crcOfBoth, followedBy, shiftOf } from './crc';
import { END_OF_STREAM, FLAG, FLAG_HOLE, pack, putFlag } from './deflate';
import { ticketIndex } from './ticket-index';

/*
 * A cached download of tickets: gzip, in pages. A scan changes one flag, which is five letters in place; a page is only
 * packed again when facts of its tickets have changed. The file is one gzip member, because the old app's HTTP library
 * refuses more than one.
 */

/** One ticket of a book: its text before and after the flag. Lines are ordered by positionid, id. */
export type Line = {
  readonly id: number;
  readonly positionid: number;
  readonly before: string;
  readonly after: string;
  readonly flag: boolean;
};

/** The place of a ticket in a book. */
export type LineKey = Pick<Line, 'id' | 'positionid'>;

export type Page = {
  readonly ids: Int32Array;
  readonly positionids: Int32Array;
  readonly flags: Uint8Array;
  /** Offsets of the flags: in bytes in the text, in bits in the packed form. */
  readonly places: Uint32Array;
  readonly bits: Uint32Array;
  readonly textBytes: number;
  readonly shift: number;
  /** Replaced, never modified: running downloads keep the buffer with which they began. */
  packed: Buffer;
  crc: number;
};

/** The content of a book at one moment. */
export type Edition = {
  /** The parts of the gzip file. */
  readonly parts: readonly Uint8Array[];
  readonly packedBytes: number;
  readonly textBytes: number;
  /** Identifies the content. */
  readonly tag: string;
};

export type TicketBook = {
  readonly tickets: number;
  has(ticket: number): boolean;
  /** Adds lines at the end. */
  append(lines: readonly Line[]): void;
  /** Sets flags by ticket; tickets that are not in the book are ignored. */
  setFlags(flags: ReadonlyMap<number, boolean>): void;
  /** The pages to which these tickets belong, each with the ids of all tickets to write on it. */
  pagesFor(keys: readonly LineKey[]): Map<Page, Set<number>>;
  /** Replaces a page by lines, however many: other requests are served while they are packed. */
  replace(page: Page, lines: readonly Line[]): Promise<void>;
  /** The whole text: `head`, the lines separated by commas, `tail`. */
  edition(head: string, tail: string): Edition;
};

/** So few that packing a page or writing it from rows blocks the process only briefly (about 2 ms). */
export const PAGE_TICKETS = 500;

const COMMA = piece(', ');

export function ticketBook(): TicketBook {
  let pages: Page[] = [];
  const pageOf = ticketIndex<Page>();
  /** The last edition, until something changes: two hundred devices at once share it. */
  let bound: { readonly head: string; readonly tail: string; readonly edition: Edition } | undefined;

  function indexed(page: Page): Page {
    for (const id of page.ids) pageOf.set(id, page);
    return page;
  }

  /** The last page that begins before the key; the first one when none does. */
  function pageAt(key: LineKey): Page {
    let low = 0;
    let high = pages.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (beginsAfter(pages[middle]!, key)) high = middle;
      else low = middle;
    }
    if (pages.length === 0) pages.push(packPage([]));
    return pages[low]!;
  }

  return {
    get tickets() {
      return pageOf.size;
    },
    has: (ticket) => pageOf.has(ticket),
    append(lines) {
      bound = undefined;
      for (let from = 0; from < lines.length; from += PAGE_TICKETS) {
        pages.push(indexed(packPage(lines.slice(from, from + PAGE_TICKETS))));
      }
    },
    setFlags(flags) {
      const touched = new Set<Page>();
      for (const [id, flag] of flags) {
        const page = pageOf.get(id);
        if (page) setFlag(page, page.ids.indexOf(id), { flag, touched });
      }
      if (touched.size > 0) bound = undefined;
    },
    pagesFor(keys) {
      const found = new Map<Page, Set<number>>();
      for (const key of keys) {
        const page = pageOf.get(key.id) ?? pageAt(key);
        const ids = found.get(page) ?? new Set(page.ids);
        found.set(page, ids.add(key.id));
      }
      return found;
    },
    async replace(page, lines) {
      const packed: Page[] = [];
      for (let from = 0; from < lines.length; from += PAGE_TICKETS) {
        if (from > 0) await nextTurn();
        packed.push(packPage(lines.slice(from, from + PAGE_TICKETS)));
      }
      bound = undefined;
      for (const id of page.ids) pageOf.delete(id);
      packed.forEach(indexed);
      const at = pages.indexOf(page);
      pages = [...pages.slice(0, at), ...packed, ...pages.slice(at + 1)];
    },
    edition(head, tail) {
      if (bound?.head !== head || bound.tail !== tail) {
        bound = { head, tail, edition: bind(pages, piece(head), piece(tail)) };
      }
      return bound.edition;
    },
  };
}

function beginsAfter(page: Page, { positionid, id }: LineKey): boolean {
  const first = page.positionids[0]!;
  return first === positionid ? page.ids[0]! > id : first > positionid;
}

/** A packed part of the text, such as a page or the text between pages. */
type Piece = Pick<Page, 'packed' | 'textBytes' | 'crc' | 'shift'>;

function piece(text: string): Piece {
  const bytes = Buffer.from(text);
  return { packed: pack(bytes).bytes, textBytes: bytes.length, crc: crc32(bytes), shift: shiftOf(bytes.length) };
}

function packPage(lines: readonly Line[]): Page {
  const places = new Uint32Array(lines.length);
  let text = '';
  let textBytes = 0;
  lines.forEach(({ before, flag, after }, i) => {
    const start = i === 0 ? before : `, ${before}`;
    places[i] = textBytes + Buffer.byteLength(start);
    textBytes = places[i] + FLAG.false.length + Buffer.byteLength(after);
    text += start + FLAG[`${flag}`] + after;
  });
  const bytes = Buffer.from(text);
  const crc = crc32(bytes);
  for (const place of places) bytes.fill(FLAG_HOLE, place, place + FLAG.false.length);
  const { bytes: packed, flagBits } = pack(bytes);
  lines.forEach(({ flag }, i) => putFlag(packed, flagBits[i]!, flag));
  return {
    ids: Int32Array.from(lines, ({ id }) => id),
    positionids: Int32Array.from(lines, ({ positionid }) => positionid),
    flags: Uint8Array.from(lines, ({ flag }) => Number(flag)),
    places,
    bits: Uint32Array.from(flagBits),
    textBytes,
    shift: shiftOf(textBytes),
    packed,
    crc,
  };
}

const DIFFERENCE = crc32(FLAG.true) ^ crc32(FLAG.false);

/** Changes a flag; a page that is not `touched` yet gets a copy of its packed form first. */
function setFlag(page: Page, i: number, { flag, touched }: { flag: boolean; touched: Set<Page> }): void {
  if (page.flags[i] === Number(flag)) return;
  if (!touched.has(page)) {
    page.packed = Buffer.from(page.packed);
    touched.add(page);
  }
  page.flags[i] = Number(flag);
  putFlag(page.packed, page.bits[i]!, flag);
  page.crc = (page.crc ^ followedBy(DIFFERENCE, page.textBytes - page.places[i]! - FLAG.false.length)) >>> 0;
}

/** The ten bytes that begin a gzip file (RFC 1952): deflate, no name, no time, of an unknown system. */
const GZIP = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);

function bind(pages: readonly Page[], head: Piece, tail: Piece): Edition {
  const written = pages.filter((page) => page.ids.length > 0);
  const pieces = [head, ...written.flatMap((page, i) => (i === 0 ? [page] : [COMMA, page])), tail];
  let crc = 0;
  let textBytes = 0;
  for (const each of pieces) {
    crc = crcOfBoth(crc, each.crc, each.shift);
    textBytes += each.textBytes;
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(textBytes % 2 ** 32, 4);
  const parts = [GZIP, ...pieces.map(({ packed }) => packed), END_OF_STREAM, trailer];
  return {
    parts,
    packedBytes: parts.reduce((sum, { length }) => sum + length, 0),
    textBytes,
    // Equal length and checksum mean equal content, except with a probability of one in thousands of millions.
    tag: `${crc.toString(16).padStart(8, '0')}-${textBytes.toString(16)}`,
  };
}
