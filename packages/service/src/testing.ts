import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Permission } from '@gatehouse/events/reference';
import type { CredentialRefusal, Credentials, Events, Principal } from './auth';
import { createHttp, drain, listen, type HttpOptions } from './http';
import { createLog } from './log';

/** A reply for tests: `body` is parsed when it is JSON. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly body: unknown;
};

export type Ask = {
  /** Sent as `Authorization: Token …`. */
  readonly token?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Sends a request without the normalisation that fetch does. */
export function call(url: string, method: string, target: string, ask: Ask = {}): Promise<Answer> {
  const headers: Record<string, string> = { ...ask.headers };
  if (ask.token !== undefined) headers['authorization'] = `Token ${ask.token}`;
  if (ask.json !== undefined) headers['content-type'] ??= 'application/json';
  const body = ask.json !== undefined ? JSON.stringify(ask.json) : ask.body;
  if (body !== undefined) headers['content-length'] ??= String(Buffer.byteLength(body));
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ hostname, port, method, path: target, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: response.statusCode!,
          headers: response.headers as Record<string, string>,
          text,
          body: response.headers['content-type'] === 'application/json' ? JSON.parse(text || 'null') : undefined,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A connection on which a test writes arbitrary bytes. */
export type RawConnection = {
  readonly socket: Socket;
  /** What was received so far, one character per byte. */
  received(): string;
  isOpen(): boolean;
  /** Resolves when `count` replies were received, or when the other side has closed the connection. */
  answers(count: number): Promise<readonly number[]>;
  closed: Promise<void>;
};

/** Connects, from an address of this machine if one is named, and writes `bytes` (one character per byte), if any. */
export async function connectRaw(url: string, bytes = '', localAddress?: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, ...(localAddress ? { localAddress } : {}) });
  let text = '';
  let isOpen = true;
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.on('close', () => ((isOpen = false), resolve())));
  await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()));
  if (bytes !== '') socket.write(Buffer.from(bytes, 'latin1'));
  const statuses = () => [...text.matchAll(/HTTP\/1\.1 (\d{3}) (?!Continue)/g)].map(([, status]) => Number(status));
  return {
    socket,
    received: () => text,
    isOpen: () => isOpen,
    async answers(count) {
      while (isOpen && statuses().length < count) await sleep(5);
      return statuses();
    },
    closed,
  };
}

export type TestApp = {
  readonly url: string;
  /** The log, line by line. */
  readonly logged: readonly string[];
  call(method: string, target: string, ask?: Ask): Promise<Answer>;
  close(): Promise<void>;
};

/** Serves routes on a free port of this machine. */
export async function startApp(
  options: Partial<HttpOptions> & Pick<HttpOptions, 'routes' | 'credentials'>,
): Promise<TestApp> {
  const logged: string[] = [];
  const { server } = createHttp({
    config: { publicUrl: undefined, trustedProxies: [] },
    log: createLog('info', { write: (line) => void logged.push(line) }),
    events: { exists: () => true },
    ready: () => ({ ready: true, reasons: [] }),
    ...options,
  });
  const { port } = await listen(server, { port: 0, host: '127.0.0.1' });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    logged,
    call: (method, target, ask) => call(url, method, target, ask),
    close: () => drain(server, 1_000),
  };
}

/** Credentials by their secrets in plain text. */
export function knownCredentials(bySecret: Readonly<Record<string, Principal | CredentialRefusal>>): Credentials {
  const byHash = new Map(Object.entries(bySecret).map(([secret, found]) => [sha256(secret), found]));
  return {
    find(kind, secretSha256) {
      const found = byHash.get(secretSha256) ?? 'unknown';
      return typeof found === 'string' || found.kind === kind ? found : 'unknown';
    },
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A team token of an organizer, for all of its events unless some are named. */
export function tokenOf(organizer: string, permissions: readonly Permission[], events?: readonly string[]): Principal {
  return {
    kind: 'token',
    id: 3,
    organizer,
    permissions: new Set(permissions),
    allEvents: events === undefined,
    events: new Set(events ?? []),
    actor: 'token:3',
  };
}

/** The events that exist, as `organizer/event`. */
export function knownEvents(...events: readonly string[]): Events {
  return { exists: (organizer, event) => events.includes(`${organizer}/${event}`) };
}
