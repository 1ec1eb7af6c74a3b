import { randomBytes } from 'node:crypto';
import { createServer, IncomingMessage, ServerResponse, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { traceparentIn } from '@gatehouse/eventing/tracing';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { acceptsEither, acceptsJson } from './accept';
import { ApiRequest, type Method } from './api-request';
import {
  authenticate,
  authorize,
  requireListed,
  type CredentialKind,
  type Credentials,
  type Events,
  type Need,
  type Principal,
} from './auth';
import { answerBrokenRequests, lacksHost, WITHOUT_HOST } from './broken-requests';
import type { Config } from './config';
import {
  credentialAccepted,
  credentialRefused,
  REQUEST_DEADLINES,
  watchConnections,
  type ConnectionLimits,
} from './connections';
import {
  ClientGone,
  internalError,
  methodNotAllowed,
  notAcceptable,
  notFound,
  permissionDenied,
  replyOf,
  unavailable,
} from './errors';
import { idempotencyKeyOf, keyUnder, NO_KEY_GIVEN, type Idempotency, type Keyed } from './idempotency';
import { described, type Log } from './log';
import { CLIENT_GONE, requestObserver } from './observe';
import { MAX_PATH_BYTES, PathTable, targetOf, type Aim, type Target } from './path';
import { apiHeaders, PLAIN_HEADERS, ROUTE_NOT_FOUND, writeReply, type HeaderList, type Reply } from './reply';
import { writeStream } from './stream-reply';

/** A route's implementation of one method. */
export type Handler = (request: ApiRequest) => Reply | Promise<Reply>;

/** Who may use a route. With permissions, its path must have `:organizer` (and `:event`, if they are about one). */
export type Access = 'anyone' | 'authenticated' | 'device' | { readonly safe: Need; readonly unsafe: Need };

/** A route under `/api/v1/`, which answers with and without a trailing slash, for every method. */
export type Route = Implementation & {
  /** As in `organizers/:organizer/events/:event/checkinlists/:list/`. */
  readonly path: string;
};

type Implementation = Allowed &
  Readonly<Partial<Record<Method, Handler>>> & {
    /** Who knows its callers, where that is not the context whose credentials the process's other routes use. */
    readonly credentials?: Credentials;
    /** Its replies hold a secret, which may not be stored: an X-Idempotency-Key is ignored. */
    readonly isSecret?: true;
    /** The media type of its files, which a client may ask for in place of JSON: `application/pdf`. */
    readonly sends?: string;
    /** Called before all checks; false when the request must take the usual way. */
    readonly hot?: (req: Request, res: Response, at: Aim) => Taken;
  };

/** `name`: what pretix calls the route, without its `api-v1:`; device security profiles list routes by it. */
type Allowed =
  | { readonly access: 'anyone'; readonly name?: undefined }
  | { readonly access: Exclude<Access, 'anyone'>; readonly name: string };

/** A route as a value, as services list them. */
export const route = (path: string, rest: Implementation): Route => ({ path, ...rest });

/** Whether the process is ready for requests; `reasons` name what is missing or degraded. */
export type Readiness = { readonly ready: boolean; readonly reasons: readonly string[] };

/** The result of a handler that may answer by itself: false when it does not, otherwise true or its pending work. */
export type Taken = boolean | Promise<void>;

/** Called before the routes, for an API with its own transport layer: false when it does not answer the request. */
export type HotRoute = (req: Request, res: Response, target: Target) => Taken;

export type HttpOptions = {
  readonly config: Pick<Config, 'publicUrl' | 'trustedProxies'>;
  readonly log: Log;
  readonly credentials: Credentials;
  readonly events: Events;
  readonly routes: readonly Route[];
  readonly ready: () => Readiness;
  readonly idempotency?: Idempotency;
  readonly hot?: readonly HotRoute[];
  /** Handlers for paths outside of `/api/`: other APIs, with their own layers. */
  readonly mounts?: readonly RequestHandler[];
  readonly connections?: Partial<ConnectionLimits>;
};

export type HttpServer = { readonly app: Express; readonly server: Server };

const API = '/api/v1';
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Makes the server with all routes, not yet listening. */
export function createHttp(options: HttpOptions): HttpServer {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  // req.query is not used: each API has its own rules for parameters.
  app.set('query parser', false);
  app.set('trust proxy', [...options.config.trustedProxies]);

  for (const mount of options.mounts ?? []) app.use(mount);

  const hot = options.hot ?? [];
  const answer = apiHandler(options);
  const observe = requestObserver();
  // Only requests that no route answers go through Express: its router costs more than all other HTTP work of a scan.
  const server = serverFor(app, (req, res) => {
    try {
      if (!connections.admit(req, res)) return;
      const taken = take(req, res);
      if (taken === false)
        app(req, res, (error?: unknown) => (error ? fail(error, req, res) : refuse(res, ROUTE_NOT_FOUND)));
      else if (taken !== true) taken.catch((error: unknown) => fail(error, req, res));
    } catch (error) {
      fail(error, req, res);
    }
  });
  const connections = watchConnections(server, {
    log: options.log,
    trustedProxies: options.config.trustedProxies,
    limits: options.connections,
  });

  function take(req: Request, res: Response): Taken {
    if (lacksHost(req)) return refuse(res, WITHOUT_HOST);
    const target = targetOf(req.url);
    if (target.path.length > MAX_PATH_BYTES) return refuse(res, PATH_TOO_LONG);
    // Probes are always answered: a busy process must not be taken for a dead one.
    if (connections.isFull(req) && !PROBES.has(target.segments[0]!)) return refuse(res, replyOf(unavailable(1))!);
    for (const tryHot of hot) {
      const taken = tryHot(req, res, target);
      if (taken !== false) return taken;
    }
    return answer(req, res, target);
  }

  function refuse(res: Response, reply: Reply): true {
    writeReply(res, reply, PLAIN_HEADERS);
    return true;
  }

  /** Answers an error that a handler did not catch. */
  function fail(error: unknown, req: Request, res: Response): void {
    const { trace, end } = observe(req, 'other');
    const reply = failureReply(error, { req, log: options.log, trace });
    if (res.headersSent) res.destroy();
    else writeReply(res, reply, PLAIN_HEADERS);
    end(reply.status);
  }

  return { app, server };
}

/**
 * A server whose requests and responses are created with Express's prototypes. Express changes the prototypes of each
 * request, which then is a no-op and makes the server about twice as fast.
 */
function serverFor(app: Express, listener: (req: Request, res: Response) => void): Server {
  const server = createServer(
    {
      IncomingMessage: born(IncomingMessage, app.request),
      ServerResponse: born(ServerResponse, app.response),
      requireHostHeader: false,
      ...REQUEST_DEADLINES,
    },
    listener as RequestListener,
  );
  answerBrokenRequests(server);
  return server;
}

/**
 * The same constructor with another prototype. Node's two constructors are plain functions, so they can be called this way.
 * V8 reserves as many in-object fields as the constructor's source assigns to `this`; further ones go to a list that grows
 * by three, which made requests a third slower. So the source contains some forty assignments, which never run.
 */
function born<C extends typeof IncomingMessage | typeof ServerResponse>(base: C, prototype: object): C {
  function Born(this: Record<`f${number}`, unknown>, ...args: unknown[]): void {
    Reflect.apply(base as unknown as (...args: unknown[]) => void, this, args);
    if (args.length > 0) return;
    this.f0 = this.f1 = this.f2 = this.f3 = this.f4 = this.f5 = this.f6 = this.f7 = this.f8 = this.f9 = undefined;
    this.f10 = this.f11 = this.f12 = this.f13 = this.f14 = this.f15 = this.f16 = this.f17 = this.f18 = undefined;
    this.f19 = this.f20 = this.f21 = this.f22 = this.f23 = this.f24 = this.f25 = this.f26 = this.f27 = undefined;
    this.f28 = this.f29 = this.f30 = this.f31 = this.f32 = this.f33 = this.f34 = this.f35 = this.f36 = undefined;
    this.f37 = this.f38 = this.f39 = undefined;
  }
  Born.prototype = prototype;
  return Born as unknown as C;
}

/** Starts listening; resolves with the address once the port is open. */
export function listen(server: Server, { port, host }: { port: number; host: string }): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => reject(new Error(whyNot(cause, { port, host }), { cause }));
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      resolve(server.address() as AddressInfo);
    });
  });
}

