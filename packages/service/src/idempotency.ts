import { createHash, randomInt } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { Client, type ClientConfig, type Pool } from 'pg';
import { available } from '@gatehouse/eventing/postgres';
import { uuidV5 } from '@gatehouse/eventing/uuid';
import { ApiError } from './errors';
import { described, type Log } from './log';
import { contentOf, type Reply } from './reply';

/*
 * A request with an X-Idempotency-Key runs once; repeats get the stored reply, whatever their content (contract §1.10). A
 * claim in the table marks a running request. A claim whose process died, or failed to store its reply, is taken over and
 * runs again under the same namespace, from which handlers derive their event ids: the second run finds the events of the
 * first.
 */

/** The SQL of this table, for `migrate`. */
export const IDEMPOTENCY_SQL = join(__dirname, '..', 'sql');

export const MAX_KEY_LENGTH = 190;

/** A key and its client's scope; keys of different clients never collide. */
export type IdempotencyKey = { readonly scope: string; readonly key: string };

/** The key of a request; undefined without the header. Throws 400 for one that is too long. */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): IdempotencyKey | undefined {
  const key = headers['x-idempotency-key'];
  if (typeof key !== 'string' || key === '') return undefined;
  return keyUnder(headers, key);
}

/** The same for a key that is not in the header. */
export function keyUnder(headers: IncomingHttpHeaders, key: string): IdempotencyKey {
  if (key.length > MAX_KEY_LENGTH) {
    throw new ApiError(400, { detail: `An idempotency key has no more than ${MAX_KEY_LENGTH} characters.` });
  }
  const session = /(?:^|;\s*)pretix_session=([^;]*)/.exec(headers.cookie ?? '')?.[1] ?? '';
  const scope = createHash('sha1')
    .update(`${headers.authorization ?? ''}:${session}`, 'latin1')
    .digest('hex');
  return { scope, key };
}

/** Passed to the handling of a request with a key. */
export type Keyed = {
  /** A UUID from which the ids of its events are derived, the same when it runs again. */
  readonly namespace: string;
  /** It may have run before: its claim was taken over. */
  readonly again: boolean;
};

export interface Idempotency {
  /** The stored reply, or the result of `run`, which is then stored. */
  once(key: IdempotencyKey, run: (keyed: Keyed) => Promise<Reply>): Promise<Reply>;
  /** The stored reply; 404 or 409 without one. */
  recall(key: IdempotencyKey): Promise<Reply>;
  close(): Promise<void>;
}

type Claim = IdempotencyKey & Keyed & { readonly owner: number };
type Row = {
  owner: number;
  born: string;
  status: number | null;
  headers: Record<string, string>;
  body: Buffer | null;
};

/** With a space, as in the reference. */
const RUNNING: Reply = {
  status: 409,
  raw: '{"detail": "Concurrent request with idempotency key."}',
  headers: { 'Retry-After': '5' },
};
const notSeen = (detail: string): Reply => ({ status: 404, raw: `{"detail": "${detail}"}` });
export const NO_KEY_GIVEN = notSeen('No idempotency key given.');
const NOT_SEEN = notSeen('Idempotency key not seen before.');

/** These replies ask for a retry, so the key is released; and a 401 says nothing about the request. */
const NOT_STORED = new Set([401, 409, 429, 500, 503]);
/** Of those: the request may have been executed, so the retry must find the events of this attempt. */
const UNKNOWN_OUTCOME = new Set([500, 503]);
/** The owner of a claim that was given up after such a reply: the next request takes it over with its namespace. */
const NOBODY = 0;

const NAMESPACE = '0f6c2a52-5d0c-5f0e-9b1a-3c1f5a9d7e21';
/** First half of the owners' advisory locks: "gate". */
const OWNER_LOCKS = 0x67617465;
const PURGE_EVERY_MS = 10 * 60_000;

/** Opens the stored replies in the pool's schema. Connects at the first key. */
export function openIdempotency(pool: Pool, log: Log): Idempotency {
  const owners = ownership(pool, log);
  /** Claims that run in this process; any other claim of this process was not settled because of an error. */
  const running = new Set<string>();
  /**
   * Claims of this process in progress: one at a time for each key, so that none looks orphaned before it is in `running`.
   */
  const claiming = new Map<string, Promise<unknown>>();
  const purge = setInterval(() => void purgeExpired(pool, log), PURGE_EVERY_MS).unref();

  async function claim(asked: IdempotencyKey): Promise<Claim | Reply> {
    const owner = await owners.number();
    const born = await insertClaim(pool, asked, owner);
    if (born !== undefined) return claimed(asked, { owner, born, again: false });
    const row = await find(pool, asked);
    if (!row) return RUNNING; // Just released; the client retries in five seconds.
    if (row.status !== null) return stored(row);
    const orphaned = row.owner === owner;
    const taken = await takeOver(pool, asked, { from: row.owner, to: owner, orphaned });
    return taken ? claimed(asked, { owner, born: row.born, again: true }) : RUNNING;
  }

  async function claimInTurn(id: string, asked: IdempotencyKey): Promise<Claim | Reply> {
    while (claiming.has(id)) await claiming.get(id);
    if (running.has(id)) return RUNNING;
    const claimed = available(claim(asked));
    claiming.set(
      id,
      claimed.catch(() => undefined),
    );
    try {
      const mine = await claimed;
      if (!('status' in mine)) running.add(id);
      return mine;
    } finally {
      claiming.delete(id);
    }
  }

  async function settle(mine: Claim, reply: Reply): Promise<void> {
    try {
      if (UNKNOWN_OUTCOME.has(reply.status)) await giveUp(pool, mine);
      else if (NOT_STORED.has(reply.status)) await release(pool, mine);
      else await store(pool, mine, reply);
    } catch (error) {
      // The reply is valid nevertheless. A repeat finds the claim orphaned and runs again.
      log.warn(described(error), 'a reply could not be kept for its idempotency key');
    }
  }

  return {
    async once(asked, run) {
      const id = `${asked.scope}:${asked.key}`;
      const mine = await claimInTurn(id, asked);
      if ('status' in mine) return mine;
      try {
        const reply = await run(mine);
        await settle(mine, reply);
        return reply;
      } finally {
        running.delete(id);
      }
    },
    async recall(asked) {
      const row = await available(find(pool, asked));
      if (!row || (row.status === null && row.owner === NOBODY)) return NOT_SEEN;
      return row.status === null ? RUNNING : stored(row);
    },
    async close() {
      clearInterval(purge);
      await owners.close();
    },
  };
}

