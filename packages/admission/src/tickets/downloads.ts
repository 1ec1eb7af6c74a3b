import type { TicketStatus } from '@gatehouse/domain/redeem';
import type { Position } from '@gatehouse/eventing/event-store';
import { available, inTransaction } from '@gatehouse/eventing/postgres';
import type { Pool, PoolClient } from 'pg';
import type { Admission } from '../admission';

/*
 * What a download of all tickets of a check-in list is made from (contract §3.5): the tickets of one snapshot page by page, and later
 * only those that have changed. Check-ins since the read model's checkpoint are in ./entries.
 */

/** The tickets of a download: of one date, not canceled, not of an order in test mode. */
export type DownloadSelection = {
  /** `organizer/slug`. */
  readonly event: string;
  /** null: tickets without a date. */
  readonly date: number | null;
  /** The statuses of their orders. */
  readonly statuses: readonly string[];
  /** null: tickets of all items. */
  readonly items: readonly number[] | null;
  /** The check-in list that `entered` is about. */
  readonly list: number;
};

/** The fields of a ticket that a download shows; `entered` as of the read model's checkpoint. */
export type DownloadRow = {
  readonly id: number;
  readonly positionid: number;
  readonly secret: string;
  readonly code: string;
  readonly item: number;
  readonly variation: number | null;
  readonly status: TicketStatus;
  /** Whether a scan would be refused without regard to payment: the shop has blocked it, or has yet to approve its order. */
  readonly barred: boolean;
  /** When it lets in, both ends included; null: at any time. */
  readonly validFrom: string | null;
  readonly validUntil: string | null;
  readonly attendeeName: string | null;
  /** The order requires attention; the item may require it as well. */
  readonly attention: boolean;
  readonly addons: readonly { readonly item: number; readonly variation: number | null }[];
  readonly entered: boolean;
};

/** How far the read model `tickets` has applied history. */
export type DownloadState = {
  /** Number of the read model's tables: a rebuild raises it and numbers the changes from the beginning. */
  readonly generation: number;
  /** The newest change of a ticket of the event. */
  readonly change: string;
  /** The checkpoint in admission's own history. */
  readonly position: Position;
};

/** A changed ticket; `shown`: whether it belongs to the download now. */
export type ChangedTicket = { readonly id: number; readonly positionid: number; readonly shown: boolean };

/** Reads what downloads are made from. All its functions reject with StoreUnavailable while the database cannot be reached. */
export type DownloadReader = {
  /**
   * Passes all tickets of a download to `take`, ordered by position and id, `page` of them at a time, from one snapshot.
   * Returns the snapshot's state.
   */
  readAll(selection: DownloadSelection, page: number, take: (rows: DownloadRow[]) => void): Promise<DownloadState>;
  /** The current state of the read model. */
  state(event: string): Promise<DownloadState>;
  /**
   * The event's tickets that changed after one state up to another, in no order; null: so many that reading all tickets is
   * cheaper.
   */
  changes(
    selection: DownloadSelection,
    range: { since: DownloadState; until: DownloadState },
  ): Promise<ChangedTicket[] | null>;
  /** Those of some tickets that belong to the download, by position and id. */
  rows(selection: DownloadSelection, ids: readonly number[]): Promise<DownloadRow[]>;
};

/** Reads on admission's pool; `readAll` keeps one of its connections until it is done. */
export function downloadReader({ pool, store }: Pick<Admission, 'pool' | 'store'>): DownloadReader {
  return {
    readAll: (selection, page, take) =>
      inTransaction(pool, async (tx) => {
        await tx.query('set transaction isolation level repeatable read read only');
        const state = await readState(tx, selection.event, store.start);
        for await (const rows of pagesOf(tx, selection, page)) take(rows);
        return state;
      }),
    state: (event) => readState(pool, event, store.start),
    changes: (selection, range) => readChanges(pool, selection, range),
    rows: (selection, ids) => readRows(pool, selection, ids),
  };
}

/** The condition that a ticket `t` of the event $1 belongs to the download. */
const ON_DOWNLOAD = `t.date = $2 and not t.canceled and not t.testmode and t.status = any($3::text[])
  and ($4::integer[] is null or t.item = any($4::integer[]))`;

