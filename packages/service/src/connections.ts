import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';
import { Recent } from '@gatehouse/eventing/recent';
import type { Log } from './log';

/*
 * Who may hold a server's connections. A connection is known once a request on it brought a good credential (or when it comes from
 * a trusted proxy, whose clients are that proxy's to hold). No limit of this file ends or refuses known ones for the sake of
 * others: all gates of a festival may come from one address with one token. All others are anybody's, and bounded: when there are
 * too many the oldest of them ends, so that a new one, which may be a scanner's, always gets in. A scanner needs milliseconds to be
 * known; whoever holds connections open grows old.
 */

export type ConnectionLimits = {
  /** Connections that are not known, in all and from one address. Beyond, the oldest of them is ended. */
  readonly unknown: number;
  readonly unknownOfOneAddress: number;
  /** Requests at work, in all and on connections that are not known. Beyond, a request is 503. */
  readonly atWork: number;
  readonly unknownAtWork: number;
  /** Requests sent on one connection before the first of them is answered. Beyond, it is ended: no scanner does so. */
  readonly pipelined: number;
};

const LIMITS: ConnectionLimits = {
  unknown: 4_000,
  unknownOfOneAddress: 2_000,
  atWork: 4_096,
  unknownAtWork: 1_024,
  pipelined: 64,
};

/** For `createServer`: how long a head and a whole request may take to come, and a connection without requests may stay. */
export const REQUEST_DEADLINES = {
  headersTimeout: 20_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 75_000,
};

/** A client that takes nothing of its answer for so long is gone. Above the longest time that an answer takes to be made. */
const SILENT_MS = 70_000;
/** A bound for the process's file descriptors; what is not known keeps far below it. */
const MAX_CONNECTIONS = 20_000;
const LOG_EVERY_MS = 60_000;

/** Requests at work, on connections that are known or on others. */
type Work = { count: number };

type Connection = {
  readonly socket: Socket;
  readonly address: string;
  readonly server: Shared;
  isKnown: boolean;
  /** Requests in a row that came before the one before them was answered. */
  pipelined: number;
};

/** What the connections of one server share. */
type Shared = {
  readonly known: Work;
  readonly unknown: Work;
  /** Credentials that were good lately, as they were sent: a new connection that brings one is known from its first head on. */
  readonly credentials: Recent<true>;
  /** Counts the connection among those that are known. */
  know(connection: Connection): void;
};

const connections = new WeakMap<Socket, Connection>();

export type Connections = {
  /** To be asked for each request when it begins: false when its connection was ended instead. */
  admit(req: IncomingMessage, res: ServerResponse): boolean;
  /** Whether the request must be answered 503 with Retry-After: too many are at work. */
  isFull(req: IncomingMessage): boolean;
};

export type WatchOptions = {
  readonly log: Log;
  /** As TRUSTED_PROXIES names them. */
  readonly trustedProxies: readonly string[];
  readonly limits?: Partial<ConnectionLimits> | undefined;
};

/** Bounds the connections of a server. */
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

  /** Sets keep the order in which they were filled. */
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
      // Node gives a response its socket when all answers before it are written.
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

/** To be called when the credential of a request was found good: from now on its connection is known. */
export function credentialAccepted(req: IncomingMessage): void {
  const connection = connections.get(req.socket);
  if (!connection || connection.isKnown) return;
  connection.server.know(connection);
  const credential = credentialIn(req);
  if (credential !== undefined) connection.server.credentials.set(credential, true);
}

/** To be called when it was not: a new connection that brings it is like any other. */
export function credentialRefused(req: IncomingMessage): void {
  const credential = credentialIn(req);
  if (credential !== undefined) connections.get(req.socket)?.server.credentials.delete(credential);
}

const ELSEWHERE: Work = { count: 0 };

/** Counts a request as being at work, until `count` of the answer is lowered again. */
export function beginWork(req: IncomingMessage): Work {
  const connection = connections.get(req.socket);
  const work = connection ? connection.server[connection.isKnown ? 'known' : 'unknown'] : ELSEWHERE;
  work.count++;
  return work;
}

/** Longer than any real one; what is longer is not worth remembering. */
const MAX_CREDENTIAL_LENGTH = 200;

/** What a request shows: the Authorization header, or the key that the pretixdroid API has in its query. */
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
