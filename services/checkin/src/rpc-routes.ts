import type { Request } from 'express';
import type { Admission } from '@gatehouse/admission/admission';
import type { TicketFinder } from '@gatehouse/admission/tickets/find';
import type { Claim } from '@gatehouse/service/auth';
import { route, type Route } from '@gatehouse/service/http';
import type { Log } from '@gatehouse/service/log';
import type { Aim } from '@gatehouse/service/path';
import type { Reply } from '@gatehouse/service/reply';
import { hotAnswer, principalIn, usualClaim } from './hot-scan';
import { annul } from './rpc-annul';
import { rpcRedeemer } from './rpc-redeem';
import { search } from './rpc-search';
import { hotRequest, otherRequest } from './scan-request';

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
    const accept = principalIn(req, claim, REDEEM_NAME);
    return redeem({
      ...hotRequest(req, { aim, trace, publicUrl: at.publicUrl }),
      organizer: aim.params['organizer']!,
      principal: {
        credential: claim.secretSha256,
        accept,
        find: async () => accept(await admission.credential(claim.kind, claim.secretSha256)),
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
          ...otherRequest(request),
          organizer: request.param('organizer'),
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
