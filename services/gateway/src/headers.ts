import type { IncomingMessage } from 'node:http';

/** Name and value in turn, as node gives and takes them. */
export type RawHeaders = readonly string[];

/** What is between two neighbours only (RFC 9110, 7.6.1). Framing is ours on either side, and so is the answer to `Expect`. */
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

/** Fields that `Connection` may not take away: without them it would be another request. */
const ESSENTIAL = new Set(['authorization', 'content-type', 'host']);

/** The headers that are meant for the other end, in their order and as they were written. */
export function endToEnd(headers: RawHeaders): string[] {
  const passed: string[] = [];
  const dropped = connectionOptions(headers);
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    if (!HOP_BY_HOP.has(name) && !dropped?.has(name)) passed.push(headers[i]!, headers[i + 1]!);
  }
  return passed;
}

/** The fields that `Connection` names; undefined for the usual ones. */
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
 * The headers that a service gets: what the client sent for the other end, and who the client is. What a client itself says of
 * that (`X-Forwarded-…`, `Forwarded`) is passed on only when it is a trusted proxy: services believe the gateway.
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
  // HTTP/1.0 knows no Host; upstream it is HTTP/1.1.
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
