import type { Request } from 'express';
import { baseUrlOf, type ApiRequest } from '@gatehouse/service/api-request';
import { readBody, type Body } from '@gatehouse/service/body';
import type { Aim } from '@gatehouse/service/path';
import { Query } from '@gatehouse/service/query';

/** What a scan needs of its request, by one list or by several, on the hot path or on the other one. */
export type ScanRequest = {
  readonly query: Query;
  body(): Promise<Body>;
  readonly acceptLanguage: string | undefined;
  readonly trace: string | null;
  baseUrl(): string;
  /** UUID of a request with an idempotency key. */
  readonly request?: string;
};

/** Of a request on the hot path, which has no idempotency key. */
export const hotRequest = (
  req: Request,
  { aim, trace, publicUrl }: { aim: Aim; trace: string | null; publicUrl: string | undefined },
): ScanRequest => ({
  query: new Query(aim.query),
  body: () => readBody(req),
  acceptLanguage: req.headers['accept-language'],
  trace,
  baseUrl: () => baseUrlOf(req, publicUrl),
});

/** Of any other request. */
export const otherRequest = (request: ApiRequest): ScanRequest => ({
  query: request.query,
  body: () => request.body(),
  acceptLanguage: request.header('accept-language'),
  trace: request.trace,
  baseUrl: () => request.baseUrl,
  ...(request.idempotency ? { request: request.idempotency.namespace } : {}),
});
