import { setTimeout as sleep } from 'node:timers/promises';
import { Refused } from './run-command';

/** Where a Gatehouse answers, and as whom it is asked. */
export type ApiAccess = {
  /** Scheme and host (and path), with or without a trailing slash. */
  readonly url: string;
  readonly token: string;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
};

export type ApiClient = {
  /** `target` as in `/api/v1/…`. A body is sent as JSON, under a key that makes repeats harmless. */
  get(target: string): Promise<Response>;
  post(target: string, key: string, body?: object): Promise<Response>;
};

/** How long a server that was reached once may be away, or ask for patience, until a command gives up. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 1_000;
/** Longer than a server takes to begin an answer. */
const ANSWER_MS = 60_000;
/** These say that the request was not decided; 409 for a POST is one whose first attempt is still running (contract §1.10). */
const REPEATED = { GET: new Set([429, 502, 503, 504]), POST: new Set([409, 429, 502, 503, 504]) };

/**
 * A client of the REST API that repeats what was not decided. Its calls reject with Refused when there is no answer, and with
 * the signal's reason when it aborts.
 */
export function apiClient({ url, token, signal }: ApiAccess): ApiClient {
  const base = url.replace(/\/+$/, '');
  let wasReached = false;

  async function ask(method: 'GET' | 'POST', target: string, init: RequestInit): Promise<Response> {
    const headers = { ...(init.headers as Record<string, string>), authorization: `Token ${token}` };
    const untilMs = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await answerTo(base + target, { ...init, method, headers }, signal);
      signal.throwIfAborted();
      if (answer instanceof Response) {
        wasReached = true;
        if (!REPEATED[method].has(answer.status)) return answer;
        await answer.body?.cancel();
      }
      if (!wasReached || Date.now() >= untilMs) throw new Refused(whyNot(base, answer));
      await sleep(PAUSE_MS, undefined, { signal });
    }
  }

  return {
    get: (target) => ask('GET', target, {}),
    post: (target, key, body = {}) =>
      ask('POST', target, {
        headers: { 'content-type': 'application/json', 'x-idempotency-key': key },
        body: JSON.stringify(body),
      }),
  };
}

/** The answer, or why there is none. The time limit ends with its head: its body may take longer. */
async function answerTo(url: string, init: RequestInit, stopped: AbortSignal): Promise<Response | Error> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), ANSWER_MS);
  try {
    // A redirect could lead elsewhere, with the token.
    return await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.any([limit.signal, stopped]) });
  } catch (error) {
    return error as Error;
  } finally {
    clearTimeout(timer);
  }
}

function whyNot(base: string, answer: Response | Error): string {
  if (answer instanceof Response) return `${base} asks for patience (${answer.status}). Please try again.`;
  const { code, message } = (answer.cause ?? {}) as { code?: string; message?: string };
  const why = code === 'ECONNREFUSED' ? 'nothing listens there' : (code ?? message ?? 'no answer came');
  return `No Gatehouse answers at ${base} (${why}). Start it with "npm start", or name another with --url.`;
}

/** The path of a link in an answer: it begins with PUBLIC_URL, which may not lead to the server from here. */
export function targetOf(link: unknown): string {
  const target = typeof link === 'string' ? /\/api\/v1\/.*/.exec(link)?.[0] : undefined;
  if (target === undefined) throw new Refused('The answer has no link: this is no Gatehouse.');
  return target;
}

/** The JSON object of an answer; an empty one if it has none. */
export async function jsonOf(answer: Response): Promise<Record<string, unknown>> {
  const text = await answer.text();
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
