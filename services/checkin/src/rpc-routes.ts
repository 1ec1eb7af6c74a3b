import type { Request } from 'express';
import type { Admission } from '@gatehouse/admission/admission';
import type { TicketFinder } from '@gatehouse/admission/tickets/find';
import { baseUrlOf } from '@gatehouse/service/api-request';
import { accepted, requireListed, type Claim } from '@gatehouse/service/auth';
import { readBody } from '@gatehouse/service/body';
import { credentialAccepted } from '@gatehouse/service/connections';
import { route, type Route } from '@gatehouse/service/http';
import type { Log } from '@gatehouse/service/log';
import type { Aim } from '@gatehouse/service/path';
import { Query } from '@gatehouse/service/query';
import type { Reply } from '@gatehouse/service/reply';
import { principalOf } from '@gatehouse/shop/principals';
import { hotAnswer, usualClaim } from './hot-scan';
import { annul } from './rpc-annul';
import { rpcRedeemer } from './rpc-redeem';
import { search } from './rpc-search';

const RPC_PATH = 'organizers/:organizer/checkinrpc/';
const REDEEM_PATH = `${RPC_PATH}redeem/`;
const REDEEM_NAME = 'checkinrpc.redeem';

/**
 * The routes for several lists of different events at once, by which apps scan that are told a version from 4.12 on (contract
 * §10). Who may do what follows from the lists, which only somebody with permission for their events can name.
 */
export function rpcRoutes(
  admission: Admission,
  finder: TicketFinder,
  at: { publicUrl: string | undefined; log: Log },
): Route[] {
  const redeem = rpcRedeemer(admission, finder);
  const answer = hotAnswer(REDEEM_PATH, at.log);
  const access = { safe: 'any', unsafe: 'any' } as const;

  /** As of a scan by one list, the credential is checked in the scan's own read (redeem-routes.ts). */
  async function scan(req: Request, { claim, aim }: Hot, trace: string | null): Promise<Reply> {
    const principalIn = (found: Parameters<typeof principalOf>[0]) => {
      const principal = accepted(principalOf(found, claim.kind));
      credentialAccepted(req);
      requireListed(principal, 'POST', REDEEM_NAME);
      return principal;
    };
    return redeem({
      organizer: aim.params['organizer']!,
      query: new Query(aim.query),
      body: () => readBody(req),
      acceptLanguage: req.headers['accept-language'],
      trace,
      baseUrl: () => baseUrlOf(req, at.publicUrl),
      principal: {
        credential: claim.secretSha256,
        accept: principalIn,
        find: async () => principalIn(await admission.credential(claim.kind, claim.secretSha256)),
      },
    });
  }

  return [
    route(REDEEM_PATH, {
      name: REDEEM_NAME,
      access,
      hot(req, res, aim) {
        const claim = usualClaim(req);
        return claim ? answer(req, res, (trace) => scan(req, { claim, aim }, trace)) : false;
      },
      POST: (request) =>
        redeem({
          organizer: request.param('organizer'),
          query: request.query,
          body: () => request.body(),
          acceptLanguage: request.header('accept-language'),
          trace: request.trace,
          baseUrl: () => request.baseUrl,
          ...(request.idempotency ? { request: request.idempotency.namespace } : {}),
          principal: request.principal,
        }),
    }),
    route(`${RPC_PATH}search/`, {
      name: 'checkinrpc.search',
      access,
      GET: (request) => search(request, admission, finder),
    }),
    route(`${RPC_PATH}annul/`, { name: 'checkinrpc.annul', access, POST: (request) => annul(request, admission) }),
  ];
}

type Hot = { readonly claim: Claim; readonly aim: Aim };
