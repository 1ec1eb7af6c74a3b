import { unavailable } from '@gatehouse/service/errors';
import { described, type Log } from '@gatehouse/service/log';
import { openPrinter, type Printing } from '@gatehouse/ticket-pdf/printer';
import type { Batch, Ticket } from '@gatehouse/ticket-pdf/ticket';

/** Prints single tickets for requests. */
export type TicketPrinter = {
  /**
   * The PDF of a ticket, of which `prepare` is asked for what is printed when its turn has come. Throws what that throws, and
   * 503 when too many wait or the drawing fails.
   */
  print(prepare: () => Promise<{ batch: Batch; ticket: Ticket }>): Promise<Buffer>;
  close(): Promise<void>;
};

/** The thread draws one at a time; the facts of the next one are read meanwhile. */
const AT_ONCE = 2;
/** A few seconds of work. */
const MOST_WAITING = 64;
/** What takes longer is stuck: a ticket takes some milliseconds, a background of the largest size a second. */
const LONGEST_MS = 20_000;
const RETRY_SECONDS = 2;

/** The printer of a process. Its thread begins with the first ticket. */
export function openTicketPrinter(log: Log): TicketPrinter {
  const printer = openPrinter();
  const waiting: (() => void)[] = [];
  let printing = 0;
  const told = new Set<string>();

  async function turn(): Promise<void> {
    if (printing < AT_ONCE) {
      printing++;
      return;
    }
    if (waiting.length >= MOST_WAITING) throw unavailable(RETRY_SECONDS);
    // Whoever ends hands its place on.
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function end(): void {
    const next = waiting.shift();
    if (next) next();
    else printing--;
  }

  async function draw(batch: Batch, ticket: Ticket): Promise<Buffer> {
    const document = printer.print(batch, [ticket]);
    const limit = setTimeout(() => void printer.close(), LONGEST_MS);
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of document) chunks.push(chunk);
      tell(document);
      return Buffer.concat(chunks);
    } catch (error) {
      log.error({ error: described(error) }, 'a ticket could not be drawn');
      throw unavailable(RETRY_SECONDS);
    } finally {
      clearTimeout(limit);
    }
  }

  /** Once, however many tickets have the layout. */
  function tell({ omissions }: Printing): void {
    if (omissions.length === 0) return;
    const key = JSON.stringify(omissions);
    if (told.has(key)) return;
    if (told.size < MOST_TOLD) told.add(key);
    log.warn({ omissions }, 'a ticket was printed without some parts of its layout');
  }

  return {
    async print(prepare) {
      await turn();
      try {
        const { batch, ticket } = await prepare();
        return await draw(batch, ticket);
      } finally {
        end();
      }
    },
    close: () => printer.close(),
  };
}

const MOST_TOLD = 1_000;
