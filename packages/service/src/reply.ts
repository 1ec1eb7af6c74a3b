import type { ServerResponse } from 'node:http';
import { endWithoutBody, isStillArriving } from './unread-body';

/** A route's reply as a value; `writeReply` writes it once. */
export type Reply = {
  readonly status: number;
  /** A value sent as JSON; undefined sends no body. */
  readonly body?: unknown;
  /** Text or bytes sent as they are, in place of `body`; JSON unless `headers` say otherwise. */
  readonly raw?: string | Buffer;
  /** Bytes that are read while the client takes them, in place of `body`; for GET only. `headers` name their type. */
  readonly stream?: ByteStream;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Exactly `length` bytes. `read` is called once, and not for HEAD. */
export type ByteStream = { readonly length: number; readonly read: () => AsyncIterable<Buffer> };

/** Names and values alternately, as `writeHead` takes them. */
export type HeaderList = readonly string[];

/** No reply may be executed, framed or sniffed by a browser. HSTS is set by the proxy that terminates TLS. */
const SECURITY: HeaderList = [
  'X-Content-Type-Options', 'nosniff',
  'X-Frame-Options', 'DENY',
  'Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy', 'no-referrer',
]; // prettier-ignore

/** The headers of every REST reply (contract §1.4); `allow` as in `GET, HEAD, OPTIONS`. */
export const apiHeaders = (allow: string): HeaderList => [
  'Allow', allow,
  'Vary', 'Accept, Accept-Language, Cookie, Host',
  'Content-Language', 'en',
  ...SECURITY,
]; // prettier-ignore

/** The headers of all other replies. */
export const PLAIN_HEADERS: HeaderList = SECURITY;

/**
 * Writes the reply in one go. For a HEAD request node sends the same headers and drops the body. If most of the request's
 * body has not arrived yet, it is not needed any more, and the connection ends.
 */
export function writeReply(res: ServerResponse, reply: Reply, base: HeaderList): void {
  if (res.headersSent || res.destroyed) return;
  const content = contentOf(reply);
  const headers = merged(base, reply.headers);
  const isEarly = isStillArriving(res.req);
  if (isEarly && !named(reply.headers, 'connection')) headers.push('Connection', 'close');
  if (content === undefined) {
    if (reply.status !== 204 && reply.status !== 304) headers.push('Content-Length', '0');
    send(res.writeHead(reply.status, headers), undefined, isEarly);
    return;
  }
  if (!named(reply.headers, 'content-type')) headers.push('Content-Type', 'application/json');
  const length = typeof content === 'string' ? Buffer.byteLength(content) : content.length;
  headers.push('Content-Length', String(length));
  send(res.writeHead(reply.status, headers), content, isEarly);
}

function send(res: ServerResponse, content: string | Buffer | undefined, isEarly: boolean): void {
  if (!isEarly) return void res.end(content);
  if (content === undefined) res.flushHeaders();
  else res.write(content);
  endWithoutBody(res.req, res);
}

/** The text or bytes of the reply's body; undefined when it has none, or a stream. */
export function contentOf(reply: Reply): string | Buffer | undefined {
  if (reply.raw !== undefined) return reply.raw;
  return reply.body === undefined ? undefined : JSON.stringify(reply.body);
}

/** The base headers with a reply's own in their place, or after them. */
export function merged(base: HeaderList, own: Reply['headers']): string[] {
  const headers = base.slice();
  if (!own) return headers;
  for (const [name, value] of Object.entries(own)) {
    const at = headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name.toLowerCase());
    if (at === -1) headers.push(name, value);
    else headers[at + 1] = value;
  }
  return headers;
}

function named(headers: Reply['headers'], name: string): boolean {
  return headers !== undefined && Object.keys(headers).some((key) => key.toLowerCase() === name);
}

/**
 * Real scanners distinguish an unknown route from an unknown object by the first byte: `<` here, `{` there (contract §1.1).
 */
export const ROUTE_NOT_FOUND: Reply = {
  status: 404,
  raw: '<!doctype html><title>Not found</title><h1>Not found</h1><p>There is nothing at this address.</p>\n',
  headers: { 'Content-Type': 'text/html; charset=utf-8' },
};
