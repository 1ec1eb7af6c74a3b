import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request } from 'express';
import type { Admission } from '@gatehouse/admission/admission';
import type { Found } from '@gatehouse/admission/lookup';
import { acceptsJson } from '@gatehouse/service/accept';
import { baseUrlOf } from '@gatehouse/service/api-request';
import { accepted, authorize, claimOf, type Claim, type Permission } from '@gatehouse/service/auth';
import { readBody } from '@gatehouse/service/body';
import { credentialAccepted } from '@gatehouse/service/connections';
import { ClientGone } from '@gatehouse/service/errors';
import { decodePercent } from '@gatehouse/service/fields';
import { failureReply, route, type HotRoute, type Route } from '@gatehouse/service/http';
import type { Log } from '@gatehouse/service/log';
import { CLIENT_GONE, requestObserver } from '@gatehouse/service/observe';
import { targetOf } from '@gatehouse/service/path';
import { Query } from '@gatehouse/service/query';
import { apiHeaders, writeReply } from '@gatehouse/service/reply';
import { hasSmallBody } from '@gatehouse/service/unread-body';
import { principalOf } from '@gatehouse/admission/rest-credentials';
import { EVENT_PATH, festivalOf } from './event-request';
import type { Redeemer } from './redeem';

/** `can_checkin_orders` alone allows this and nothing else (contract, decisions). */
const MAY_REDEEM: readonly Permission[] = ['can_change_orders', 'can_checkin_orders'];

const PATH = `${EVENT_PATH}checkinlists/:list/positions/:position+/redeem/`;

/** The redeem route for whatever is unusual about a request: a wrong method, no credential, an idempotency key, a large body. */
export function redeemRoute(admission: Admission, redeem: Redeemer): Route {
  return route(PATH, {
    access: { safe: 'can_view_orders', unsafe: MAY_REDEEM },
    POST: (request) =>
      redeem({
        festival: festivalOf(request, admission),
        list: request.param('list'),
        position: request.param('position'),
        query: request.query,
        body: () => request.body(),
        acceptLanguage: request.header('accept-language'),
        trace: request.trace,
        baseUrl: () => request.baseUrl,
        ...(request.idempotency ? { request: request.idempotency.namespace } : {}),
        principal: request.principal,
      }),
  });
}

const REDEEM = /^\/api\/v1\/organizers\/([^/]+)\/events\/([^/]+)\/checkinlists\/([^/]+)\/positions\/(.+?)\/redeem\/?$/;
const HEADERS = apiHeaders('POST, OPTIONS');

/**
 * The same for the hundred thousand usual ones: asked before all routes, and the credential comes with the one read. The body is
 * read beside it, so it must be small: it may be anybody's.
 */
export function hotRedeem(
  admission: Admission,
  redeem: Redeemer,
  at: { publicUrl: string | undefined; log: Log },
): HotRoute {
  const observe = requestObserver();

  async function answer(req: Request, res: ServerResponse, found: Matched): Promise<void> {
    const { festival, claim } = found;
    const { trace, end } = observe(req, PATH);
    try {
      const reply = await redeem({
        festival,
        list: decodePercent(found.list),
        position: decodePercent(found.position),
        query: new Query(found.query),
        body: () => readBody(req),
        acceptLanguage: req.headers['accept-language'],
        trace,
        baseUrl: () => baseUrlOf(req, at.publicUrl),
        principal: {
          credential: claim.secretSha256,
          accept(looked: Found) {
            const principal = accepted(principalOf(looked.credential, claim.kind));
            credentialAccepted(req);
            authorize(principal, MAY_REDEEM, { organizer: festival.fact.organizer, event: festival.fact.event });
            return principal;
          },
        },
      });
      writeReply(res, reply, HEADERS);
      end(reply.status);
    } catch (error) {
      if (error instanceof ClientGone) return end(CLIENT_GONE);
      const reply = failureReply(error, { req, log: at.log, route: PATH, trace });
      writeReply(res, reply, HEADERS);
      end(reply.status);
    }
  }

  return (req, res) => {
    if (req.method !== 'POST' || req.headers['x-idempotency-key'] !== undefined || !hasSmallBody(req)) return false;
    const { path, query } = targetOf(req.url);
    const match = REDEEM.exec(path);
    if (!match || !acceptsJson(req.headers.accept) || path.includes('%00')) return false;
    const [, organizer, event, list, position] = match as unknown as [string, string, string, string, string];
    const festival = admission.catalog.festival(decodePercent(organizer), decodePercent(event));
    const claim = festival && readClaim(req);
    if (!claim) return false;
    return answer(req, res, { festival, claim, list, position, query });
  };
}

type Matched = {
  festival: NonNullable<ReturnType<Admission['catalog']['festival']>>;
  claim: Claim;
  list: string;
  position: string;
  query: string;
};

/** What the header claims; undefined when it claims nothing readable, which the other route complains about. */
function readClaim(req: IncomingMessage): Claim | undefined {
  try {
    return claimOf(req.headers.authorization);
  } catch {
    return undefined;
  }
}
