import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { ClientGone } from './errors';
import { merged, type ByteStream, type HeaderList, type Reply } from './reply';
import { endWithoutBody, isStillArriving } from './unread-body';

/**
 * Writes a reply that has a stream, reading no more of it than the client takes. If fewer or more bytes can be read than were
 * promised, the connection is cut, by which the client knows that it has not received the whole. Throws what the stream threw,
 * or ClientGone.
 */
export async function writeStream(
  res: ServerResponse,
  reply: Reply & { readonly stream: ByteStream },
  base: HeaderList,
): Promise<void> {
  if (res.headersSent || res.destroyed) return;
  const { length, read } = reply.stream;
  const isEarly = isStillArriving(res.req);
  const headers = merged(base, reply.headers);
  headers.push('Content-Length', String(length));
  if (isEarly) headers.push('Connection', 'close');
  res.writeHead(reply.status, headers);
  let failure: Error | undefined;

  async function* whole(): AsyncGenerator<Buffer> {
    try {
      let left = length;
      for await (const chunk of read()) {
        left -= chunk.length;
        if (left < 0) break;
        yield chunk;
      }
      if (left !== 0) throw new Error(`a stream did not have the ${length} bytes that were promised`);
    } catch (error) {
      failure = error as Error;
      throw error;
    }
  }

  try {
    if (res.req.method !== 'HEAD') await pipeline(whole(), res, { end: false });
  } catch {
    res.destroy();
    throw failure ?? new ClientGone();
  }
  if (isEarly) endWithoutBody(res.req, res);
  else res.end();
}
