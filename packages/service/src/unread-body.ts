import type { IncomingMessage, ServerResponse } from 'node:http';

/** What may be read of a body before it is known who sends it: far more than a scan has. */
export const SMALL_BODY_BYTES = 16_384;
/** How much more of a body that nobody wants is read (and dropped), so that the client gets to see its answer, and for how long. */
const MAX_DISCARDED_BYTES = 10_485_760;
const DISCARDING_MS = 5_000;

export function hasNoBody(req: IncomingMessage): boolean {
  const length = req.headers['content-length'];
  return length === '0' || (length === undefined && req.headers['transfer-encoding'] === undefined);
}

/** Whether the body is known to be so small that it may be read before it is known who sends it. */
export function hasSmallBody(req: IncomingMessage): boolean {
  const length = req.headers['content-length'];
  return length === undefined ? hasNoBody(req) : Number(length) <= SMALL_BODY_BYTES;
}

/** Whether more of the body is to come than is worth waiting for when the request is answered already. */
export const isStillArriving = (req: IncomingMessage): boolean => !req.complete && !hasSmallBody(req);

/**
 * Ends a response that was written, with `Connection: close`, before the body of its request had come. What still comes is dropped,
 * and a client that does not stop is cut off; not at once, since a connection that is closed upon unread bytes takes the answer
 * with it.
 */
export function endWithoutBody(req: IncomingMessage, res: ServerResponse): void {
  if (req.readableEnded) return void res.end();
  let leftBytes = MAX_DISCARDED_BYTES;
  const end = () => {
    clearTimeout(last);
    res.end();
  };
  const last = setTimeout(end, DISCARDING_MS);
  req.removeAllListeners('data');
  req.on('error', () => undefined);
  req.on('end', end);
  res.on('close', end);
  req.on('data', (chunk: Buffer) => {
    leftBytes -= chunk.length;
    if (leftBytes < 0) end();
  });
  req.resume();
}
