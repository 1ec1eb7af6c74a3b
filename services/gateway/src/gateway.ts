import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { answerBrokenRequests, lacksHost, WITHOUT_HOST } from '@gatehouse/service/broken-requests';
import {
  beginWork,
  credentialAccepted,
  credentialRefused,
  REQUEST_DEADLINES,
  trusts,
  watchConnections,
  type ConnectionLimits,
} from '@gatehouse/service/connections';
import { replyOf, unavailable } from '@gatehouse/service/errors';
import { failureReply } from '@gatehouse/service/http';
import type { Log } from '@gatehouse/service/log';
import { PathTable, targetOf, type Target } from '@gatehouse/service/path';
import { PLAIN_HEADERS, writeReply, type Reply } from '@gatehouse/service/reply';
import { SERVICES, type ServiceRow } from '@gatehouse/service/services';
import { ANSWER_MS, firstPart, forward, type FirstPart } from './forward';
import { requestHeaders } from './headers';
import { recallFromAny } from './idempotency-query';
import { group, type Group, type Upstream } from './upstreams';

/**
 * The processes behind the gateway, by the service's key in `SERVICES`, as `http://host:port`. Requests for a service
 * without an entry are answered 503; readiness ignores it.
 */
export type Upstreams = Readonly<Record<string, readonly string[]>>;

export type GatewayOptions = {
  readonly log: Log;
  /** Proxies in front of the gateway, as in TRUSTED_PROXIES: their `X-Forwarded-*` headers are forwarded. */
  readonly trustedProxies?: readonly string[];
  readonly connections?: Partial<ConnectionLimits>;
  /** `SERVICES`, or other rows in tests. */
  readonly services?: Readonly<Record<string, ServiceRow>>;
};

export type Gateway = {
  readonly server: Server;
  /** From now on /readyz answers 503. */
  unready(): void;
  /** Closes the connections to the processes. */
  close(): void;
};

const HEALTHY: Reply = { status: 200, body: { status: 'ok' } };
const LOOK_MS = 1_000;
/** Most connections to one process. */
const MAX_SOCKETS = 1_024;
/** A service without processes. */
const NOBODY = group([]);
/** Most bytes buffered for a slow client, in each direction. */
const WAITING_BYTES = 65_536;

/**
 * Forwards each request to a process of the service with its path, round-robin among the ready ones. A request is never
 * sent twice, since a POST may have been executed although its reply was lost: then the reply is 503 with Retry-After, and
 * the scanner sends its scan again with the same nonce.
 */
