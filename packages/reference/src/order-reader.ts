import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { OrganizerFolder, SourceFile } from './folder';
import type { EventScope } from './known';
import type { FromThread, ToThread } from './order-worker';
import { readOrders, type OrderRead, type OrdersRead } from './read-orders';
import { readPieces, readRows, rowsOf, type Piece } from './rows';

/** Reads the orders of an import; where there are many, threads read some of them meanwhile. */
export type OrderReader = {
  /** The orders of a file in batches, in their order. Throws when a thread has ended. */
  read(file: SourceFile, scope: EventScope, onBytes: (bytes: number) => void): AsyncGenerator<OrdersRead>;
  close(): Promise<void>;
};

/** Compiled also where tests run the sources: a thread begins with a file that Node itself can read. */
const THREAD = path.join(__dirname, '..', 'dist', 'order-worker.js');

/** Fewer bytes of orders are read before a thread has begun. */
const THREADED_BYTES = 8 * 2 ** 20;
const MOST_THREADS = 3;
/** Pieces that wait for a thread, so that it need not wait for them. */
const PIECES_EACH = 2;
/** Pieces that are read, or are being read, after one that is not. */
const PIECES_AHEAD = 16;

/** Opens a reader; its threads begin with the first file. This thread reads, too, so that there are as many as cores. */
export function openOrderReader(
  folders: readonly OrganizerFolder[],
  most = Math.min(availableParallelism() - 1, MOST_THREADS),
): OrderReader {
  const files = folders.flatMap(({ events }) => events.flatMap((event) => event.files.get('orders.ndjson') ?? []));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const count = bytes < THREADED_BYTES ? 0 : most;
  let threads: Thread[] = [];
  return {
    async *read(file, scope, onBytes) {
      if (!file.name.endsWith('.ndjson')) {
        for await (const rows of readRows(file, onBytes)) yield readOrders(rows, scope);
        return;
      }
      if (threads.length === 0) threads = Array.from({ length: count }, begin);
      for (const thread of threads) thread.tell({ scope: { ...scope, plans: new Map() } });
      const underWay: Promise<OrdersRead>[] = [];
      for await (const piece of readPieces(file, onBytes)) {
        const free = threads.find((thread) => thread.waiting() < PIECES_EACH);
        const reading = free ? free.read(piece) : Promise.resolve(readOrders(rowsOf(piece), scope));
        // It is awaited later; until then its rejection must not count as unhandled.
        reading.catch(() => undefined);
        underWay.push(reading);
        if (threads.length === 0 || underWay.length > PIECES_AHEAD) yield await underWay.shift()!;
      }
      for (const reading of underWay) yield await reading;
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.end()));
    },
  };
}

type Thread = {
  /** How many pieces it has not answered. */
  waiting(): number;
  tell(message: ToThread): void;
  read(piece: Piece): Promise<OrdersRead>;
  end(): Promise<unknown>;
};
type Waiting = { resolve(read: OrdersRead): void; reject(error: Error): void };

function begin(): Thread {
  const worker = new Worker(THREAD);
  // It answers in the order in which it was asked.
  const waiting: Waiting[] = [];
  let gone: Error | undefined;
  const fail = (error: Error) => {
    gone ??= error;
    for (const { reject } of waiting.splice(0)) reject(gone);
  };
  worker.on('message', ({ orders, lines }: FromThread) =>
    waiting.shift()!.resolve({ orders: JSON.parse(orders) as OrderRead[], lines }),
  );
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('a thread that reads orders has ended')));
  return {
    waiting: () => waiting.length,
    tell: (message) => worker.postMessage(message),
    read: (piece) =>
      new Promise((resolve, reject) => {
        if (gone) return reject(gone);
        waiting.push({ resolve, reject });
        worker.postMessage({ piece } satisfies ToThread, 'bytes' in piece ? [piece.bytes.buffer] : []);
      }),
    end: () => worker.terminate(),
  };
}
