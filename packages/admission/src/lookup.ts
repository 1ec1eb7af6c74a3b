import { ticket as ticketDecider, type Admissions } from '@gatehouse/domain/ticket';
import { coalesce } from '@gatehouse/eventing/coalesce';
import { available } from '@gatehouse/eventing/postgres';
import type { Known } from '@gatehouse/eventing/streams';
import type { Pool } from 'pg';
import type { Credential } from './credentials';
import type { ShownFacts } from './tickets';

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

type Row = (TicketRow | (Omit<TicketRow, 'id'> & { id: null })) & {
  n: number;
  list_revision: number | null;
  kind: Credential['kind'] | null;
  fact: Credential['fact'] | null;
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

/**
 * Everything that a scan needs to know, in one read that scans of the same moment share: the ticket, its history, the list's
 * revision and the credential's state, so that an edited list or a revoked token holds at every gate at once (design §3).
 */
export function lookups(pool: Pool): { find(ask: Lookup): Promise<Found>; idle(): Promise<void> } {
  const reads = coalesce<Lookup, Found>(
    async (asks) => {
      const { rows } = await available(
        pool.query<Row>({
          name: 'lookup',
          text: `
            select q.n::integer as n, t.id, t.event, t.date, t.item, t.variation, t.status, t.facts,
                   a.revision, a.state, l.revision as list_revision, c.kind, c.fact
            from unnest($1::text[], $2::integer[], $3::text[], $4::integer[], $5::integer[], $6::text[])
              with ordinality as q(event, date, secret, id, list, credential, n)
            left join lateral (
              (select * from tickets where id = q.id and event = q.event and date = q.date and not canceled)
              union all
              (select * from tickets where secret = q.secret and event = q.event and date = q.date and not canceled)
              limit 1
            ) t on true
            left join admissions a on a.ticket = t.id
            left join lists l on l.id = q.list and l.event = q.event and not l.deleted
            left join lateral (select kind, fact from credentials where hash = q.credential limit 1) c on true`,
          values: [
            asks.map((ask) => ask.event),
            asks.map((ask) => ask.date ?? 0),
            asks.map((ask) => ask.secret),
            asks.map((ask) => ask.id),
            asks.map((ask) => ask.list),
            asks.map((ask) => ask.credential),
          ],
        }),
      );
      const found = new Array<Found>(asks.length);
      for (const row of rows) found[row.n - 1] = foundIn(row);
      return found;
    },
    { batch: 500, waiting: 20_000 },
  );
  return { find: (ask) => reads.ask(ask), idle: () => reads.idle() };
}

function foundIn(row: Row): Found {
  return {
    ticket: row.id === null ? null : ticketOf(row),
    listRevision: row.list_revision,
    credential: row.kind ? ({ kind: row.kind, fact: row.fact } as Credential) : null,
  };
}
