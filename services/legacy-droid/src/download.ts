import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { isKnown } from '@gatehouse/service/conditional';
import { unavailable } from '@gatehouse/service/errors';
import type { HeaderList } from '@gatehouse/service/reply';
import type { Edition } from './ticket-book';

/** Most concurrent downloads; further ones get 503 with Retry-After 1. Each keeps the pages with which it began. */
const MOST_AT_ONCE = 500;
/** A device that reads nothing for so long is disconnected. */
const STALLED_MS = 60_000;

/** GET download/: contract §3.5. Sends editions at the client's pace. */
export function downloadSender(): (exchange: Exchange, edition: () => Promise<Edition>) => Promise<void> {
  let underWay = 0;

  async function send({ req, res, headers }: Exchange, { parts, packedBytes, textBytes, tag }: Edition): Promise<void> {
    const etag = `W/"${tag}"`;
    const common = [...headers, 'ETag', etag, 'Cache-Control', 'private, no-cache'];
    if (isKnown(req.headers['if-none-match'], etag)) {
      res.writeHead(304, common).end();
      return;
    }
    const asGzip = takesGzip(req.headers['accept-encoding']);
    const sizeBytes = asGzip ? packedBytes : textBytes;
    res.writeHead(200, [
      ...common,
      ...['Content-Type', 'application/json', 'Content-Length', String(sizeBytes)],
      ...(asGzip ? ['Content-Encoding', 'gzip'] : []),
    ]);
    if (req.method === 'HEAD') {
      res.end();
      return;
    }
    res.setTimeout(STALLED_MS, () => res.destroy());
    const source = Readable.from(paced(parts));
    // Decompressing costs a tenth of compressing, in another thread, and the uncompressed text need not be stored.
    await (asGzip ? pipeline(source, res) : pipeline(source, createGunzip({ chunkSize: 1 << 18 }), res));
  }

  return async (exchange, edition) => {
    if (underWay >= MOST_AT_ONCE) throw unavailable(1);
    underWay++;
    try {
      const current = await edition();
      await send(exchange, current).catch((error: unknown) => {
        // An interrupted download cannot become an error reply: the connection is closed, so the device sees that it is
        // incomplete.
        if (!exchange.res.headersSent) throw error;
        exchange.res.destroy();
      });
    } finally {
      underWay--;
    }
  };
}

/** The kernel accepts megabytes at once, which would delay scans. */
const BYTES_A_TURN = 128 * 1024;

/** The parts, at most so many bytes in one turn of the event loop. */
async function* paced(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for (const part of parts) {
    yield part;
    bytes += part.length;
    if (bytes < BYTES_A_TURN) continue;
    bytes = 0;
    await nextTurn();
  }
}

export type Exchange = { readonly req: IncomingMessage; readonly res: ServerResponse; readonly headers: HeaderList };

/** `gzip`, `gzip;q=0.5` and `*`, but not `gzip;q=0`. */
function takesGzip(header: string | undefined): boolean {
  const codings = (header ?? '')
    .toLowerCase()
    .split(',')
    .map((each) => each.split(';').map((part) => part.trim()));
  const wanted = codings.find(([name]) => name === 'gzip') ?? codings.find(([name]) => name === '*');
  return wanted !== undefined && !wanted.some((part) => /^q=0(\.0*)?$/.test(part));
}
