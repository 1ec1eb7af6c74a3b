import type { Log } from '@gatehouse/service/log';
import type { Printer, Printing } from '@gatehouse/ticket-pdf/printer';
import { CHUNK_BYTES } from './files';
import type { Attempt, Attempts } from './attempts';
import { pagesOf, type PageSource } from './pages';

export type DrawParts = {
  readonly source: PageSource;
  readonly attempts: Attempts;
  readonly printer: Printer;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Pages that were drawn, as they are stored. */
  onPages(count: number): void;
};

/** Between two signs of life while no chunk is ready; chunks are such signs, too. */
const ALIVE_MS = 1_000;

/**
 * Draws the tickets of an attempt in the printer's thread, and stores the file chunk by chunk. The thread goes on with the next
 * pages while a chunk is written, and waits when that takes too long: a few chunks are in memory, however many pages there are.
 * Throws Unprintable, Superseded, and what the database or the printer throw, or when `signal` aborts.
 */
export async function draw(attempt: Attempt, parts: DrawParts): Promise<void> {
  const { source, attempts, printer, log, signal, onPages } = parts;
  const { common, tickets } = await pagesOf(source, attempt, attempt.batch);
  const printing = printer.print(common, tickets);
  const life = signsOfLife(attempt, attempts, printing);
  let drawn = 0;
  const counted = () => {
    onPages(printing.tickets - drawn);
    return (drawn = printing.tickets);
  };
  let [number, size] = [0, 0];
  try {
    signal.throwIfAborted();
    for await (const bytes of inChunks(printing)) {
      await attempts.write(attempt, { number, bytes, drawn: counted() });
      life.shown();
      number += 1;
      size += bytes.length;
    }
  } finally {
    life.end();
  }
  await attempts.succeed(attempt, size);
  counted();
  if (printing.omissions.length > 0) {
    const { organizer, event, file, batch } = attempt;
    const where = { organizer, event, batch: batch.id, layout: batch.layout, file };
    log.warn({ ...where, omissions: printing.omissions }, 'a file was rendered without some parts of its layout');
  }
}

/** Says that the attempt lives while its chunks do not. Whoever has taken it over is met by the next chunk. */
function signsOfLife(attempt: Attempt, attempts: Attempts, printing: Printing) {
  let last = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - last >= ALIVE_MS) attempts.alive(attempt, printing.tickets).catch(() => undefined);
  }, ALIVE_MS);
  return { shown: () => void (last = performance.now()), end: () => clearInterval(timer) };
}

/** Puts the printer's small chunks together to those that are stored. */
async function* inChunks(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    bytes += piece.length;
    if (bytes < CHUNK_BYTES) continue;
    let rest = Buffer.concat(waiting);
    for (; rest.length >= CHUNK_BYTES; rest = rest.subarray(CHUNK_BYTES)) yield rest.subarray(0, CHUNK_BYTES);
    waiting = [rest];
    bytes = rest.length;
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}
