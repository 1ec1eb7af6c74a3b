import type { IncomingMessage } from 'node:http';

/** Names and values alternately, as node gives and takes them. */
export type RawHeaders = readonly string[];

/** Headers of one connection only (RFC 9110, 7.6.1). Framing is separate on either side, and node answers `Expect`. */
const HOP_BY_HOP = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Fields that `Connection` may not remove, because they are essential to the request. */
const ESSENTIAL = new Set(['authorization', 'content-type', 'host']);

/** The end-to-end headers, unchanged and in their order. */
export function endToEnd(headers: RawHeaders): string[] {
  const passed: string[] = [];
  const dropped = connectionOptions(headers);
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    if (!HOP_BY_HOP.has(name) && !dropped?.has(name)) passed.push(headers[i]!, headers[i + 1]!);
  }
  return passed;
}

/** The fields named by `Connection`; undefined for the usual ones. */
function connectionOptions(headers: RawHeaders): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() !== 'connection') continue;
    for (const option of headers[i + 1]!.split(',')) {
      const name = option.trim().toLowerCase();
      if (name !== 'keep-alive' && name !== 'close' && !ESSENTIAL.has(name)) (named ??= new Set()).add(name);
    }
  }
  return named;
}

/**
 * The headers for a service: the client's end-to-end headers, and the client's address. The client's own claims about that
 * (`X-Forwarded-…`, `Forwarded`) are forwarded only from a trusted proxy, since services trust the gateway.
 */
export function requestHeaders(req: IncomingMessage, isTrusted: boolean): string[] {
  const passed = endToEnd(req.rawHeaders);
  const headers: string[] = [];
  let isHostNamed = false;
  for (let i = 0; i < passed.length; i += 2) {
    const name = passed[i]!.toLowerCase();
    if (name === 'host') isHostNamed = true;
    if (name === 'forwarded' || name.startsWith('x-forwarded-')) continue;
    headers.push(passed[i]!, passed[i + 1]!);
  }
  // HTTP/1.0 has no Host header; the forwarded request is HTTP/1.1, which requires one.
  if (!isHostNamed) headers.push('Host', '');
  const believed = (name: string) => (isTrusted ? [req.headers[name] ?? []].flat().join(', ') : '');
  const before = believed('x-forwarded-for');
  const peer = req.socket.remoteAddress ?? 'unknown';
  headers.push('X-Forwarded-For', before === '' ? peer : `${before}, ${peer}`);
  headers.push('X-Forwarded-Proto', believed('x-forwarded-proto') || 'http');
  const host = believed('x-forwarded-host') || req.headers.host;
  if (host !== undefined) headers.push('X-Forwarded-Host', host);
  return headers;
}