function whyNot({ code, message }: NodeJS.ErrnoException, { port, host }: { port: number; host: string }): string {
  if (code === 'EADDRINUSE') return `Port ${port} of ${host} is in use: set PORT to another one.`;
  if (code === 'EACCES') return `Port ${port} may not be used by this user: set PORT to one from 1024 on.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EINVAL') {
    return `HOST is ${host}, which is no address of this machine: set it to one, to 127.0.0.1, or to 0.0.0.0 for all of them.`;
  }
  return `Nothing can listen on ${host}, port ${port} (${message}): set HOST and PORT to others.`;
}

/** Accepts no new connections, lets requests finish for `graceMs`, then closes the rest. */
export function drain(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    const last = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearInterval(idle);
      clearTimeout(last);
      resolve();
    });
  });
}

type Entry = { readonly route: Route; readonly headers: HeaderList; readonly allow: string };

const PATH_TOO_LONG: Reply = { status: 414, body: { detail: 'The path of the request is too long.' } };

/** Answers `/api/…`, `/healthz` and `/readyz`; false for any other path. */
function apiHandler(options: HttpOptions): HotRoute {
  const table = new PathTable<Entry>();
  const own = options.idempotency ? [ROOT, idempotencyQuery(options.idempotency)] : [ROOT];
  for (const one of [...own, ...options.routes]) table.add(`${API}/${one.path}`, entryOf(one));
  const observe = requestObserver();

  async function serve(
    req: Request,
    res: Response,
    found: { entry: Entry; request: Omit<Asked, 'trace'> },
  ): Promise<void> {
    const { entry } = found;
    const { trace, end } = observe(req, entry.route.path);
    const asked = { ...found.request, trace };
    try {
      const reply = await replyTo(req, entry, asked);
      if (reply.stream) await writeStream(res, { ...reply, stream: reply.stream }, entry.headers);
      else writeReply(res, reply, entry.headers);
      end(reply.status);
    } catch (error) {
      if (error instanceof ClientGone) return end(CLIENT_GONE);
      const reply = failed(error, { req, entry, trace });
      writeReply(res, reply, entry.headers);
      end(reply.status);
    }
  }

  const failed = (error: unknown, { req, entry, trace }: { req: Request; entry: Entry; trace: string | null }): Reply =>
    failureReply(error, { req, log: options.log, route: entry.route.path, trace });

  /** The checks in their order (contract, Transport). */
  async function replyTo(req: Request, entry: Entry, asked: Asked): Promise<Reply> {
    const { access, name, sends, credentials = options.credentials, isSecret } = entry.route;
    const { accept } = req.headers;
    if (!(sends === undefined ? acceptsJson(accept) : acceptsEither(accept, sends))) throw notAcceptable();
    const kinds = access === 'device' ? DEVICES_ONLY : ANY_KIND;
    const principal =
      access === 'anyone' ? undefined : await authenticate(credentials, req.headers.authorization, kinds);
    if (principal) {
      credentialAccepted(req);
      requireListed(principal, req.method, name!);
    }
    const run = (keyed?: Keyed) => runRoute(req, entry, { asked, principal, keyed });
    const key = options.idempotency && !SAFE.has(req.method) ? idempotencyKeyOf(req.headers) : undefined;
    if (!key || !principal || isSecret) return run();
    return options.idempotency!.once(key, (keyed) => settled(run(keyed), { req, entry, trace: asked.trace }));
  }

  /** Always a complete reply: a stored reply must not need its route again. */
  async function settled(
    reply: Promise<Reply>,
    at: { req: Request; entry: Entry; trace: string | null },
  ): Promise<Reply> {
    const given = await reply.catch((error: unknown) =>
      error instanceof ClientGone ? replyOf(unavailable(1))! : failed(error, at),
    );
    return { ...given, headers: { Allow: at.entry.allow, ...given.headers } };
  }

  async function runRoute(req: Request, entry: Entry, { asked, principal, keyed }: Run): Promise<Reply> {
    const { route: called, allow } = entry;
    if (typeof called.access === 'object') await permit(req.method, called.access, { asked, principal: principal! });
    if (req.method === 'OPTIONS') return describe(called);
    const handler = called[(req.method === 'HEAD' ? 'GET' : req.method) as Method];
    if (!handler) throw methodNotAllowed(req.method, allow);
    if (asked.hasNul) throw notFound();
    const request = new ApiRequest(req, { ...asked, principal, publicUrl: options.config.publicUrl });
    request.idempotency = keyed;
    return handler(request);
  }

  async function permit(
    method: string,
    access: { safe: Need; unsafe: Need },
    { asked, principal }: { asked: Asked; principal: Principal },
  ): Promise<void> {
    const { organizer, event } = asked.params;
    if (organizer?.includes('\u0000') || event?.includes('\u0000')) throw notFound();
    if (organizer === undefined) throw new Error('a route with needs must name its organizer');
    const need = SAFE.has(method) ? access.safe : access.unsafe;
    authorize(principal, need, event === undefined ? { organizer } : { organizer, event });
    if (event !== undefined && !(await options.events.exists(organizer, event))) throw permissionDenied();
  }

  return (req, res, target) => {
    const { segments } = target;
    if (segments[0] !== 'api') return isProbe(target, res, options.ready);
    if (segments.length === 1) {
      writeReply(res, { status: 302, headers: { Location: `${API}/` } }, PLAIN_HEADERS);
      return true;
    }
    const match = table.find(target);
    if (!match) {
      writeReply(res, ROUTE_NOT_FOUND, PLAIN_HEADERS);
      return true;
    }
    const { path, query } = target;
    const { value: entry, params, sent } = match;
    const hasNul = path.includes('%00') && Object.values(params).some((value) => value.includes('\u0000'));
    const taken = hasNul ? undefined : entry.route.hot?.(req, res, { params, sent, path, query });
    return taken || serve(req, res, { entry, request: { params, sent, path, query, hasNul } });
  };
}

const ANY_KIND: readonly CredentialKind[] = ['token', 'device'];
const DEVICES_ONLY: readonly CredentialKind[] = ['device'];

type Asked = Aim & { readonly hasNul: boolean; readonly trace: string | null };
type Run = {
  readonly asked: Asked;
  readonly principal: Principal | undefined;
  readonly keyed: Keyed | undefined;
};

function entryOf(one: Route): Entry {
  const allow = allowOf(one);
  return { route: one, allow, headers: apiHeaders(allow) };
}

/** The methods in the reference's order: `GET, POST, HEAD, OPTIONS`. */
function allowOf(one: Route): string {
  const methods: string[] = METHODS.filter((method) => one[method]);
  return [...methods, ...(one.GET ? ['HEAD'] : []), 'OPTIONS'].join(', ');
}

/** The metadata in the reply to OPTIONS: rarely used, so only what every route has in common. */
function describe(one: Route): Reply {
  const words = one.path.split('/').filter((part) => part !== '' && !part.startsWith(':'));
  return {
    status: 200,
    body: {
      name: words.at(-1) ?? 'api',
      description: '',
      renders: ['application/json'],
      parses: ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'],
    },
  };
}

const ROOT = route('', {
  name: 'api-root',
  access: 'authenticated',
  GET: (request) => ({ status: 200, body: { organizers: `${request.baseUrl}${API}/organizers/` } }),
});

/**
 * The undocumented query for a stored reply (contract §1.10), for any client that has the Authorization header and the key.
 */
function idempotencyQuery(idempotency: Idempotency): Route {
  return route('idempotency_query', {
    access: 'anyone',
    GET: (request) => {
      const key = request.query.get('key');
      return key ? idempotency.recall(keyUnder(request.headers, key)) : NO_KEY_GIVEN;
    },
  });
}

const PROBES: ReadonlySet<string> = new Set(['healthz', 'readyz']);

function isProbe({ segments }: Target, res: Response, ready: () => Readiness): boolean {
  if (segments.length !== 1) return false;
  if (segments[0] === 'healthz') {
    writeReply(res, { status: 200, body: { status: 'ok' } }, PLAIN_HEADERS);
    return true;
  }
  if (segments[0] !== 'readyz') return false;
  const state = ready();
  writeReply(res, { status: state.ready ? 200 : 503, body: state }, PLAIN_HEADERS);
  return true;
}

/** The reply for an exception: its own, or a 500 that names the log entry. */
export function failureReply(
  error: unknown,
  at: { req: IncomingMessage; log: Log; route?: string; trace?: string | null },
): Reply {
  const known = replyOf(error);
  if (known?.status === 401) credentialRefused(at.req);
  if (known) return known;
  const trace = at.trace ?? traceparentIn(at.req.headers['traceparent']);
  const traceId = trace?.slice(3, 35) ?? randomBytes(16).toString('hex');
  at.log.error({ ...described(error), trace_id: traceId, method: at.req.method, route: at.route }, 'a request failed');
  return internalError(traceId);
}
