import { on } from 'node:events';
import path from 'node:path';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { type Omission } from './omission';
import { TICKETS_PER_MESSAGE, type FromThread, type Order, type ToThread } from './protocol';
import { type Batch, type Ticket } from './ticket';

/** Draws PDFs of tickets in a thread of its own. */
export type Printer = {
  /**
   * Begins a PDF when its first chunk is asked for. Tickets are taken as they are needed, chunks are drawn as they are taken: neither
   * side piles up. Printings of one printer share its thread and advance side by side.
   */
  print(batch: Batch, tickets: Iterable<Ticket> | AsyncIterable<Ticket>): Printing;
  /** Ends the thread. Printings that are not finished fail. */
  close(): Promise<void>;
};

/**
 * A PDF as a sequence of chunks of at most 64 KiB, to be read once. Leaving the loop ends the drawing. It throws what the tickets
 * throw, and an Error when the drawing fails.
 */
export type Printing = AsyncIterable<Buffer> & {
  /** How many tickets are drawn so far. */
  readonly tickets: number;
  /** How many pages the document has; 0 until it is finished. */
  readonly pages: number;
  /** What the layout has and the pages have not; complete when the document is finished. No text of it comes from a ticket. */
  readonly omissions: readonly Omission[];
};

/** Compiled also where tests run the sources: a thread begins with a file that Node itself can read. */
const THREAD = path.join(__dirname, '..', 'dist', 'worker.js');

/** Many times what 10,000 pages need (40 MB are enough): what runs wild fails, and not the process. */
const MEMORY = { maxOldGenerationSizeMb: 256 };

type Thread = { readonly worker: Worker; readonly gone: AbortSignal };

/** The thread begins with the first document, and again after it has died. It does not keep the process alive. */
export function openPrinter(): Printer {
  let current: Thread | undefined;

  return {
    print: (batch, tickets) => printing(() => (current = living(current)), batch, tickets),
    async close() {
      await current?.worker.terminate();
      current = undefined;
    },
  };
}

function living(current: Thread | undefined): Thread {
  if (current && !current.gone.aborted) return current;
  const worker = new Worker(THREAD, { resourceLimits: MEMORY });
  const gone = new AbortController();
  let cause: unknown;
  worker.on('error', (error) => (cause = error));
  worker.on('exit', () => gone.abort(new Error('The thread that draws tickets has ended.', { cause })));
  worker.unref();
  return { worker, gone: gone.signal };
}

function printing(thread: () => Thread, batch: Batch, tickets: Iterable<Ticket> | AsyncIterable<Ticket>): Printing {
  const state = { tickets: 0, pages: 0, omissions: [] as readonly Omission[] };
  return {
    get tickets() {
      return state.tickets;
    },
    get pages() {
      return state.pages;
    },
    get omissions() {
      return state.omissions;
    },
    [Symbol.asyncIterator]: () => chunks(),
  };

  async function* chunks(): AsyncGenerator<Buffer, void> {
    const { worker, gone } = thread();
    const { port1: port, port2 } = new MessageChannel();
    const source = grouped(tickets);
    const order: Order = { batch, port: port2 };
    try {
      worker.postMessage(order, [port2]);
      for await (const message of messages(port, gone)) {
        switch (message.type) {
          case 'want': {
            state.tickets = message.drawn;
            const { value, done } = await source.next();
            tell(port, { type: 'tickets', tickets: done ? [] : value });
            break;
          }
          case 'chunk':
            yield Buffer.from(message.chunk.buffer, message.chunk.byteOffset, message.chunk.byteLength);
            tell(port, { type: 'taken' });
            break;
          case 'error':
            throw new Error(`The tickets could not be drawn: ${message.message}`);
          case 'end':
            Object.assign(state, { tickets: message.tickets, pages: message.pages, omissions: message.omissions });
            return;
        }
      }
    } finally {
      port.close();
      await source.return(undefined);
    }
  }
}

async function* messages(port: MessagePort, gone: AbortSignal): AsyncGenerator<FromThread> {
  try {
    for await (const [message] of on(port, 'message', { signal: gone })) yield message as FromThread;
  } catch (error) {
    throw gone.aborted ? gone.reason : error;
  }
}

const tell = (port: MessagePort, message: ToThread): void => port.postMessage(message);

async function* grouped(
  tickets: Iterable<Ticket> | AsyncIterable<Ticket>,
): AsyncGenerator<readonly Ticket[], undefined> {
  let group: Ticket[] = [];
  for await (const ticket of tickets) {
    group.push(ticket);
    if (group.length < TICKETS_PER_MESSAGE) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
  return undefined;
}
