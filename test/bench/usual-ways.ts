import { coalesce } from '@gatehouse/eventing/coalesce';
import { inTransaction } from '@gatehouse/eventing/postgres';
import type { Body } from '@gatehouse/service/body';
import type { Reply } from '@gatehouse/service/reply';
import type { Pool, PoolClient } from 'pg';

/*
 * The usual ways to make a scan exactly-once: a transaction for each request, or one statement for each. Both read what the
 * real service reads (token, list, ticket with its facts), in as few prepared statements as possible; neither writes
 * history or counts, which is in their favour.
 */

/** `tokenHash` as the store has it. */
export type Scan = { readonly list: number; readonly secret: string; readonly tokenHash: string; readonly body: Body };
type Answering = (scan: Scan) => Promise<Reply>;

/** The tables of both, filled from the read model of the real service. */
export const PEER_TABLES = `
  create schema peers;
  create table peers.tickets as
    select id, event, secret, item, status, canceled, facts from admission.tickets;
  alter table peers.tickets add primary key (id);
  create index on peers.tickets (secret);
  create table peers.credentials as select hash, kind, fact from admission.credentials where hash is not null;
  create unique index on peers.credentials (hash);
  create table peers.lists (id integer primary key, event text not null);
  create table peers.checkins (
    list integer not null, ticket integer not null, time timestamptz not null default now(), nonce text,
    primary key (list, ticket)
  );
  analyze peers.tickets;
`;

const EVENT = 'big/fest';

type Row = { id: number; facts: { secret: string }; token: { active: boolean } };

export function transactionPerRequest(pool: Pool, sample: Record<string, unknown>): Answering {
  async function redeem(tx: PoolClient, scan: Scan): Promise<Reply> {
    const { rows } = await tx.query<Row & { status: string }>({
      name: 'ticket_for_update',
      text: `select t.id, t.status, t.facts, c.fact as token
             from tickets t join lists l on l.id = $3 and l.event = t.event join credentials c on c.hash = $4
             where t.secret = $1 and t.event = $2 and not t.canceled for update of t`,
      values: [scan.secret, EVENT, scan.list, scan.tokenHash],
    });
    const [ticket] = rows;
    if (!ticket?.token.active) return { status: 401, body: { detail: 'Invalid token.' } };
    if (ticket.status !== 'p') return { status: 400, body: { status: 'error', reason: 'unpaid' } };
    const { rowCount } = await tx.query({
      name: 'check_in',
      text: 'insert into checkins (list, ticket, nonce) values ($1, $2, $3) on conflict do nothing',
      values: [scan.list, ticket.id, nonceOf(scan)],
    });
    if (rowCount === 0) return { status: 400, body: { status: 'error', reason: 'already_redeemed' } };
    return { status: 201, body: replyOf(sample, ticket) };
  }
  return (scan) => inTransaction(pool, (tx) => redeem(tx, scan));
}

export function singleStatement(pool: Pool, sample: Record<string, unknown>): Answering {
  return async (scan) => {
    const { rows } = await pool.query<Row & { entered: boolean }>({
      name: 'redeem',
      text: `with ticket as (
               select t.id, t.facts, c.fact as token
               from tickets t join lists l on l.id = $1 and l.event = t.event join credentials c on c.hash = $5
               where t.secret = $2 and t.event = $3 and not t.canceled and t.status = 'p'
             ),
             entered as (
               insert into checkins (list, ticket, nonce) select $1, id, $4 from ticket on conflict do nothing returning ticket
             )
             select id, facts, token, exists (select 1 from entered) as entered from ticket`,
      values: [scan.list, scan.secret, EVENT, nonceOf(scan), scan.tokenHash],
    });
    const [ticket] = rows;
    if (!ticket?.token.active) return { status: 401, body: { detail: 'Invalid token.' } };
    if (!ticket.entered) return { status: 400, body: { status: 'error', reason: 'already_redeemed' } };
    return { status: 201, body: replyOf(sample, ticket) };
  };
}

const nonceOf = ({ body }: Scan): unknown => (body as { nonce?: string }).nonce;

const replyOf = (sample: Record<string, unknown>, { id, facts }: Row): unknown => ({
  ...sample,
  position: { ...(sample['position'] as object), id, secret: facts.secret },
});

/**
 * The least that a durable scan can be with batches: the ticket's id is looked up, and one row inserted, each for all scans that wait. It
 * knows no list, credential, history or count, and returns the same reply for each ticket.
 */
export function leastDurable(pool: Pool, sample: Record<string, unknown>): Answering {
  const limits = { batch: 500, waiting: 20_000 };
  const ids = coalesce<string, number | null>(async (secrets) => {
    const { rows } = await pool.query<{ n: number; id: number | null }>({
      name: 'ids',
      text: `select q.n::integer as n, t.id from unnest($1::text[]) with ordinality as q(secret, n)
             left join lateral (select id from tickets where secret = q.secret offset 0) t on true`,
      values: [secrets],
    });
    const found = new Array<number | null>(secrets.length);
    for (const { n, id } of rows) found[n - 1] = id;
    return found;
  }, limits);
  const rows = coalesce<{ list: number; id: number }, null>(async (scans) => {
    await pool.query({
      name: 'insert_rows',
      text: 'insert into checkins (list, ticket) select * from unnest($1::integer[], $2::integer[]) on conflict do nothing',
      values: [scans.map(({ list }) => list), scans.map(({ id }) => id)],
    });
    return scans.map(() => null);
  }, limits);
  return async ({ list, secret }) => {
    const id = await ids.ask(secret);
    if (id === null) return { status: 404, body: { detail: 'Not found.' } };
    await rows.ask({ list, id });
    return { status: 201, body: sample };
  };
}
