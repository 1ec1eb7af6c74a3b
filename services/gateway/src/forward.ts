import { request, type Agent, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { endWithoutBody, hasNoBody, isStillArriving, SMALL_BODY_BYTES } from '@gatehouse/service/unread-body';
import { endToEnd } from './headers';
import type { Upstream } from './upstreams';

/*
 * Forwards one request with node's own client, which sends the target byte for byte, keeps connections, and lets us decide
 * when to send and what to do when either side disconnects. (Proxy libraries parse each target as a URL, fail for invalid
 * ones and normalise others.) Not forwarded: trailers (no API here has any, and any proxy may drop them), upgrades (the
 * request is forwarded without) and interim responses (node sends `100 Continue` to the client itself, and the services
 * send no others).
 */

/** Longer than any service takes to reply; shorter than services keep an idle connection. */
export const ANSWER_MS = 60_000;

export type FirstPart = { readonly chunks: readonly Buffer[]; readonly isWhole: boolean };

/**
 * Calls back when enough of the body has arrived to send the request: all of a small one, the beginning of a large one,
 * which services read only with a valid credential. Until then a slow client occupies no connection to a service; if it
 * disconnects, there is no call.
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
  /** Called with the head of the service's reply. */
  answered(answer: IncomingMessage): void;
  /** Called when there is no complete reply; a part may have been sent already. */
  failed(error: Error): void;
  /** Called once when the connection to the service is free again, in any case. */
  done(): void;
};

/** Methods that without `Content-Length` have no body. */
const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** Sends the request once, and its reply back. */
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
    // The client's own request turned out to be invalid and has been answered.
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
  // After the reply has begun, its own events report an interruption.
  sent.on('error', (error) => {
    if (!hasAnswer && !res.destroyed) forwarding.failed(error);
  });
  sent.on('close', () => forwarding.done());
  res.on('close', () => {
    if (!isAnswered) sent.destroy();
  });
  sendBody(req, sent, body);
}

/** The framing of the forwarded body: its length if it is known, else chunks, or the length announced by the client. */
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
