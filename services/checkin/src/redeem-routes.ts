import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request } from 'express';
import type { Admission } from '@gatehouse/admission/admission';
import type { Festival } from '@gatehouse/shop/festival';
import type { Found } from '@gatehouse/admission/tickets/lookup';
import { acceptsJson } from '@gatehouse/service/accept';
import { baseUrlOf } from '@gatehouse/service/api-request';
import type { Permission } from '@gatehouse/events/reference';
import { accepted, authorize, claimOf, requireListed, type Claim } from '@gatehouse/service/auth';
import { readBody } from '@gatehouse/service/body';
import { credentialAccepted } from '@gatehouse/service/connections';
import { ClientGone } from '@gatehouse/service/errors';
import { failureReply, route, type Route } from '@gatehouse/service/http';
import type { Log } from '@gatehouse/service/log';
import { CLIENT_GONE, requestObserver } from '@gatehouse/service/observe';
import type { Aim } from '@gatehouse/service/path';
import { Query } from '@gatehouse/service/query';
import { apiHeaders, writeReply } from '@gatehouse/service/reply';
import { hasSmallBody } from '@gatehouse/service/unread-body';
import { principalOf } from '@gatehouse/shop/principals';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import { ticketNamed } from './ticket-request';
import type { Redeemer } from './redeem';

/** `can_checkin_orders` permits this route only (contract, decisions). */
export const MAY_REDEEM: readonly Permission[] = ['can_change_orders', 'can_checkin_orders'];

const PATH = `${EVENT_PATH}checkinlists/:list/positions/:position+/redeem/`;
const NAME = 'checkinlistpos-redeem';

/**
 * The redeem route. Usual requests take the hot path, on which the credential is checked in the scan's own read. The body
 * is read in parallel, before authentication, so it must be small. Everything unusual takes the other path: a wrong method,
 * no credential, an idempotency key, a large body.
 */
export function redeemRoute(
  admission: Admission,
  redeem: Redeemer,
  at: { publicUrl: string | undefined; log: Log },
): Route {
  const observe = requestObserver();

  async function answer(req: Request, res: ServerResponse, { festival, claim, aim }: Hot): Promise<void> {
    const { trace, end } = observe(req, PATH);
    try {
      const query = new Query(aim.query);
      const reply = await redeem({
        festival,
        list: aim.params['list']!,
        position: ticketNamed(aim.params['position']!, aim.sent['position']!, query),
        query,
        body: () => readBody(req),
        acceptLanguage: req.headers['accept-language'],
        trace,
        baseUrl: () => baseUrlOf(req, at.publicUrl),
        principal: {
          credential: claim.secretSha256,
          accept(looked: Found) {
            const principal = accepted(principalOf(looked.credential, claim.kind));
            credentialAccepted(req);
            requireListed(principal, 'POST', NAME);
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

  return route(PATH, {
    name: NAME,
    access: { safe: 'can_view_orders', unsafe: MAY_REDEEM },
    hot(req, res, aim) {
      if (req.method !== 'POST' || req.headers['x-idempotency-key'] !== undefined) return false;
      if (!acceptsJson(req.headers.accept) || !hasSmallBody(req)) return false;
      const festival = admission.catalog.festival(aim.params['organizer']!, aim.params['event']!);
      const claim = festival && readClaim(req);
      if (!claim) return false;
      return answer(req, res, { festival, claim, aim });
    },
    POST: (request) =>
      redeem({
        festival: festivalOf(request, admission),
        list: request.param('list'),
        position: ticketNamed(request.param('position'), request.sent('position'), request.query),
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

const HEADERS = apiHeaders('POST, OPTIONS');

type Hot = { readonly festival: Festival; readonly claim: Claim; readonly aim: Aim };

/** The credential in the header; undefined when there is no valid one, which the other path answers. */
export function readClaim(req: IncomingMessage): Claim | undefined {
  try {
    return claimOf(req.headers.authorization);
  } catch {
    return undefined;
  }
}
