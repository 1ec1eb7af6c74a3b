import { openPool } from '@gatehouse/eventing/postgres';
import { acceptsJson } from '@gatehouse/service/accept';
import { claimOf } from '@gatehouse/service/auth';
import { readBody } from '@gatehouse/service/body';
import { createHttp, failureReply, route, type Route } from '@gatehouse/service/http';
import { createLog } from '@gatehouse/service/log';
import { apiHeaders, writeReply } from '@gatehouse/service/reply';
import { answerParent, optionsOf } from './child';
import { portOf } from './listening';
import { singleStatement, transactionPerRequest, type Answering } from './usual-ways';

/* Our own HTTP layer, with the hot path of redeem answered by what redeem is compared with. */

export type PeerOptions = {
  readonly store: 'none' | 'transaction' | 'statement';
  /** A redeem reply of the real service. */
  readonly reply: Record<string, unknown>;
  readonly databaseUrl: string;
};

const { store, reply, databaseUrl } = optionsOf<PeerOptions>();

const log = createLog('error');
const pool = openPool(databaseUrl, 'peers', 16);
const answer: Answering = {
  none: () => ({ status: 201, body: reply }),
  transaction: transactionPerRequest(pool, reply),
  statement: singleStatement(pool, reply),
}[store];

const HEADERS = apiHeaders('POST, OPTIONS');

const hot: Route['hot'] = (req, res, { params }) => {
  if (req.method !== 'POST' || !acceptsJson(req.headers.accept)) return false;
  const { secretSha256: tokenHash } = claimOf(req.headers.authorization);
  const { list, position } = params as { list: string; position: string };
  readBody(req)
    .then((body) => answer({ list: Number(list), secret: position, tokenHash, body }))
    .catch((error: unknown) => failureReply(error, { req, log }))
    .then((given) => writeReply(res, given, HEADERS))
    .catch(() => res.destroy());
  return true;
};

const PATH = 'organizers/:organizer/events/:event/checkinlists/:list/positions/:position+/redeem/';

const { server } = createHttp({
  config: { publicUrl: undefined, trustedProxies: [] },
  log,
  credentials: { find: () => 'unknown' },
  events: { exists: () => true },
  ready: () => ({ ready: true, reasons: [] }),
  routes: [route(PATH, { access: 'anyone', hot })],
});

answerParent(
  () => portOf(server),
  () => pool.end(),
);
