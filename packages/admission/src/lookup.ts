import { ticket as ticketDecider, type Admissions } from '@gatehouse/domain/ticket';
import { coalesce } from '@gatehouse/eventing/coalesce';
import { available } from '@gatehouse/eventing/postgres';
import { isStorable } from '@gatehouse/eventing/storable';
import type { Known } from '@gatehouse/eventing/streams';
import type { Pool } from 'pg';
import { credentialMemo, type Credential } from './credentials';
import type { ShownFacts } from './tickets/row';

/** A ticket that is not canceled, as the read model has it. */
export type Ticket = {
  readonly id: number;
  readonly event: string;
  readonly date: number | null;
  readonly item: number;
  readonly variation: number | null;
  readonly status: 'n' | 'p' | 'e' | 'c';
  readonly facts: ShownFacts;
  /** Its admission history as far as the read model has come: a hint, never trusted without the store's word. */
  readonly history: Known<Admissions>;
};

/** What one scan asks of the read models. */
export type Lookup = {
  /** `organizer/slug`. */
  readonly event: string;
  readonly date: number | null;
  /** Found by its secret, or by its id, which goes first. */
  readonly secret: string;
  readonly id: number | null;
  readonly list: number;
  /** SHA-256 in hex of the scanner's secret; null when it was checked otherwise. */
  readonly credential: string | null;
};

export type Found = {
  readonly ticket: Ticket | null;
  /** Revision of the list in the read model; null: there is no such list in this event (any more). */
  readonly listRevision: number | null;
  readonly credential: Credential | null;
};

/** A ticket as `tickets` and `admissions` have it: 0 stands for none. */
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

/** What one ask found; the ticket's event and date are those that were asked for. */
type Row = (Omit<TicketRow, 'event' | 'date'> | (Omit<TicketRow, 'event' | 'date' | 'id'> & { id: null })) & {
  n: number;
  list_revision: number | null;
  kind: Credential['kind'] | null;
  /** JSON: thousands of scans come with the same few credentials. */
  fact: string | null;
};

const NO_HISTORY: Known<Admissions> = { state: ticketDecider.initial, revision: 0 };

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

/** One ask as the statement reads it. A secret that no ticket can have must not spoil the others' read. */
const documentOf = (ask: Lookup, n: number) => ({
  ...ask,
  n,
  date: ask.date ?? 0,
  secret: isStorable(ask.secret) ? ask.secret : null,
});

/**
 * A shop gives a secret once, but an import may bring its new holder and say nothing of the old one. The one that may enter has it
 * (paid before pending before the rest), of two the one that was stated last (import.md §3).
 */
export const SECRET_HOLDER = "case status when 'p' then 0 when 'n' then 1 else 2 end, order_import desc, id desc";

/**
 * Everything that a scan needs to know, in one read that scans of the same moment share: the ticket, its history, the list's
 * revision and the credential's state, so that an edited list or a revoked token holds at every gate at once (design §3).
 */
export function lookups(pool: Pool): { find(ask: Lookup): Promise<Found>; idle(): Promise<void> } {
  const credentialOf = credentialMemo();
  const reads = coalesce<Lookup, Found>(
    async (asks) => {
      const { rows } = await available(
        pool.query<Row>({
          name: 'lookup',
          text: `
            select q.n, t.id, t.item, t.variation, t.status, t.facts,
                   a.revision, a.state, l.revision as list_revision, c.kind, c.fact::text as fact
            from json_to_recordset($1) as q(
              n integer, event text, date integer, secret text, id integer, list integer, credential text
            )
            left join lateral (
              (select * from tickets where id = q.id and event = q.event and date = q.date and not canceled)
              union all
              (select * from (
                 select * from tickets where secret = q.secret and event = q.event and not canceled
                 order by ${SECRET_HOLDER} limit 1
               ) holder where date = q.date)
              limit 1
            ) t on true
            left join admissions a on a.ticket = t.id
            left join lists l on l.id = q.list and l.event = q.event and not l.deleted
            left join lateral (select kind, fact from credentials where hash = q.credential limit 1) c on true`,
          // One document is cheaper to make and to read than an array per column.
          values: [JSON.stringify(asks.map(documentOf))],
        }),
      );
      const found = new Array<Found>(asks.length);
      for (const row of rows) {
        const { event, date } = asks[row.n]!;
        found[row.n] = {
          ticket: row.id === null ? null : ticketOf({ ...row, event, date: date ?? 0 }),
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
