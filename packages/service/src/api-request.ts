import type { IncomingHttpHeaders } from 'node:http';
import type { Request } from 'express';
import type { Principal } from './auth';
import { readBody, readBytes, type Body } from './body';
import type { Keyed } from './idempotency';
import type { Aim } from './path';
import { Query } from './query';

/** The methods of routes; HEAD is handled as GET. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

type Parts = Aim & {
  readonly publicUrl: string | undefined;
  readonly principal: Principal | undefined;
  readonly trace: string | null;
};

/** A request to a REST route, after all checks that need no handler. Expensive values are computed on first use. */
export class ApiRequest {
  readonly query: Query;
  /** For a request with an X-Idempotency-Key. */
  idempotency: Keyed | undefined;
  readonly #req: Request;
  readonly #parts: Parts;
  #body: Promise<Body> | undefined;

  constructor(req: Request, parts: Parts) {
    this.#req = req;
    this.#parts = parts;
    this.query = new Query(parts.query);
  }

  /** A parameter of the route, decoded. */
  param(name: string): string {
    const value = this.#parts.params[name];
    if (value === undefined) throw new Error(`the route has no parameter ${name}`);
    return value;
  }

  /** The same parameter as it was sent, still encoded. */
  sent(name: string): string {
    return this.#parts.sent[name] ?? this.param(name);
  }

  /** The authenticated principal. Throws on routes that anyone may use. */
  get principal(): Principal {
    if (!this.#parts.principal) throw new Error('this route is open to anyone');
    return this.#parts.principal;
  }

  /** The parsed body. Throws 400, 413, 415. */
  body(): Promise<Body> {
    return (this.#body ??= readBody(this.#req));
  }

  /** The bytes of the body, whatever they are, for a route that takes files. Throws 413 beyond `maxBytes`. */
  bytes(maxBytes: number): Promise<Buffer> {
    return readBytes(this.#req, maxBytes);
  }

  /** `HEAD` for a request that is handled as GET and needs no body. */
  get method(): string {
    return this.#req.method;
  }

  get headers(): IncomingHttpHeaders {
    return this.#req.headers;
  }

  /** One header, by its name in lower case. */
  header(name: string): string | undefined {
    const value = this.#req.headers[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** Prefix of links: scheme and host as the client sees them, without a trailing slash. */
  get baseUrl(): string {
    return baseUrlOf(this.#req, this.#parts.publicUrl);
  }

  /** The absolute URL of this request without its query, for links to other pages. */
  get url(): string {
    return this.baseUrl + printable(this.#parts.path);
  }

  /** The `traceparent` that events of this request keep. */
  get trace(): string | null {
    return this.#parts.trace;
  }
}

const HOST = /^[a-z0-9._-]+(:\d{1,5})?$|^\[[0-9a-f:.]+\](:\d{1,5})?$/i;

/**
 * Scheme and host for absolute links: PUBLIC_URL, else those of the request, with `X-Forwarded-*` of trusted proxies only.
 */
export function baseUrlOf(req: Request, publicUrl: string | undefined): string {
  if (publicUrl !== undefined) return publicUrl;
  const host = req.host as string | undefined;
  const { localAddress = 'localhost', localPort } = req.socket;
  const local = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
  return `${req.protocol}://${host !== undefined && HOST.test(host) ? host : `${local}:${localPort}`}`;
}

/** The path with all characters escaped that a URL may not contain. `path` has one character per byte. */
const printable = (path: string): string =>
  path.replace(/[^!#-;=?-[\]_a-z~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
