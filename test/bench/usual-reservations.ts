import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { inTransaction, lockKey } from '@gatehouse/eventing/postgres';
import type { Body } from '@gatehouse/service/body';
import type { Reply } from '@gatehouse/service/reply';
import type { Pool, PoolClient } from 'pg';

/*
 * The usual ways to never reserve more places than there are: a lock per request, on the quota's row or on the whole event. Both peers do
 * only what is necessary, in as few statements as possible, all of them prepared. The number of reservations is a column of the quota,
 * where a shop would count carts that have not expired; there are no seats, vouchers, orders or waiting list, and no history. All of
 * this is in the peers' favour.
 */

/** The tables of both peers. */
export const RESERVATION_TABLES = `
  create schema peers;
  create table peers.credentials as select hash, kind, fact from inventory.credentials where hash is not null;
  create unique index on peers.credentials (hash);
  create table peers.quotas (
    id integer primary key, event text not null, item integer not null unique, name text not null,
    size integer not null, reserved integer not null default 0
  );
  create table peers.cart_positions (
    id bigint generated always as identity primary key, event text not null, cart_id text not null, item integer not null,
    quota integer not null, price text not null, datetime timestamptz not null default now(),
    expires timestamptz not null default now() + interval '30 minutes'
  );
  create index on peers.cart_positions (quota, expires);
`;

/** `tokenHash` as the store has it. */
export type Wish = { readonly event: string; readonly tokenHash: string; readonly body: Body };
type Answering = (wish: Wish) => Promise<Reply>;

type Quota = { id: number; name: string; size: number; reserved: number; token: { active: boolean } };

/** `SELECT … FOR UPDATE` on the quota's row. */
export const lockedRow =
  (pool: Pool, sample: Record<string, unknown>): Answering =>
  (wish) =>
    inTransaction(pool, async (tx) => reserve(tx, { wish, sample, quota: await quotaOf(tx, wish, 'for update of q') }));

/** Pauses after failed attempts to get the event's lock (contract §2.10), in milliseconds. */
const PAUSES_MS = [10, 20, 40, 80, 160];

const BUSY: Reply = {
  status: 409,
  body: { detail: 'The server was too busy to process your request. Please try again.' },
  headers: { 'Retry-After': '5' },
};

/** One advisory lock per event, as in pretix (contract §2.10): five attempts, then 409. No connection is held during a pause. */
export const lockedEvent =
  (pool: Pool, sample: Record<string, unknown>): Answering =>
  async (wish) => {
    const lock = lockKey('cart', wish.event);
    for (const pauseMs of PAUSES_MS) {
      const reply = await inTransaction(pool, async (tx) => {
        const { rows } = await tx.query<{ mine: boolean }>({
          name: 'try_lock',
          text: 'select pg_try_advisory_xact_lock($1) as mine',
          values: [lock],
        });
        return rows[0]!.mine ? reserve(tx, { wish, sample, quota: await quotaOf(tx, wish, '') }) : undefined;
      });
      if (reply) return reply;
      await sleep(pauseMs);
    }
    return BUSY;
  };

/** The quota of the wanted product, with the caller's token. */
async function quotaOf(tx: PoolClient, { event, body, tokenHash }: Wish, lock: string): Promise<Quota | undefined> {
  const { rows } = await tx.query<Quota>({
    name: 'quota',
    text: `select q.id, q.name, q.size, q.reserved, c.fact as token
           from quotas q join credentials c on c.hash = $3 where q.item = $1 and q.event = $2 ${lock}`,
    values: [(body as { item: number }).item, event, tokenHash],
  });
  return rows[0];
}

type Asked = {
  readonly wish: Wish;
  readonly sample: Record<string, unknown>;
  readonly quota: Quota | undefined;
};

async function reserve(tx: PoolClient, { wish, sample, quota }: Asked): Promise<Reply> {
  if (!quota?.token.active) return { status: 401, body: { detail: 'Invalid token.' } };
  if (quota.reserved >= quota.size) {
    const text = `There is not enough quota available on quota "${quota.name}" to perform the operation.`;
    return { status: 400, body: [text] };
  }
  const { item, price } = wish.body as { item: number; price: string };
  const cart_id = `${randomBytes(36).toString('base64url')}@api`;
  const { rows } = await tx.query<{ id: string; datetime: string; expires: string }>({
    name: 'reserve',
    text: `with taken as (update quotas set reserved = reserved + 1 where id = $1)
           insert into cart_positions (event, cart_id, item, quota, price) values ($2, $3, $4, $1, $5)
           returning id, datetime, expires`,
    values: [quota.id, wish.event, cart_id, item, price],
  });
  const { id, datetime, expires } = rows[0]!;
  return { status: 201, body: { ...sample, id: Number(id), cart_id, item, price, datetime, expires } };
}