const valuesOf = ({ event, date, statuses, items }: DownloadSelection): unknown[] => [
  event,
  date ?? 0,
  statuses,
  items,
];

type Queryable = Pick<PoolClient, 'query'>;

async function readState(tx: Queryable, event: string, start: Position): Promise<DownloadState> {
  const { rows } = await available(
    tx.query<{ generation: number; change: string; position: Position | null }>({
      name: 'download_state',
      text: `select generation, coalesce((select max(change) from tickets where event = $1), 0)::text as change,
                    (select position from checkpoints where name = 'tickets' and topic = 'admission' and partition = 0) as position
             from read_models where name = 'tickets'`,
      values: [event],
    }),
  );
  const { generation, change, position } = rows[0]!;
  return { generation, change, position: position ?? start };
}

/** From this number of changed tickets on, reading all tickets costs less. */
const MOST_CHANGES = 20_000;

async function readChanges(
  pool: Pool,
  selection: DownloadSelection,
  { since, until }: Parameters<DownloadReader['changes']>[1],
): Promise<ChangedTicket[] | null> {
  const { rows } = await available(
    pool.query<ChangedTicket>({
      name: 'download_changes',
      text: `select t.id, t.positionid, (${ON_DOWNLOAD}) as shown
             from tickets t where t.event = $1 and t.change > $5 and t.change <= $6 limit ${MOST_CHANGES}`,
      values: [...valuesOf(selection), since.change, until.change],
    }),
  );
  return rows.length === MOST_CHANGES ? null : rows;
}

const IDS = `select t.id from tickets t where t.event = $1 and ${ON_DOWNLOAD}`;
/** Sorting a million ids takes a while, and no request waits for this connection. */
const SORT_MS = 60_000;
/** Pages whose ids are asked for at once: few round trips, and few ids in memory. */
const PAGES_AT_ONCE = 4;

/** All rows of a download in its order, page by page; PostgreSQL reads the next page while the caller processes one. */
async function* pagesOf(tx: Queryable, selection: DownloadSelection, page: number): AsyncGenerator<DownloadRow[]> {
  await tx.query(`declare ids no scroll cursor for ${IDS} order by t.positionid, t.id`, valuesOf(selection));
  const idsAtOnce = PAGES_AT_ONCE * page;
  let next: Promise<DownloadRow[]> = Promise.resolve([]);
  for (;;) {
    // One statement at a time.
    await next;
    const { rows } = await tx.query<{ id: number }>({ text: `fetch ${idsAtOnce} from ids`, query_timeout: SORT_MS });
    const ids = rows.map(({ id }) => id);
    for (let from = 0; from < ids.length; from += page) {
      const current = await next;
      next = readRows(tx, selection, ids.slice(from, from + page));
      // It is awaited after the caller's work, and may reject before that.
      next.catch(() => undefined);
      yield current;
    }
    if (ids.length < idsAtOnce) break;
  }
  yield await next;
}

async function readRows(tx: Queryable, selection: DownloadSelection, ids: readonly number[]): Promise<DownloadRow[]> {
  const { rows } = await available(
    tx.query<DownloadRow>({
      name: 'download_rows',
      text: `
        select t.id, t.positionid, t.secret, t.order_code as code, t.item, nullif(t.variation, 0) as variation, t.status,
               f.attendee_name as "attendeeName", (f."order" ->> 'checkin_attention')::boolean as attention, f.addons,
               f.blocked is not null
                 or (t.status in ('n', 'v') and (f."order" ->> 'require_approval')::boolean) as barred,
               f.valid_from as "validFrom", f.valid_until as "validUntil",
               c.ticket is not null as entered
        from unnest($6::integer[]) as q(id)
        -- By its id, whatever PostgreSQL knows of the table.
        cross join lateral (select * from tickets where id = q.id offset 0) t
        cross join lateral json_to_record(t.facts) as f(
          attendee_name text, addons json, "order" json, blocked json, valid_from text, valid_until text
        )
        left join checkins c on c.list = $5 and c.ticket = t.id
        where t.event = $1 and ${ON_DOWNLOAD}
        order by t.positionid, t.id`,
      values: [...valuesOf(selection), selection.list, ids],
    }),
  );
  return rows;
}
