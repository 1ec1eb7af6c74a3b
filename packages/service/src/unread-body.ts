import type { IncomingMessage, ServerResponse } from 'node:http';

/** Most bytes of a body that are read before authentication: far more than a scan has. */
export const SMALL_BODY_BYTES = 16_384;
/** How much of an unwanted body is still read (and dropped) so that the client can receive its reply, and for how long. */
const MAX_DISCARDED_BYTES = 10_485_760;
const DISCARDING_MS = 5_000;

export function hasNoBody(req: IncomingMessage): boolean {
  const length = req.headers['content-length'];
  return length === '0' || (length === undefined && req.headers['transfer-encoding'] === undefined);
}

/** Whether the body is so small that it may be read before authentication. */
export function hasSmallBody(req: IncomingMessage): boolean {
  const length = req.headers['content-length'];
  return length === undefined ? hasNoBody(req) : Number(length) <= SMALL_BODY_BYTES;
}

/** Whether more of the body is missing than is worth reading when the request is answered already. */
export const isStillArriving = (req: IncomingMessage): boolean => !req.complete && !hasSmallBody(req);

/**
 * Ends a response, sent with `Connection: close`, whose request body has not arrived. The rest of the body is dropped, and
 * a client that does not stop is disconnected; not at once, since closing a connection with unread bytes discards the
 * reply.
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
