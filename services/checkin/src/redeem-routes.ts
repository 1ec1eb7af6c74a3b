import type { Request } from 'express';
import type { Admission } from '@gatehouse/admission/admission';
import type { Festival } from '@gatehouse/shop/festival';
import type { Found } from '@gatehouse/admission/tickets/lookup';
import type { Permission } from '@gatehouse/events/reference';
import { authorize, type Claim } from '@gatehouse/service/auth';
import { route, type Route } from '@gatehouse/service/http';
import type { Log } from '@gatehouse/service/log';
import type { Aim } from '@gatehouse/service/path';
import type { Reply } from '@gatehouse/service/reply';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import { hotAnswer, principalIn, usualClaim } from './hot-scan';
import { ticketNamed } from './ticket-request';
import type { Redeemer } from './redeem';
import { hotRequest, otherRequest } from './scan-request';

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
  const answer = hotAnswer(PATH, at.log);

  async function scan(req: Request, { festival, claim, aim }: Hot, trace: string | null): Promise<Reply> {
    const asked = hotRequest(req, { aim, trace, publicUrl: at.publicUrl });
    const callerOf = principalIn(req, claim, NAME);
    return redeem({
      ...asked,
      festival,
      list: aim.params['list']!,
      position: ticketNamed(aim.params['position']!, aim.sent['position']!, asked.query),
      principal: {
        credential: claim.secretSha256,
        accept({ credential }: Found) {
          const principal = callerOf(credential);
          authorize(principal, MAY_REDEEM, { organizer: festival.fact.organizer, event: festival.fact.event });
          return principal;
        },
      },
    });
  }

  return route(PATH, {
    name: NAME,
    access: { safe: 'can_view_orders', unsafe: MAY_REDEEM },
    hot(req, res, aim) {
      const festival = admission.catalog.festival(aim.params['organizer']!, aim.params['event']!);
      const claim = festival && usualClaim(req);
      if (!claim) return false;
      return answer(req, res, (trace) => scan(req, { festival, claim, aim }, trace));
    },
    POST: (request) =>
      redeem({
        ...otherRequest(request),
        festival: festivalOf(request, admission),
        list: request.param('list'),
        position: ticketNamed(request.param('position'), request.sent('position'), request.query),
        principal: request.principal,
      }),
  });
}

type Hot = { readonly festival: Festival; readonly claim: Claim; readonly aim: Aim };
