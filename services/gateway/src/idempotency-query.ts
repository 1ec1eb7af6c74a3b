import { once } from 'node:events';
import { request, type Agent, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { ANSWER_MS, type Exchange } from './forward';
import { endToEnd } from './headers';
import type { Group, Upstream } from './upstreams';

/*
 * `GET /api/v1/idempotency_query?key=…` (contract §1.10). All REST services store their replies in one database, so each of
 * them knows every key. The gateway asks one after another until one replies. The query changes nothing, so it may be repeated.
 */

export type Asking = {
  readonly agent: Agent;
  readonly headers: readonly string[];
  /** The REST services. */
  readonly groups: readonly Group[];
  answered(answer: IncomingMessage): void;
  failed(upstream: Upstream, error: unknown): void;
};

type Answer = { readonly head: IncomingMessage; readonly body: Buffer };

/** Answers the request; false when none of the services replied. */
export async function recallFromAny({ req, res }: Exchange, asking: Asking): Promise<boolean> {
  const gone = new AbortController();
  res.on('close', () => gone.abort());
  for (const group of asking.groups) {
    const upstream = group.next();
    const answer = upstream && (await ask(req, upstream, { ...asking, signal: gone.signal }));
    if (gone.signal.aborted) return true;
    // A 5xx is never a stored reply: this service cannot read them now.
    if (answer && answer.head.statusCode! < 500) return passBack(res, answer, asking);
  }
  return false;
}

/** The whole reply of one process; undefined when there is none. */
async function ask(
  { method, url }: IncomingMessage,
  upstream: Upstream,
  { agent, headers, signal, failed }: Asking & { readonly signal: AbortSignal },
): Promise<Answer | undefined> {
  try {
    const { host, port } = upstream;
    const sent = request({ agent, host, port, method: method!, path: url!, headers, signal, timeout: ANSWER_MS });
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    // Handles errors after the promise has settled, too.
    sent.on('error', () => undefined);
    sent.end();
    const [head] = (await once(sent, 'response')) as [IncomingMessage];
    return { head, body: await buffer(head) };
  } catch (error) {
    if (!signal.aborted) failed(upstream, error);
    return undefined;
  }
}

function passBack(res: Exchange['res'], { head, body }: Answer, { answered }: Asking): true {
  answered(head);
  const headers = endToEnd(head.rawHeaders);
  const length = head.headers['content-length'];
  if (length !== undefined) headers.push('Content-Length', length);
  res.writeHead(head.statusCode!, head.statusMessage, headers).end(body);
  return true;
}
