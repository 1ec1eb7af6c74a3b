import type { TicketStatus } from '@gatehouse/domain/redeem';
import { ticket as ticketDecider, type Admissions } from '@gatehouse/domain/ticket';
import { coalesce } from '@gatehouse/eventing/coalesce';
import { available } from '@gatehouse/eventing/postgres';
import { isStorable } from '@gatehouse/domain/storable-text';
import type { Known } from '@gatehouse/eventing/streams';
import type { Pool } from 'pg';
import { credentialMemo, type Credential } from '@gatehouse/shop/credentials';
import { readPrepared, type Prepared } from './prepared';
import type { ShownFacts } from './facts';

/** A ticket that is not canceled, from the read model. */
export type Ticket = {
  readonly id: number;
  readonly event: string;
  readonly date: number | null;
  readonly item: number;
  readonly variation: number | null;
  readonly status: TicketStatus;
  /** What scans and replies need of it, quicker than `facts`. */
  readonly prepared: Prepared;
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

/** A ticket as a row of `TICKET_COLUMNS`; JSON columns as text. */
export type TicketRow = {
  readonly event: string;
  readonly prepared: string;
  readonly facts: string;
  readonly revision: number | null;
  readonly state: string | null;
};

/** Of the tickets `t` and their histories `a`: the columns from which `ticketOf` makes a ticket. */
export const TICKET_COLUMNS = 't.event, t.prepared, t.facts::text as facts, a.revision, a.state::text as state';

const NO_HISTORY: Known<Admissions> = { state: ticketDecider.initial, revision: 0 };

/** The ticket of a row. */
export const ticketOf = (row: TicketRow): Ticket => new StoredTicket(row);

/** A ticket whose facts are parsed when somebody asks for them: most scans do not. */
class StoredTicket implements Ticket {
  readonly event: string;
  readonly id: number;
  readonly date: number | null;
  readonly item: number;
  readonly variation: number | null;
  readonly status: TicketStatus;
  readonly prepared: Prepared;
  readonly history: Known<Admissions>;
  #facts: string | ShownFacts;

  constructor({ event, prepared, facts, revision, state }: TicketRow) {
    const ticket = readPrepared(prepared);
    this.event = event;
    this.id = ticket.id;
    this.date = ticket.date;
    this.item = ticket.item;
    this.variation = ticket.variation;
    this.status = ticket.status;
    this.prepared = ticket.prepared;
    this.history = state === null ? NO_HISTORY : { state: JSON.parse(state) as Admissions, revision: revision! };
    this.#facts = facts;
  }

  get facts(): ShownFacts {
    return (this.#facts = typeof this.#facts === 'string' ? (JSON.parse(this.#facts) as ShownFacts) : this.#facts);
  }
}

/**
 * Shops do not give a secret twice, but an import may bring its new holder without the old one. It then belongs to the
 * ticket that may enter (paid before pending and valid before pending before the rest), of two such tickets to the one that was stated last
 * (import.md §3).
 */
export const SECRET_HOLDER =
  "case status when 'p' then 0 when 'v' then 1 when 'n' then 2 else 3 end, order_import desc, id desc";

/** The columns of a result as text: they are few, and JSON that nobody asks for need not be parsed. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/** A row of a ticket, by the number of its look-up from 1, or of a place, by its negative number: kind, fact and revision of the list. */
type Row =
  | [n: string, prepared: string, facts: string, revision: string | null, state: string | null]
  | [n: string, kind: Credential['kind'] | null, fact: string | null, listRevision: string | null, none: null];

/** The places of look-ups: what many scans share. Numbered from 1. */
function placesOf(asks: readonly Lookup[]): {
  readonly places: readonly Lookup[];
  readonly placeOf: readonly number[];
} {
  const numbers = new Map<string, number>();
  const places: Lookup[] = [];
  const placeOf = asks.map((ask) => {
    const key = `${ask.event} ${ask.date} ${ask.list} ${ask.credential}`;
    let number = numbers.get(key);
    if (number === undefined) numbers.set(key, (number = places.push(ask)));
    return number;
  });
  return { places, placeOf };
}

/**
 * Everything that a scan needs, in one read that concurrent scans share: the ticket, its history, the list's revision and
 * the credential's state, so an edited list or a revoked token takes effect at every gate at once (design §3).
 */
export function lookups(pool: Pool): { find(ask: Lookup): Promise<Found>; idle(): Promise<void> } {
  const credentialOf = credentialMemo();
  const reads = coalesce<Lookup, Found>(
    async (asks) => {
      const { places, placeOf } = placesOf(asks);
      const { rows } = await available(
        pool.query<Row>({
          name: 'lookup',
          // With 'offset 0' PostgreSQL can find the ticket only by its key. Otherwise, without statistics, it may choose an
          // index by event and date, and keep that plan while the table grows. Named columns: a tenth less work than all of
          // such a wide table.
          text: `
            select q.n, t.prepared, t.facts, a.revision, a.state
            from unnest($1::text[], $2::integer[], $3::integer[]) with ordinality as q(secret, id, place, n)
            cross join lateral (
              (select ${FOUND} from (select ${FOUND}, ${ASKED} from tickets where id = q.id offset 0) named
               where event = ($4::text[])[q.place] and ${ON_DATE} and not canceled)
              union all
              (select ${FOUND} from (
                 select ${FOUND}, date from (
                   select ${FOUND}, ${ASKED}, status, order_import from tickets
                   where hashtextextended(secret, 0) = hashtextextended(q.secret, 0) and secret = q.secret offset 0
                 ) holders
                 where event = ($4::text[])[q.place] and not canceled
                 order by ${SECRET_HOLDER} limit 1
               ) holder where ${ON_DATE})
              limit 1
            ) t
            left join admissions a on a.ticket = t.id
            union all
            select -p.n, c.kind, c.fact, l.revision, null
            from unnest($4::text[], $6::integer[], $7::text[]) with ordinality as p(event, list, credential, n)
            left join lists l on l.id = p.list and l.event = p.event and not l.deleted
            left join lateral (select kind, fact from credentials where hash = p.credential limit 1) c on true`,
          values: [
            // One that cannot be stored must not fail the other look-ups of the batch.
            asks.map(({ secret }) => (isStorable(secret) ? secret : null)),
            integers(asks.map(({ id }) => id)),
            integers(placeOf),
            places.map(({ event }) => event),
            integers(places.map(({ date }) => date ?? 0)),
            integers(places.map(({ list }) => list)),
            places.map(({ credential }) => credential),
          ],
          rowMode: 'array',
          types: AS_TEXT,
        }),
      );
      const tickets = new Array<Ticket | null>(asks.length).fill(null);
      const shared = new Array<Omit<Found, 'ticket'>>(places.length);
      for (const [number, first, second, revision, state] of rows) {
        const n = Number(number);
        if (n > 0) {
          const { event } = asks[n - 1]!;
          tickets[n - 1] = ticketOf({ event, prepared: first!, facts: second!, revision: Number(revision), state });
        } else {
          shared[-n - 1] = {
            listRevision: revision === null ? null : Number(revision),
            credential: first ? credentialOf(first as Credential['kind'], second!) : null,
          };
        }
      }
      return asks.map((_, i) => {
        const { listRevision, credential } = shared[placeOf[i]! - 1]!;
        return { ticket: tickets[i]!, listRevision, credential };
      });
    },
    { batch: 500, waiting: 20_000 },
  );
  return { find: (ask) => reads.ask(ask), idle: () => reads.idle() };
}

/** An array of integers as PostgreSQL writes it, which is quicker than the driver's. */
const integers = (values: readonly (number | null)[]): string => `{${values.map((value) => value ?? 'null').join()}}`;

/** The columns of `tickets` that a look-up returns, and those by which it chooses. */
const [FOUND, ASKED] = ['id, prepared, facts', 'event, date, canceled'];

/** Whether a ticket is of the date of its look-up's place. */
const ON_DATE = `($5::integer[])[q.place] in (date, ${ANY_DATE})`;
