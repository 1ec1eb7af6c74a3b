import type { Request } from 'express';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { acceptsJson } from '@gatehouse/service/accept';
import { accepted, claimOf, requireListed, type Claim, type Principal } from '@gatehouse/service/auth';
import { credentialAccepted } from '@gatehouse/service/connections';
import { ClientGone } from '@gatehouse/service/errors';
import { failureReply } from '@gatehouse/service/http';
import type { Log } from '@gatehouse/service/log';
import { CLIENT_GONE, requestObserver } from '@gatehouse/service/observe';
import { apiHeaders, writeReply, type Reply } from '@gatehouse/service/reply';
import { hasSmallBody } from '@gatehouse/service/unread-body';
import type { Credential } from '@gatehouse/shop/credentials';
import { principalOf } from '@gatehouse/shop/principals';

/* What the routes of scans, by one list and by several, have in common on their hot path. */

const HEADERS = apiHeaders('POST, OPTIONS');

/** Answers a request of the route `path`; `reply` gets the request's trace and may throw what the other path answers, too. */
export type HotAnswer = (
  req: Request,
  res: ServerResponse,
  reply: (trace: string | null) => Promise<Reply>,
) => Promise<void>;

/** Makes a route's `HotAnswer`: it observes the request, and answers also what fails. */
export function hotAnswer(path: string, log: Log): HotAnswer {
  const observe = requestObserver();
  return async (req, res, reply) => {
    const { trace, end } = observe(req, path);
    try {
      const given = await reply(trace);
      writeReply(res, given, HEADERS);
      end(given.status);
    } catch (error) {
      if (error instanceof ClientGone) return end(CLIENT_GONE);
      const refused = failureReply(error, { req, log, route: path, trace });
      writeReply(res, refused, HEADERS);
      end(refused.status);
    }
  };
}

/**
 * The credential of a usual scan. Undefined for everything unusual, which the other path answers: a wrong method, no valid
 * credential, an idempotency key, a large body.
 */
export function usualClaim(req: IncomingMessage): Claim | undefined {
  if (req.method !== 'POST' || req.headers['x-idempotency-key'] !== undefined) return undefined;
  if (!acceptsJson(req.headers.accept) || !hasSmallBody(req)) return undefined;
  try {
    return claimOf(req.headers.authorization);
  } catch {
    return undefined;
  }
}

/**
 * The principal of a credential that the scan's own read has found, if it may call the route `name`. Throws 401 and 403. What it may do
 * there is for the caller to check.
 */
export const principalIn =
  (req: Request, claim: Claim, name: string) =>
  (found: Credential | null | undefined): Principal => {
    const principal = accepted(principalOf(found, claim.kind));
    credentialAccepted(req);
    requireListed(principal, 'POST', name);
    return principal;
  };