const claimed = (
  { scope, key }: IdempotencyKey,
  { owner, born, again }: { owner: number; born: string; again: boolean },
): Claim => ({
  scope,
  key,
  owner,
  again,
  // Includes the time of the first request, because after 24 hours the same key is another request.
  namespace: uuidV5(NAMESPACE, `${scope}:${key}:${born}`),
});

const stored = ({ status, headers, body }: Row): Reply =>
  body === null ? { status: status!, headers } : { status: status!, headers, raw: body };

const BORN = '(extract(epoch from created) * 1000000)::bigint::text as born';

/** Claims a key that was not used in the last 24 hours; returns the time of the claim, or undefined when the key is taken. */
async function insertClaim(pool: Pool, { scope, key }: IdempotencyKey, owner: number): Promise<string | undefined> {
  const { rows } = await pool.query<{ born: string }>(
    `insert into idempotency as known (scope, key, owner) values ($1, $2, $3)
     on conflict (scope, key) do update
       set owner = excluded.owner, created = excluded.created, status = null, headers = null, body = null
       where known.created < now() - interval '24 hours'
     returning ${BORN}`,
    [scope, key, owner],
  );
  return rows[0]?.born;
}

async function find(pool: Pool, { scope, key }: IdempotencyKey): Promise<Row | undefined> {
  const { rows } = await pool.query<Row>(
    `select owner, status, headers, body, ${BORN} from idempotency
     where scope = $1 and key = $2 and created >= now() - interval '24 hours'`,
    [scope, key],
  );
  return rows[0];
}

type Takeover = { readonly from: number; readonly to: number; readonly orphaned: boolean };

/** Takes over a running claim whose owner is dead: its lock is free, or it is this process, which does not run the claim. */
async function takeOver(
  pool: Pool,
  { scope, key }: IdempotencyKey,
  { from, to, orphaned }: Takeover,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update idempotency set owner = $4
     where scope = $1 and key = $2 and owner = $3 and status is null
       and ($5 or pg_try_advisory_xact_lock($6, $3))`,
    [scope, key, from, to, orphaned, OWNER_LOCKS],
  );
  return rowCount === 1;
}

async function store(pool: Pool, { scope, key, owner }: Claim, reply: Reply): Promise<void> {
  const content = contentOf(reply);
  const body = typeof content === 'string' ? Buffer.from(content) : (content ?? null);
  await pool.query(
    `update idempotency set status = $4, headers = $5, body = $6
     where scope = $1 and key = $2 and owner = $3 and status is null`,
    [scope, key, owner, reply.status, JSON.stringify(reply.headers ?? {}), body],
  );
}

async function release(pool: Pool, { scope, key, owner }: Claim): Promise<void> {
  await pool.query('delete from idempotency where scope = $1 and key = $2 and owner = $3 and status is null', [
    scope,
    key,
    owner,
  ]);
}

async function giveUp(pool: Pool, { scope, key, owner }: Claim): Promise<void> {
  await pool.query(
    'update idempotency set owner = $4 where scope = $1 and key = $2 and owner = $3 and status is null',
    [scope, key, owner, NOBODY],
  );
}

async function purgeExpired(pool: Pool, log: Log): Promise<void> {
  try {
    await pool.query("delete from idempotency where created < now() - interval '24 hours'");
  } catch (error) {
    log.warn(described(error), 'expired idempotency keys could not be purged');
  }
}

type Ownership = { number(): Promise<number>; close(): Promise<void> };

/**
 * The owner number of this process. It is locked as long as one connection is open, so the lock ends with the process,
 * however it dies. After a broken connection the next claim gets a new number.
 */
function ownership(pool: Pool, log: Log): Ownership {
  let current: { readonly client: Client; readonly number: Promise<number> } | undefined;

  function open(): Promise<number> {
    const client = new Client({ ...(pool.options as ClientConfig), keepAlive: true });
    const mine = { client, number: lockedNumber(client) };
    const lost = () => {
      if (current === mine) current = undefined;
    };
    client.on('error', (error) => {
      log.warn(described(error), 'the connection that owns idempotency claims was lost');
      lost();
    });
    client.on('end', lost);
    mine.number.catch(() => {
      lost();
      client.end().catch(() => undefined);
    });
    current = mine;
    return mine.number;
  }

  return {
    number: () => current?.number ?? open(),
    async close() {
      const client = current?.client;
      current = undefined;
      await client?.end().catch(() => undefined);
    },
  };
}

/** Connects and locks an unused number. Random, so that it is unique across all schemas of the database. */
async function lockedNumber(client: Client): Promise<number> {
  await client.connect();
  // A lost machine is detected within a minute instead of the usual two hours.
  await client.query('set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3');
  for (;;) {
    const number = randomInt(1, 2 ** 31);
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1, $2) as locked', [
      OWNER_LOCKS,
      number,
    ]);
    if (rows[0]?.locked) return number;
  }
}
