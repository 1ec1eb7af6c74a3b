import type { ApiRequest } from './api-request';
import type { Reply } from './reply';

/**
 * The reply of `make`, with Last-Modified, or 304 without a body when the client has seen this state (`If-Modified-Since`, the
 * Last-Modified of an earlier reply). `stamp` is the second of the newest change; no two states may have the same. Null: there is
 * nothing yet that could have changed.
 */
export function unlessSeen(request: ApiRequest, stamp: number | null, make: () => Reply): Reply {
  if (stamp === null) return make();
  const headers = { 'Last-Modified': new Date(stamp * 1_000).toUTCString() };
  const seen = Date.parse(request.header('if-modified-since') ?? '');
  if (seen >= stamp * 1_000) return { status: 304, headers };
  const reply = make();
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

/** Whether the client that sent this If-None-Match has the version with this ETag: a weak comparison (RFC 9110, 13.1.2). */
export const isKnown = (header: string | undefined, etag: string): boolean =>
  (header ?? '').split(',').some((each) => each.trim() === '*' || opaque(each) === opaque(etag));

const opaque = (etag: string): string => etag.trim().replace(/^W\//, '');
