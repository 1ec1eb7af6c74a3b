import { request, type Agent, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { endWithoutBody, hasNoBody, isStillArriving, SMALL_BODY_BYTES } from '@gatehouse/service/unread-body';
import { endToEnd } from './headers';
import type { Upstream } from './upstreams';

/*
 * One request through the gateway, on node's own client: it sends a target as it is given, byte for byte, keeps connections, and leaves
 * to us when to send and what to do when either side goes away. The proxy library that stood here parsed each target as a URL, threw for
 * those that are none, and changed others.
 *
 * Not passed on: trailers (no API here has any, and anybody may drop them), upgrades (the request goes on without) and interim answers
 * (node says `100 Continue` to the client itself, and the services send no others).
 */

/** Above the longest time that a service takes to answer; below the time for which it keeps a connection that nobody uses. */
export const ANSWER_MS = 60_000;

export type FirstPart = { readonly chunks: readonly Buffer[]; readonly isWhole: boolean };

/**
 * Calls back when there is enough of the body to send the request: all of a small one, the beginning of one that services only read
 * for a good credential. Until then a slow client holds no connection to a service; when it goes away there is no call.
 */
export function firstPart(req: IncomingMessage, ready: (part: FirstPart) => void): void {
  if (hasNoBody(req)) return ready({ chunks: [], isWhole: true });
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  function onData(chunk: Buffer): void {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > SMALL_BODY_BYTES) finish(false);
  }
  const onEnd = () => finish(true);
  function finish(isWhole: boolean): void {
    req.off('data', onData);
    req.off('end', onEnd);
    if (!isWhole) req.pause();
    ready({ chunks, isWhole });
  }
  req.on('data', onData);
  req.on('end', onEnd);
  req.on('error', () => undefined);
}

export type Exchange = { readonly req: IncomingMessage; readonly res: ServerResponse };

export type Forwarding = {
  readonly agent: Agent;
  readonly upstream: Upstream;
  readonly headers: readonly string[];
  readonly body: FirstPart;
  /** The service has answered: what it says of the request. */
  answered(answer: IncomingMessage): void;
  /** There is no answer, and the client waits for one; it may be that some of one was sent already. */
  failed(error: Error): void;
  /** The connection to the service is free again; called once, whatever happened. */
  done(): void;
};

/** Methods for which no `Content-Length` says that there is no body. */
const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** Sends the request once, and its answer back. */
export function forward({ req, res }: Exchange, forwarding: Forwarding): void {
  const { agent, upstream, body } = forwarding;
  const sent = request({
    agent,
    host: upstream.host,
    port: upstream.port,
    method: req.method!,
    path: req.url!,
    headers: [...forwarding.headers, ...framingOf(req, body)],
    timeout: ANSWER_MS,
  });
  let hasAnswer = false;
  let isAnswered = false;
  sent.on('response', (answer) => {
    hasAnswer = true;
    // The client's own request turned out to be broken, and was answered so.
    if (res.headersSent) return void sent.destroy();
    answer.on('end', () => (isAnswered = true));
    try {
      forwarding.answered(answer);
      passBack({ req, res }, sent, answer);
    } catch (error) {
      sent.destroy();
      forwarding.failed(error as Error);
    }
  });
  sent.on('timeout', () => sent.destroy(new Error('no answer')));
  // After the answer has begun, its own events tell that it broke off.
  sent.on('error', (error) => {
    if (!hasAnswer && !res.destroyed) forwarding.failed(error);
  });
  sent.on('close', () => forwarding.done());
  res.on('close', () => {
    if (!isAnswered) sent.destroy();
  });
  sendBody(req, sent, body);
}

/** Upstream a body has its length when we know it, else it comes in chunks, or in as many bytes as the client has promised. */
function framingOf(req: IncomingMessage, { chunks, isWhole }: FirstPart): string[] {
  const promised = req.headers['content-length'];
  if (!isWhole) return promised === undefined ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', promised];
  const isFramed = promised !== undefined || req.headers['transfer-encoding'] !== undefined;
  if (!isFramed && BODILESS.has(req.method!)) return [];
  return ['Content-Length', String(chunks.reduce((sum, chunk) => sum + chunk.length, 0))];
}

function sendBody(req: IncomingMessage, sent: ClientRequest, { chunks, isWhole }: FirstPart): void {
  if (isWhole) return void sent.end(chunks.length > 0 ? Buffer.concat(chunks) : undefined);
  for (const chunk of chunks) sent.write(chunk);
  req.pipe(sent);
}

function passBack({ req, res }: Exchange, sent: ClientRequest, answer: IncomingMessage): void {
  const isEarly = isStillArriving(req);
  const headers = endToEnd(answer.rawHeaders);
  const length = answer.headers['content-length'];
  if (length !== undefined) headers.push('Content-Length', length);
  if (isEarly) headers.push('Connection', 'close');
  res.writeHead(answer.statusCode!, answer.statusMessage, headers);
  answer.pipe(res, { end: false });
  answer.on('end', () => {
    if (!isEarly || req.readableEnded) return void res.end();
    req.unpipe(sent);
    sent.destroy();
    endWithoutBody(req, res);
  });
  answer.on('error', () => res.destroy());
}
