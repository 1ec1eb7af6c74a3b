import { openKeyedPool, openPool } from '@gatehouse/eventing/postgres';
import { acceptsJson } from '@gatehouse/service/accept';
import { claimOf } from '@gatehouse/service/auth';
import { readBody, type Body } from '@gatehouse/service/body';
import { createHttp, failureReply, route, type Route } from '@gatehouse/service/http';
import { createLog } from '@gatehouse/service/log';
import { apiHeaders, writeReply, type Reply } from '@gatehouse/service/reply';
import { answerParent, optionsOf } from './child';
import { portOf } from './listening';
import { lockedEvent, lockedRow } from './usual-reservations';
import { leastDurable, singleStatement, transactionPerRequest } from './usual-ways';

/* Our own HTTP layer, with the hot path of one route answered by what our service is compared with. */

const EVENT = 'organizers/:organizer/events/:event';
const PATHS = {
  scan: `${EVENT}/checkinlists/:list/positions/:position+/redeem/`,
  reservation: `${EVENT}/cartpositions/`,
} as const;

export type PeerOptions = {
  readonly of: keyof typeof PATHS;
  readonly store: 'none' | 'least' | 'transaction' | 'statement' | 'row lock' | 'event lock';
  /** A reply of the real service. */
  readonly reply: Record<string, unknown>;
  readonly databaseUrl: string;
};

type Ask = { readonly params: Readonly<Record<string, string>>; readonly tokenHash: string; readonly body: Body };

const { of, store, reply, databaseUrl } = optionsOf<PeerOptions>();

const WAYS = { least: leastDurable, transaction: transactionPerRequest, statement: singleStatement };

const log = createLog('error');
// One look-up and one insert are under way at a time; more connections would take from its statements' plans.
const pool = store === 'least' ? openKeyedPool(databaseUrl, 'peers', 2) : openPool(databaseUrl, 'peers', 16);
const answer = answering();

function answering(): (ask: Ask) => Reply | Promise<Reply> {
  switch (store) {
    case 'none':
      return () => ({ status: 201, body: reply });
    case 'least':
    case 'transaction':
    case 'statement': {
      const redeem = WAYS[store](pool, reply);
      return ({ params, ...rest }) => redeem({ list: Number(params['list']), secret: params['position']!, ...rest });
    }
    case 'row lock':
    case 'event lock': {
      const reserve = (store === 'row lock' ? lockedRow : lockedEvent)(pool, reply);
      return ({ params, ...rest }) => reserve({ event: `${params['organizer']}/${params['event']}`, ...rest });
    }
  }
}

const HEADERS = apiHeaders('POST, OPTIONS');

const hot: Route['hot'] = (req, res, { params }) => {
  if (req.method !== 'POST' || !acceptsJson(req.headers.accept)) return false;
  const { secretSha256: tokenHash } = claimOf(req.headers.authorization);
  readBody(req)
    .then((body) => answer({ params: params, tokenHash, body }))
    .catch((error: unknown) => failureReply(error, { req, log }))
    .then((given) => writeReply(res, given, HEADERS))
    .catch(() => res.destroy());
  return true;
};

const { server } = createHttp({
  config: { publicUrl: undefined, trustedProxies: [] },
  log,
  credentials: { find: () => 'unknown' },
  events: { exists: () => true },
  ready: () => ({ ready: true, reasons: [] }),
  routes: [route(PATHS[of], { access: 'anyone', hot })],
});

answerParent(
  () => portOf(server),
  () => pool.end(),
);
