import { Agent, createServer, get, type ServerResponse, type Server } from 'node:http';
import { answerBrokenRequests, lacksHost, WITHOUT_HOST } from '@gatehouse/service/broken-requests';
import { replyOf, unavailable } from '@gatehouse/service/errors';
import type { Log } from '@gatehouse/service/log';
import { PLAIN_HEADERS, writeReply } from '@gatehouse/service/reply';
import { createProxyServer } from 'http-proxy-3';

/** The processes behind the gateway, by the API that they serve, as `http://host:port`. */
export type Upstreams = { readonly checkin: readonly string[]; readonly legacyDroid: readonly string[] };

export type Gateway = {
  readonly server: Server;
  /** Says no to /readyz from now on. */
  unready(): void;
  /** Ends the connections to the processes behind it. */
  close(): void;
};

const LOOK_MS = 1_000;
const LOOK_PATIENCE_MS = 2_000;
/** Above the longest time that a service takes to answer. */
const ANSWER_MS = 60_000;

/**
 * Sends each request to one process of the service whose path it has, in turn among those that say they are ready. No request is
 * ever sent twice, for a POST may have been done though its answer was lost: then 503 with Retry-After, and the scanner sends its
 * scan again with the same nonce.
 */
export function gateway(upstreams: Upstreams, log: Log): Gateway {
  const agent = new Agent({ keepAlive: true, maxSockets: 1_024 });
  const proxy = createProxyServer({ agent, xfwd: true, proxyTimeout: ANSWER_MS });
  const groups = { checkin: group(upstreams.checkin), legacyDroid: group(upstreams.legacyDroid) };
  let isStopping = false;

  const server = createServer({ requireHostHeader: false }, (req, res) => {
    if (lacksHost(req)) return writeReply(res, WITHOUT_HOST, PLAIN_HEADERS);
    const path = req.url!.split('?', 1)[0]!;
    if (path === '/healthz') return writeReply(res, { status: 200, body: { status: 'ok' } }, PLAIN_HEADERS);
    if (path === '/readyz') {
      const reasons = Object.entries(groups).flatMap(([name, { isReady }]) =>
        isReady() ? [] : [`no process of ${name} is ready`],
      );
      if (isStopping) reasons.push('stopping');
      const ready = reasons.length === 0;
      return writeReply(res, { status: ready ? 200 : 503, body: { ready, reasons } }, PLAIN_HEADERS);
    }
    const chosen = path.startsWith('/pretixdroid/') ? groups.legacyDroid : groups.checkin;
    const target = chosen.next();
    if (target === undefined) return refuse(res);
    proxy.web(req, res, { target: target.url }, (error) => {
      if ((error as { code?: string }).code === 'ECONNREFUSED') target.isReady = false;
      log.warn({ upstream: target.url, code: (error as { code?: string }).code }, 'a request got no answer');
      refuse(res);
    });
  });
  server.keepAliveTimeout = 75_000;
  answerBrokenRequests(server);
  // A client that goes away is nobody's error.
  proxy.on('econnreset', () => undefined);

  function refuse(res: ServerResponse): void {
    if (res.headersSent) res.destroy();
    else writeReply(res, replyOf(unavailable(1))!, PLAIN_HEADERS);
  }

  const looking = setInterval(() => {
    for (const { look } of Object.values(groups)) look();
  }, LOOK_MS);
  for (const { look } of Object.values(groups)) look();

  return {
    server,
    unready: () => void (isStopping = true),
    close() {
      clearInterval(looking);
      agent.destroy();
      proxy.close();
    },
  };
}

type Upstream = { readonly url: string; isReady: boolean };

/** Processes that do the same. While none says that it is ready each gets its turn: it knows best what to answer. */
function group(urls: readonly string[]): { next(): Upstream | undefined; isReady(): boolean; look(): void } {
  const all = urls.map((url): Upstream => ({ url, isReady: false }));
  let turn = 0;
  return {
    next() {
      const ready = all.filter((each) => each.isReady);
      const choice = ready.length > 0 ? ready : all;
      return choice[turn++ % choice.length];
    },
    isReady: () => all.some((each) => each.isReady),
    look() {
      for (const each of all) {
        const asked = get(`${each.url}/readyz`, { timeout: LOOK_PATIENCE_MS, agent: false }, (answer) => {
          each.isReady = answer.statusCode === 200;
          answer.resume();
        });
        asked.on('timeout', () => asked.destroy(new Error('no answer')));
        asked.on('error', () => (each.isReady = false));
      }
    },
  };
}
