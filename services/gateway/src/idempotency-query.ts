import { once } from 'node:events';
import { request, type Agent, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { NOT_SEEN } from '@gatehouse/service/idempotency';
import { ANSWER_MS, type Exchange } from './forward';
import { endToEnd } from './headers';
import type { Group, Upstream } from './upstreams';

/*
 * `GET /api/v1/idempotency_query?key=…` (contract §1.10). A reply is stored in the database of the context that made it,
 * beside that context's history, so both are restored together and no gate depends on another context's database. The key
 * does not show which service has its reply, so the gateway asks one REST service after another. The query changes nothing,
 * so it may be repeated.
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

/** Answers the request; false when a service could not be asked and no other has the reply. */
export async function recallFromAny({ req, res }: Exchange, asking: Asking): Promise<boolean> {
  const gone = new AbortController();
  res.on('close', () => gone.abort());
  let unknown: Answer | undefined;
  let isAnyAway = false;
  for (const group of asking.groups) {
    const upstream = group.next();
    const answer = upstream && (await ask(req, upstream, { ...asking, signal: gone.signal }));
    if (gone.signal.aborted) return true;
    // A server error is never a stored reply.
    if (answer === undefined || answer.head.statusCode! >= 500) isAnyAway = true;
    else if (isNotSeen(answer)) unknown = answer;
    else return passBack(res, answer, asking);
  }
  return unknown !== undefined && !isAnyAway && passBack(res, unknown, asking);
}

/**
 * The complete reply of one process; undefined when there is none. HEAD is sent as GET, since only the body shows that a
 * key is unknown.
 */
async function ask(
  { url }: IncomingMessage,
  upstream: Upstream,
  { agent, headers, signal, failed }: Asking & { readonly signal: AbortSignal },
): Promise<Answer | undefined> {
  try {
    const { host, port } = upstream;
    const sent = request({ agent, host, port, path: url!, headers, signal, timeout: ANSWER_MS });
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

const isNotSeen = ({ head, body }: Answer): boolean =>
  head.statusCode === NOT_SEEN.status && body.toString('latin1') === NOT_SEEN.raw;

function passBack(res: Exchange['res'], { head, body }: Answer, { answered }: Asking): true {
  answered(head);
  const headers = endToEnd(head.rawHeaders);
  const length = head.headers['content-length'];
  if (length !== undefined) headers.push('Content-Length', length);
  res.writeHead(head.statusCode!, head.statusMessage, headers).end(body);
  return true;
}
