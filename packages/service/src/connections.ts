import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';
import { Recent } from '@gatehouse/eventing/recent';
import type { Log } from './log';

/*
 * Limits for a server's connections. A connection is known once a request on it has brought a valid credential (or when it
 * comes from a trusted proxy, which limits its own clients). No limit in this file closes or refuses known connections in
 * favour of others: all gates of a festival may share one address and one token. The number of all others is bounded:
 * beyond it the oldest is closed, so that a new one, which may be a scanner's, is always accepted. A scanner's connection
 * is known within milliseconds; an idle attacker's grows old.
 */

export type ConnectionLimits = {
  /** Connections that are not known, in total and from one address. Beyond that, the oldest is closed. */
  readonly unknown: number;
  readonly unknownOfOneAddress: number;
  /** Running requests, in total and on connections that are not known. Beyond that, a request is answered 503. */
  readonly atWork: number;
  readonly unknownAtWork: number;
  /**
   * Requests sent on one connection before the first is answered. Beyond that, the connection is closed: no scanner does
   * so.
   */
  readonly pipelined: number;
};

const LIMITS: ConnectionLimits = {
  unknown: 4_000,
  unknownOfOneAddress: 2_000,
  atWork: 4_096,
  unknownAtWork: 1_024,
  pipelined: 64,
};

/** Options for `createServer`: time limits for a head, for a whole request, and for an idle connection. */
export const REQUEST_DEADLINES = {
  headersTimeout: 20_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 75_000,
};

/** A client that reads nothing of its reply for so long is disconnected. Longer than any reply takes to be made. */
const SILENT_MS = 70_000;
/** Protects the process's file descriptors; connections that are not known stay far below it. */
const MAX_CONNECTIONS = 20_000;
const LOG_EVERY_MS = 60_000;

/** Running requests, on known or on other connections. */
type Work = { count: number };

type Connection = {
  readonly socket: Socket;
  readonly address: string;
  readonly server: Shared;
  isKnown: boolean;
  /** Consecutive requests that arrived before the previous one was answered. */
  pipelined: number;
};

/** What the connections of one server share. */
type Shared = {
  readonly known: Work;
  readonly unknown: Work;
  /** Recently valid credentials, as they were sent: a new connection that brings one is known from its first head on. */
  readonly credentials: Recent<true>;
  /** Makes the connection a known one. */
  know(connection: Connection): void;
};

const connections = new WeakMap<Socket, Connection>();

export type Connections = {
  /** Call for each request when it begins; false when its connection was closed instead. */
  admit(req: IncomingMessage, res: ServerResponse): boolean;
  /** True when the request must be answered 503 with Retry-After because too many are running. */
  isFull(req: IncomingMessage): boolean;
};

export type WatchOptions = {
  readonly log: Log;
  /** As in TRUSTED_PROXIES. */
  readonly trustedProxies: readonly string[];
  readonly limits?: Partial<ConnectionLimits> | undefined;
};

/** Applies the limits to a server's connections. */
export function watchConnections(server: Server, options: WatchOptions): Connections {
  const limits = { ...LIMITS, ...options.limits };
  const isTrusted = trusts(options.trustedProxies);
  const unknown = new Set<Connection>();
  const byAddress = new Map<string, Set<Connection>>();
  const shared: Shared = {
    known: { count: 0 },
    unknown: { count: 0 },
    credentials: new Recent(5_000),
    know(connection) {
      connection.isKnown = true;
      forget(connection);
    },
  };
  let ended = 0;
  let loggedMs = -Infinity;

  function remember(connection: Connection): Set<Connection> {
    const own = byAddress.get(connection.address) ?? new Set();
    byAddress.set(connection.address, own.add(connection));
    unknown.add(connection);
    return own;
  }

  function forget(connection: Connection): void {
    if (!unknown.delete(connection)) return;
    const own = byAddress.get(connection.address)!;
    own.delete(connection);
    if (own.size === 0) byAddress.delete(connection.address);
  }

  /** A Set iterates in insertion order, so the first is the oldest. */
  function endOldest(of: ReadonlySet<Connection>): void {
    for (const oldest of of) {
      forget(oldest);
      oldest.socket.destroy();
      ended++;
      break;
    }
    if (performance.now() - loggedMs < LOG_EVERY_MS) return;
    loggedMs = performance.now();
    options.log.warn(
      { ended, unknown: unknown.size },
      'too many connections without a good credential: the oldest end',
    );
    ended = 0;
  }

  server.timeout = SILENT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const connection: Connection = { socket, address, server: shared, isKnown: isTrusted(address), pipelined: 0 };
    connections.set(socket, connection);
    if (connection.isKnown) return;
    const own = remember(connection);
    if (own.size > limits.unknownOfOneAddress) endOldest(own);
    else if (unknown.size > limits.unknown) endOldest(unknown);
    socket.once('close', () => forget(connection));
  });

  return {
    admit(req, res) {
      const connection = connections.get(req.socket);
      if (!connection) return true;
      // Node assigns a response its socket when all earlier replies are written.
      if (res.socket !== null) connection.pipelined = 0;
      else if (++connection.pipelined >= limits.pipelined) {
        req.socket.destroy();
        return false;
      }
      if (!connection.isKnown) {
        const credential = credentialIn(req);
        if (credential !== undefined && shared.credentials.get(credential)) shared.know(connection);
      }
      return true;
    },
    isFull(req) {
      const { known, unknown } = shared;
      if (unknown.count < limits.unknownAtWork && known.count < limits.atWork) return false;
      return connections.get(req.socket)?.isKnown ? known.count >= limits.atWork : true;
    },
  };
}

/** Call when a request's credential is valid: its connection is known from now on. */
export function credentialAccepted(req: IncomingMessage): void {
  const connection = connections.get(req.socket);
  if (!connection || connection.isKnown) return;
  connection.server.know(connection);
  const credential = credentialIn(req);
  if (credential !== undefined) connection.server.credentials.set(credential, true);
}

/** Call when it is not: new connections that bring it are no longer known at once. */
export function credentialRefused(req: IncomingMessage): void {
  const credential = credentialIn(req);
  if (credential !== undefined) connections.get(req.socket)?.server.credentials.delete(credential);
}

const ELSEWHERE: Work = { count: 0 };

/** Counts a request as running until the caller lowers the returned `count`. */
export function beginWork(req: IncomingMessage): Work {
  const connection = connections.get(req.socket);
  const work = connection ? connection.server[connection.isKnown ? 'known' : 'unknown'] : ELSEWHERE;
  work.count++;
  return work;
}

/** Longer than any real credential; longer ones are not cached. */
const MAX_CREDENTIAL_LENGTH = 200;

/** The request's credential: the Authorization header, or the key in the query of the pretixdroid API. */
function credentialIn(req: IncomingMessage): string | undefined {
  const credential = req.headers.authorization ?? /[?&]key=([^&]+)/.exec(req.url!)?.[1];
  return credential !== undefined && credential.length <= MAX_CREDENTIAL_LENGTH ? credential : undefined;
}

const NAMED_RANGES: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** Whether an address is one of TRUSTED_PROXIES: addresses, ranges, and the names that Express has for some of them. */
export function trusts(proxies: readonly string[]): (address: string | undefined) => boolean {
  if (proxies.length === 0) return () => false;
  const list = new BlockList();
  for (const range of proxies.flatMap((proxy) => NAMED_RANGES[proxy] ?? [proxy])) {
    const [address, prefix] = range.split('/') as [string, string?];
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    list.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return (address = '') => isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
