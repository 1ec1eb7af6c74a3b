import { hash } from 'node:crypto';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A checked object to be appended. `json` is its content; an object without a stream gets one when it is written. */
export type Spooled = {
  readonly kind: string;
  readonly stream: string;
  readonly hash: string;
  readonly json: string;
  /** Of an order: its `OrderTickets` as JSON, so that the whole of it need not be parsed again. */
  readonly tickets?: string;
};

/** A spooled object as it is read: `json` in UTF-8. */
export type Unspooled = Omit<Spooled, 'json'> & { readonly json: Buffer };

/** Checked objects between check and writing, in their order. */
export type Spool = {
  /** How many bytes were added. */
  readonly bytes: () => number;
  /** Adds lines of `lineOf`. */
  add(lines: readonly Uint8Array[]): Promise<void>;
  /** All objects in batches, with the bytes that they take. */
  read(): AsyncGenerator<{ objects: Unspooled[]; bytes: number }>;
  close(): Promise<void>;
};

const PIECE_BYTES = 1 << 17;

/** The hash by which an unchanged object is recognised: of its content without the import's number. */
export const contentHash = (json: string): string => hash('sha256', json).slice(0, 32);

/**
 * A spool in a file, so that an export of any size is read and checked once, takes little memory, and cannot change between
 * check and writing. The file is unlinked at once: whatever happens to the process, names and secrets of tickets are not
 * left behind.
 */
export async function openSpool(): Promise<Spool> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-import-'));
  let file: FileHandle;
  try {
    file = await open(join(folder, 'objects'), 'wx+', 0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
  let bytes = 0;
  return {
    bytes: () => bytes,
    async add(lines) {
      bytes += (await file.write(Buffer.concat(lines))).bytesWritten;
    },
    async *read() {
      const source = { bytesRead: 0 };
      let before = 0;
      for await (const found of linesOf(piecesOf(file, source))) {
        yield { objects: found.map(unspooled), bytes: source.bytesRead - before };
        before = source.bytesRead;
      }
    },
    close: () => file.close(),
  };
}

/** Not a node stream: after an error in the middle that would close the file, which its owner must do. */
async function* piecesOf(file: FileHandle, source: { bytesRead: number }): AsyncGenerator<Buffer> {
  for (;;) {
    const buffer = Buffer.allocUnsafe(PIECE_BYTES);
    const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES, source.bytesRead);
    if (bytesRead === 0) return;
    source.bytesRead += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Lines without their ends, in groups as they arrive. */
async function* linesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  let rest: Buffer[] = [];
  for await (const piece of pieces) {
    const found: Buffer[] = [];
    let start = 0;
    for (let end = piece.indexOf(LINE_END); end >= 0; end = piece.indexOf(LINE_END, start)) {
      const line = piece.subarray(start, end);
      found.push(rest.length > 0 ? Buffer.concat([...rest, line]) : line);
      rest = [];
      start = end + 1;
    }
    if (start < piece.length) rest.push(piece.subarray(start));
    yield found;
  }
}

const TAB = 0x09;
const LINE_END = 0x0a;

/** A line of the spool. */
export function lineOf({ kind, stream, hash: content, json, tickets = '' }: Spooled): string {
  // A stream's name may contain any character of a slug or an order code; the other fields have no tab and no line end.
  return `${kind}\t${content}\t${JSON.stringify(stream)}\t${tickets}\t${json}\n`;
}

function unspooled(line: Buffer): Unspooled {
  let start = 0;
  const next = () => {
    const end = line.indexOf(TAB, start);
    const text = line.toString('utf8', start, end);
    start = end + 1;
    return text;
  };
  const [kind, content, stream, tickets] = [next(), next(), JSON.parse(next()) as string, next()];
  return { kind, hash: content, stream, json: line.subarray(start), ...(tickets !== '' && { tickets }) };
}