export function gateway(upstreams: Upstreams, options: GatewayOptions): Gateway {
  const { log, trustedProxies = [] } = options;
  const services: Readonly<Record<string, ServiceRow>> = options.services ?? SERVICES;
  const isTrusted = trusts(trustedProxies);
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, timeout: ANSWER_MS });
  const groups = new Map(Object.entries(upstreams).map(([service, urls]) => [service, group(urls)]));
  const paths = new PathTable<Group>();
  for (const [service, { requests }] of Object.entries(services)) {
    for (const pattern of requests?.paths ?? []) paths.add(pattern, groups.get(service) ?? NOBODY);
  }
  /** The services that may have stored a reply for an idempotency key. */
  const rest = [...groups].filter(([service]) => services[service]?.requests?.isRest).map(([, each]) => each);
  let isStopping = false;

  const settings = { ...REQUEST_DEADLINES, requireHostHeader: false, highWaterMark: WAITING_BYTES };
  const server = createServer(settings, (req, res) => {
    try {
      if (connections.admit(req, res)) answer(req, res);
    } catch (error) {
      fail(error, req, res);
    }
  });
  answerBrokenRequests(server);
  const connections = watchConnections(server, { log, trustedProxies, limits: options.connections });

  function answer(req: IncomingMessage, res: ServerResponse): void {
    if (lacksHost(req)) return writeReply(res, WITHOUT_HOST, PLAIN_HEADERS);
    const target = targetOf(req.url!);
    const [first, ...more] = target.segments;
    if (more.length === 0 && first === 'healthz') return writeReply(res, HEALTHY, PLAIN_HEADERS);
    if (more.length === 0 && first === 'readyz') return answerReadiness(res);
    const chosen = paths.find(target)?.value ?? NOBODY;
    const isForAll = rest.length > 1 && isIdempotencyQuery(req, target);
    firstPart(req, (body) => {
      try {
        if (isForAll) askAll(req, res);
        else send(req, res, { body, chosen });
      } catch (error) {
        fail(error, req, res);
      }
    });
  }

  function send(req: IncomingMessage, res: ServerResponse, { body, chosen }: { body: FirstPart; chosen: Group }): void {
    const upstream = chosen.next();
    if (upstream === undefined || connections.isFull(req)) return refuse(res);
    const work = beginWork(req);
    forward(
      { req, res },
      {
        agent,
        upstream,
        headers: requestHeaders(req, isTrusted(req.socket.remoteAddress)),
        body,
        answered: (given) => learn(req, given),
        failed(error) {
          noAnswer(upstream, error);
          refuse(res);
        },
        done: () => void work.count--,
      },
    );
  }

  /** Asks one REST service after another for the stored reply of an idempotency key, until one replies. */
  function askAll(req: IncomingMessage, res: ServerResponse): void {
    if (connections.isFull(req)) return refuse(res);
    const work = beginWork(req);
    const headers = requestHeaders(req, isTrusted(req.socket.remoteAddress));
    recallFromAny(
      { req, res },
      { agent, headers, groups: rest, answered: (given) => learn(req, given), failed: noAnswer },
    )
      .then((isAnswered) => isAnswered || refuse(res))
      .catch((error: unknown) => fail(error, req, res))
      .finally(() => work.count--);
  }

  function noAnswer(upstream: Upstream, error: unknown): void {
    const { code } = error as { code?: string };
    if (code === 'ECONNREFUSED') upstream.isReady = false;
    log.warn({ upstream: `${upstream.host}:${upstream.port}`, code }, 'a request got no answer');
  }

  function answerReadiness(res: ServerResponse): void {
    const reasons = [...groups].flatMap(([name, { isReady }]) => (isReady() ? [] : [`no process of ${name} is ready`]));
    if (isStopping) reasons.push('stopping');
    const ready = reasons.length === 0;
    writeReply(res, { status: ready ? 200 : 503, body: { ready, reasons } }, PLAIN_HEADERS);
  }

  function refuse(res: ServerResponse): void {
    if (res.headersSent) res.destroy();
    else writeReply(res, replyOf(unavailable(1))!, PLAIN_HEADERS);
  }

  /** Answers a bug in the gateway: logged, with a 500. */
  function fail(error: unknown, req: IncomingMessage, res: ServerResponse): void {
    const reply = failureReply(error, { req, log });
    if (res.headersSent) res.destroy();
    else writeReply(res, reply, PLAIN_HEADERS);
  }

  const polling = setInterval(() => {
    for (const { poll } of groups.values()) poll();
  }, LOOK_MS);
  for (const { poll } of groups.values()) poll();

  return {
    server,
    unready: () => void (isStopping = true),
    close() {
      clearInterval(polling);
      agent.destroy();
    },
  };
}

/** `GET /api/v1/idempotency_query`; other methods are forwarded, and any service refuses them. */
function isIdempotencyQuery({ method }: IncomingMessage, { segments }: Target): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const [api, version, name, ...more] = segments;
  return api === 'api' && version === 'v1' && name === 'idempotency_query' && more.length === 0;
}

/** Statuses that only requests with a valid credential get (contract, Transport: the order of checks). */
const FOR_GOOD_ONES = new Set([200, 201, 202, 204, 206, 304, 400, 405, 409, 410, 416]);

/**
 * Learns from a service's reply whether the request's credential is valid. A 404 that is not JSON is that of an unknown
 * route, which needs no credential.
 */
function learn(req: IncomingMessage, { statusCode, headers }: IncomingMessage): void {
  if (statusCode === 401 || statusCode === 403) return credentialRefused(req);
  const isGood = statusCode === 404 ? headers['content-type'] === 'application/json' : FOR_GOOD_ONES.has(statusCode!);
  if (isGood && needsCredential(targetOf(req.url!).segments)) credentialAccepted(req);
}

/** Whether every route below this path requires a credential. */
const needsCredential = ([api, version, name]: readonly string[]): boolean =>
  (api === 'api' && version === 'v1' && (name === 'organizers' || name === 'upload')) ||
  (api === 'pretixdroid' && version === 'api');
