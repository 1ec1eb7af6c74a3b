import { StoreOverloaded, StoreUnavailable } from '@gatehouse/eventing/event-store';
import { isConnectionError } from '@gatehouse/eventing/postgres';
import type { Reply } from './reply';

/** Errors as Django REST framework shows them: messages by field, in lists where the input was a list (contract §1.7). */
export type ErrorTree = readonly string[] | readonly ErrorTree[] | { readonly [field: string]: ErrorTree };

/** A refusal with its complete reply. May be thrown anywhere in a route; the transport layer writes the reply. */
export class ApiError extends Error {
  override name = 'ApiError';
  constructor(
    readonly status: number,
    readonly body: unknown,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(`${status}`);
  }
}

/** Invalid input: 400 with the tree as the body. */
export class ValidationError extends Error {
  override name = 'ValidationError';
  constructor(readonly tree: ErrorTree) {
    super('invalid input');
  }
}

/** The client disconnected before its request was complete; there is no reply. */
export class ClientGone extends Error {
  override name = 'ClientGone';
}

const detail = (status: number, text: string, headers?: Record<string, string>) =>
  new ApiError(status, { detail: text }, headers);

/** 400 for a body with broken syntax. The parser's own message is not sent, since it quotes the body. */
export const parseError = (text = 'JSON parse error - Expected object or value') => detail(400, text);
/** 401; `text` is one of contract §1.2, whose table real scanners compare word for word. */
export const notAuthenticated = (text = 'Authentication credentials were not provided.') =>
  detail(401, text, { 'WWW-Authenticate': 'Token' });
export const permissionDenied = (text = 'You do not have permission to perform this action.') => detail(403, text);
export const notFound = () => detail(404, 'Not found.');
export const invalidPage = () => detail(404, 'Invalid page.');
/** 405; `allow` as in `GET, HEAD, OPTIONS`. */
export const methodNotAllowed = (method: string, allow: string) =>
  detail(405, `Method "${method}" not allowed.`, { Allow: allow });
export const notAcceptable = () => detail(406, 'Could not satisfy the request Accept header.');
/** 409 for a request that may be repeated after `retryAfterSeconds`. */
export const conflict = (text: string, retryAfterSeconds: number) =>
  detail(409, text, { 'Retry-After': String(retryAfterSeconds) });
export const tooLarge = () => detail(413, 'The request body is too large.');
/** 415; the type as the client wrote it. */
export const unsupportedMediaType = (type: string) => detail(415, `Unsupported media type "${type}" in request.`);
/** 416 for a range of a file of `size` bytes that begins beyond its end. */
export const notSatisfiable = (size: number) =>
  detail(416, 'The requested range is beyond the end of the file.', { 'Content-Range': `bytes */${size}` });
/** 503: the request was not decided, or its outcome is unknown; the client may repeat it. */
export const unavailable = (retryAfterSeconds: number) =>
  detail(503, 'The service is temporarily unavailable. Please try again.', {
    'Retry-After': String(retryAfterSeconds),
  });
/** 500 with the trace id under which the error is logged. */
export const internalError = (traceId: string): Reply => ({
  status: 500,
  body: { detail: 'Internal server error.', trace_id: traceId },
});

/** A message for one field: `{"search":["Null characters are not allowed."]}`. */
export const fieldError = (field: string, message: string) => new ValidationError({ [field]: [message] });

/** The reply for an exception; undefined when it is a bug. */
export function replyOf(error: unknown): Reply | undefined {
  if (error instanceof ApiError) return { status: error.status, body: error.body, headers: error.headers };
  if (error instanceof ValidationError) return { status: 400, body: error.tree };
  if (isOutage(error)) return replyOf(unavailable(1));
  return undefined;
}

/** SQLSTATEs of statements that may be repeated: cancelled, serialisation failure, deadlock, lock not available. */
const GIVEN_UP = new Set(['57014', '40001', '40P01', '55P03']);

/** True when the store is unavailable or overloaded, so the request may be repeated. */
export function isOutage(error: unknown): boolean {
  if (error instanceof StoreUnavailable || error instanceof StoreOverloaded) return true;
  if (!(error instanceof Error)) return false;
  return isConnectionError(error) || GIVEN_UP.has(String((error as { code?: unknown }).code));
}
