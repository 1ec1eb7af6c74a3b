import { parentPort, type MessagePort } from 'node:worker_threads';
import { drawTickets } from './document';
import { giveWay } from './give-way';
import { CHUNKS_UNDER_WAY, type FromThread, type Order, type ToThread } from './protocol';
import { type Ticket } from './ticket';

giveWay();

/** The thread of a printer (printer.ts): it draws the documents that are ordered, side by side. */
parentPort?.on('message', ({ batch, port }: Order) => {
  const line = open(port);
  drawTickets(batch, line.tickets(), line.send).then(
    ({ tickets, pages, omissions }) => line.tell({ type: 'end', tickets, pages, omissions }),
    (error: unknown) => line.tell({ type: 'error', message: error instanceof Error ? error.message : String(error) }),
  );
});

/** The thread's side of a document's port. Once the other side has closed it, whatever waits is given up. */
function open(port: MessagePort) {
  const received: (readonly Ticket[])[] = [];
  let underWay = 0;
  let drawn = 0;
  let closed = false;
  let wake = () => {};
  port.on('message', (message: ToThread) => {
    if (message.type === 'tickets') received.push(message.tickets);
    else underWay -= 1;
    wake();
  });
  port.on('close', () => {
    closed = true;
    wake();
  });

  return { tell, send, tickets };

  function tell(message: FromThread): void {
    port.postMessage(message);
  }

  async function send(chunk: Buffer): Promise<void> {
    await until(() => underWay < CHUNKS_UNDER_WAY);
    underWay += 1;
    // A copy, since a buffer that is handed over takes along whatever shares its memory.
    const copy = new Uint8Array(chunk);
    const message: FromThread = { type: 'chunk', chunk: copy };
    port.postMessage(message, [copy.buffer]);
  }

  async function* tickets(): AsyncGenerator<readonly Ticket[]> {
    for (;;) {
      tell({ type: 'want', drawn });
      await until(() => received.length > 0);
      const next = received.shift()!;
      if (next.length === 0) return;
      yield next;
      drawn += next.length;
    }
  }

  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (closed) throw new Error('Nobody waits for this document any more.');
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }
}
