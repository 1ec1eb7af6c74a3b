import { openPool } from '@gatehouse/eventing/postgres';
import { acceptsJson } from '@gatehouse/service/accept';
import { claimOf } from '@gatehouse/service/auth';
import { readBody } from '@gatehouse/service/body';
import { decodePercent } from '@gatehouse/service/fields';
import { createHttp, failureReply, type HotRoute } from '@gatehouse/service/http';
import { createLog } from '@gatehouse/service/log';
import { targetOf } from '@gatehouse/service/path';
import { apiHeaders, writeReply } from '@gatehouse/service/reply';
import { answerParent, optionsOf } from './child';
import { portOf } from './listening';
import { singleStatement, transactionPerRequest, type Answering } from './usual-ways';

/* Our own HTTP layer, its hot route in the place of redeem's, before what redeem is compared with. */

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

const REDEEM = /^\/api\/v1\/organizers\/([^/]+)\/events\/([^/]+)\/checkinlists\/([^/]+)\/positions\/(.+?)\/redeem\/?$/;
const HEADERS = apiHeaders('POST, OPTIONS');

const hot: HotRoute = (req, res) => {
  if (req.method !== 'POST') return false;
  const match = REDEEM.exec(targetOf(req.url).path);
  if (!match || !acceptsJson(req.headers.accept)) return false;
  const { secretSha256: tokenHash } = claimOf(req.headers.authorization);
  const [, , , list, secret] = match as unknown as [string, string, string, string, string];
  readBody(req)
    .then((body) => answer({ list: Number(list), secret: decodePercent(secret), tokenHash, body }))
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
  routes: [],
  hot: [hot],
});

answerParent(
  () => portOf(server),
  () => pool.end(),
);
