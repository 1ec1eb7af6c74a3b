import type { TicketStatus } from '@gatehouse/domain/redeem';
import { ticket as ticketDecider, type Admissions } from '@gatehouse/domain/ticket';
import { coalesce } from '@gatehouse/eventing/coalesce';
import { available } from '@gatehouse/eventing/postgres';
import { isStorable } from '@gatehouse/domain/storable-text';
import type { Known } from '@gatehouse/eventing/streams';
import type { Pool } from 'pg';
import { credentialMemo, type Credential } from '@gatehouse/shop/credentials';
import type { ShownFacts } from './row';

/** A ticket that is not canceled, from the read model. */
export type Ticket = {
  readonly id: number;
  readonly event: string;
  readonly date: number | null;
  readonly item: number;
  readonly variation: number | null;
  readonly status: TicketStatus;
  readonly facts: ShownFacts;
  /** Its admission history as of the read model: a hint, which is confirmed against the stream before a decision. */
  readonly history: Known<Admissions>;
};

/** In a look-up: a ticket of whichever date, or of none. No date has this id. */
export const ANY_DATE = -1;

/** Identifies ticket, list and credential of one scan. */
export type Lookup = {
  /** `organizer/slug`. */
  readonly event: string;
  readonly date: number | null | typeof ANY_DATE;
  /** The ticket's secret; `id`, if not null, takes precedence. */
  readonly secret: string;
  readonly id: number | null;
  readonly list: number;
  /** SHA-256 in hex of the scanner's secret; null when the scanner was authenticated otherwise. */
  readonly credential: string | null;
};

/** What the read models contain for a look-up. */
export type Found = {
  readonly ticket: Ticket | null;
  /** Revision of the list in the read model; null: the event has no such list. */
  readonly listRevision: number | null;
  readonly credential: Credential | null;
};

/** A ticket as a row of `tickets` and `admissions`; 0 means none. */
export type TicketRow = {
  id: number;
  event: string;
  date: number;
  item: number;
  variation: number;
  status: Ticket['status'];
  facts: ShownFacts;
  revision: number | null;
  state: Admissions | null;
};

/** The result of one look-up; the ticket's event is that of the look-up. */
type Row = (Omit<TicketRow, 'event'> | (Omit<TicketRow, 'event' | 'id'> & { id: null })) & {
  n: number;
  list_revision: number | null;
  kind: Credential['kind'] | null;
  /** As JSON text, which is parsed once: thousands of scans use the same few credentials. */
  fact: string | null;
};

const NO_HISTORY: Known<Admissions> = { state: ticketDecider.initial, revision: 0 };

/** The ticket of a row. */
export const ticketOf = (row: TicketRow): Ticket => ({
  id: row.id,
  event: row.event,
  date: row.date || null,
  item: row.item,
  variation: row.variation || null,
  status: row.status,
  facts: row.facts,
  history: row.state ? { state: row.state, revision: row.revision! } : NO_HISTORY,
});

/** One look-up as JSON for the statement. A secret that cannot be stored must not fail the other look-ups of the batch. */
const documentOf = (ask: Lookup, n: number) => ({
  ...ask,
  n,
  date: ask.date ?? 0,
  secret: isStorable(ask.secret) ? ask.secret : null,
});

/**
 * Shops do not give a secret twice, but an import may bring its new holder without the old one. It then belongs to the
 * ticket that may enter (paid before pending and valid before pending before the rest), of two such tickets to the one that was stated last
 * (import.md §3).
 */
export const SECRET_HOLDER =
  "case status when 'p' then 0 when 'v' then 1 when 'n' then 2 else 3 end, order_import desc, id desc";

/**
 * Everything that a scan needs, in one read that concurrent scans share: the ticket, its history, the list's revision and
 * the credential's state, so an edited list or a revoked token takes effect at every gate at once (design §3).
 */
export function lookups(pool: Pool): { find(ask: Lookup): Promise<Found>; idle(): Promise<void> } {
  const credentialOf = credentialMemo();
  const reads = coalesce<Lookup, Found>(
    async (asks) => {
      const { rows } = await available(
        pool.query<Row>({
          name: 'lookup',
          // With 'offset 0' PostgreSQL can find the ticket only by its key. Otherwise, without statistics, it may choose an
          // index by event and date, and keep that plan while the table grows.
          text: `
            select q.n, t.id, t.date, t.item, t.variation, t.status, t.facts,
                   a.revision, a.state, l.revision as list_revision, c.kind, c.fact::text as fact
            from json_to_recordset($1) as q(
              n integer, event text, date integer, secret text, id integer, list integer, credential text
            )
            left join lateral (
              (select * from (select * from tickets where id = q.id offset 0) named
               where event = q.event and (date = q.date or q.date = ${ANY_DATE}) and not canceled)
              union all
              (select * from (
                 select * from (
                   select * from tickets
                   where hashtextextended(secret, 0) = hashtextextended(q.secret, 0) and secret = q.secret offset 0
                 ) holders
                 where event = q.event and not canceled
                 order by ${SECRET_HOLDER} limit 1
               ) holder where date = q.date or q.date = ${ANY_DATE})
              limit 1
            ) t on true
            left join admissions a on a.ticket = t.id
            left join lists l on l.id = q.list and l.event = q.event and not l.deleted
            left join lateral (select kind, fact from credentials where hash = q.credential limit 1) c on true`,
          // One JSON document is cheaper to build and to parse than an array per column.
          values: [JSON.stringify(asks.map(documentOf))],
        }),
      );
      const found = new Array<Found>(asks.length);
      for (const row of rows) {
        const { event } = asks[row.n]!;
        found[row.n] = {
          ticket: row.id === null ? null : ticketOf({ ...row, event }),
          listRevision: row.list_revision,
          credential: row.kind && credentialOf(row.kind, row.fact!),
        };
      }
      return found;
    },
    { batch: 500, waiting: 20_000 },
  );
  return { find: (ask) => reads.ask(ask), idle: () => reads.idle() };
}
