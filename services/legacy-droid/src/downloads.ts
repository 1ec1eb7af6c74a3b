import type { Admission } from '@gatehouse/admission/admission';
import type { Festival } from '@gatehouse/shop/festival';
import { statusesOf } from '@gatehouse/admission/find-tickets';
import { itemName, variationName } from '@gatehouse/shop/product-names';
import { admission as admissionEvents, type TicketEvent } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';
import { ticket as ticketDecider, type CheckIn } from '@gatehouse/domain/ticket';
import { coalesce } from '@gatehouse/eventing/coalesce';
import type { Position } from '@gatehouse/eventing/event-store';
import { available, inTransaction } from '@gatehouse/eventing/postgres';
import { replay } from '@gatehouse/eventing/projection';
import type { PoolClient } from 'pg';
import { shownItems, type Door } from './access';
import { isAsked, questionObject } from './questions';
import { spaced } from './text';
import { PAGE_TICKETS, ticketBook, type Edition, type Line, type TicketBook } from './ticket-book';
import { ticketWriter, type Shown, type TicketWriter } from './tickets';

/**
 * How many tickets this process keeps ready, in all its books. A ticket takes about 110 bytes (README), so this is 330 MB; one
 * book may be larger, then it is the only one. A book that was dropped is made again when it is asked for.
 */
const MOST_TICKETS = 3_000_000;
/** With more changed tickets than this a book is made anew. */
const MOST_CHANGES = 20_000;

/** Which tickets somebody may download, and in which language. */
export type Wanted = { readonly door: Door; readonly language: string };

/** A book with the state of the read model and of history that it shows. */
type Kept = {
  readonly name: string;
  /** What the lines were written from, apart from the tickets: with anything else they would read differently. */
  readonly print: string;
  readonly revision: number;
  readonly list: number;
  readonly query: readonly unknown[];
  readonly line: (row: Row) => Line;
  readonly book: TicketBook;
  festival: Festival;
  /** Too much has changed: it must be made anew. */
  outdated: boolean;
  /** Rebuilds of the read model count its changes anew. */
  readonly generation: number;
  change: string;
  position: Position;
};

/** Keeps downloads ready: contract §3.5. Each is exactly as new as admission's history when it is asked for. */
export function downloads(admission: Admission) {
  const { pool, store } = admission;
  const books = new Map<string, Promise<Kept>>();

  /** The book for what is wanted, made now when there is none; `fresh`: made for this very caller. */
  async function bookFor(wanted: Wanted): Promise<{ kept: Kept; fresh: boolean }> {
    const name = nameOf(wanted);
    const known = books.get(name);
    const kept = await known?.catch(() => undefined);
    if (kept && isCurrent(kept, wanted)) {
      if (books.get(name) === known) {
        // The book that was asked for last is dropped last.
        books.delete(name);
        books.set(name, known!);
      }
      return { kept, fresh: false };
    }
    // Somebody else may have begun meanwhile.
    let begun = books.get(name);
    if (!begun || begun === known) {
      begun = make(wanted);
      books.set(name, begun);
      begun.then(
        () => shelve(),
        () => books.get(name) === begun && books.delete(name),
      );
    }
    return { kept: await begun, fresh: true };
  }

  /** Drops the books that were not asked for longest while there are too many tickets in all. */
  async function shelve(): Promise<void> {
    const made = await Promise.all(
      [...books].map(async ([name, book]) => ({ name, kept: await book.catch(() => null) })),
    );
    let tickets = made.reduce((sum, { kept }) => sum + (kept?.book.tickets ?? 0), 0);
    for (const { name, kept } of made.slice(0, -1)) {
      if (tickets <= MOST_TICKETS) return;
      books.delete(name);
      tickets -= kept?.book.tickets ?? 0;
    }
  }

  let making: Promise<unknown> = Promise.resolve();

  /** Makes one book at a time, so that scans keep the connections and the processor. */
  function make(wanted: Wanted): Promise<Kept> {
    const made = making.then(() => print(wanted));
    making = made.catch(() => undefined);
    return made;
  }

  /** Writes a book from one snapshot, page by page. */
  async function print(wanted: Wanted): Promise<Kept> {
    const { door, language } = wanted;
    const { festival, list } = door;
    const book = ticketBook();
    const line = lineWriter(ticketWriter(festival, language), list.fields);
    const query = [festival.key, list.fields.subevent ?? 0, statusesOf(list.fields), shownItems(door)];
    return inTransaction(pool, async (tx) => {
      await tx.query('set transaction isolation level repeatable read read only');
      const state = await readState(tx, festival.key, store.start);
      for await (const rows of pagesOf(tx, { query, list: list.id })) book.append(rows.map(line));
      const print = printOf(wanted);
      const { id, revision } = list;
      return {
        name: nameOf(wanted),
        print,
        revision,
        festival,
        list: id,
        query,
        line,
        book,
        outdated: false,
        ...state,
      };
    });
  }

  /** Brings books up to date together and answers each ask's book as it is then; null for one that must be made anew. */
  async function refresh(asks: readonly Refresh[]): Promise<(Edition | null)[]> {
    const current = new Set<Kept>();
    for (const { kept, fresh } of asks) {
      if (!current.has(kept) && (fresh || (await takeFacts(kept)))) current.add(kept);
    }
    await takeHistory([...current]);
    return asks.map(({ kept, tail }) => (current.has(kept) ? kept.book.edition(HEAD, tail) : null));
  }

  /** Prints the pages anew whose tickets have changed. Answers false when the whole book should be. */
  async function takeFacts(kept: Kept): Promise<boolean> {
    const state = await readState(pool, kept.festival.key, store.start);
    if (state.generation !== kept.generation) return false;
    if (state.change === kept.change) return true;
    const { rows: changed } = await available(
      pool.query<{ id: number; positionid: number; shown: boolean }>({
        name: 'droid_changed',
        text: `select t.id, t.positionid, (${ON_DOWNLOAD}) as shown
               from tickets t where t.event = $1 and t.change > $5 and t.change <= $6 limit ${MOST_CHANGES}`,
        values: [...kept.query, kept.change, state.change],
      }),
    );
    if (changed.length === MOST_CHANGES) return false;
    // What is read now knows no more of the gates than the read model does: what came since is told once more.
    if (store.before(state.position, kept.position)) kept.position = state.position;
    const touched = kept.book.pagesFor(changed.filter(({ shown, id }) => shown || kept.book.has(id)));
    for (const [page, ids] of touched) kept.book.replace(page, (await readLines(pool, kept, [...ids])).map(kept.line));
    kept.change = state.change;
    return true;
  }

  /** Tells books what has happened at the gates since. */
  async function takeHistory(kept: readonly Kept[]): Promise<void> {
    const [first, ...others] = kept.map(({ position }) => position);
    if (first === undefined) return;
    const from = others.reduce((least, position) => (store.before(position, least) ? position : least), first);
    const until = await store.head();
    const seen = await replay({ ...store, topic: 'admission' }, { from, until }, (events) => {
      const byList = flagsIn(events);
      for (const { book, list } of kept) book.mark(byList.get(list) ?? NO_FLAGS);
      return Promise.resolve();
    });
    for (const each of kept) each.position = seen;
  }

  const refreshes = coalesce<Refresh, Edition | null>(refresh, { batch: 1_000, waiting: 10_000 });

  return {
    /** The download as it is now. */
    async edition(wanted: Wanted): Promise<Edition> {
      const tail = tailOf(wanted);
      for (;;) {
        const { kept, fresh } = await bookFor(wanted);
        const edition = await refreshes.ask({ kept, fresh, tail });
        if (edition) return edition;
        kept.outdated = true;
      }
    },
  };
}

type Refresh = { readonly kept: Kept; readonly fresh: boolean; readonly tail: string };

const nameOf = ({ door, language }: Wanted): string =>
  [door.list.id, language, door.key.all_items ? 'all' : [...door.key.items].sort((a, b) => a - b)].join(' ');

/** Whether a book reads as it should, apart from what tickets have changed since. */
function isCurrent(kept: Kept, wanted: Wanted): boolean {
  const { festival, list } = wanted.door;
  if (kept.outdated || kept.revision !== list.revision) return false;
  if (kept.festival !== festival && kept.print !== printOf(wanted)) return false;
  kept.festival = festival;
  return true;
}

/** What lines are written from besides their tickets. */
function printOf({ door: { festival }, language }: Wanted): string {
  const items = [...festival.items.values()].map((item) => [
    item.id,
    itemName(festival, item.id, language),
    item.checkin_attention,
    item.variations.map(({ id }) => variationName(festival, { item: item.id, variation: id }, language)),
  ]);
  return JSON.stringify(items);
}

const HEAD = '{"version": 3, "results": [';

/** All check-in questions of the event, as far as old scanners know their types. */
function tailOf({ door: { festival }, language }: Wanted): string {
  const questions = festival.questions.filter((question) => question.ask_during_checkin && isAsked(question));
  return `], "questions": ${spaced(questions.map((question) => questionObject(question, festival, language)))}}`;
}

type Row = Omit<Shown, 'addons'> & {
  readonly id: number;
  readonly positionid: number;
  readonly addons: Shown['addons'];
  readonly entered: boolean;
};

/** Of an event's tickets ($1) those of a date, with some statuses, of some items or all (null). */
const ON_DOWNLOAD = `t.date = $2 and not t.canceled and not t.testmode and t.status = any($3::text[])
  and ($4::integer[] is null or t.item = any($4::integer[]))`;

const IDS = `select t.id from tickets t where t.event = $1 and ${ON_DOWNLOAD}`;
/** Sorting a million of them takes a while, and nobody waits for this connection. */
const SORT_MS = 60_000;

/** How many ids are asked for at once: few round trips, and few in memory. */
const IDS_AT_ONCE = 4 * PAGE_TICKETS;

/** All lines of a download in its order, page by page; PostgreSQL reads the next page while one is being packed. */
async function* pagesOf(tx: Pick<PoolClient, 'query'>, of: Pick<Kept, 'query' | 'list'>): AsyncGenerator<Row[]> {
  await tx.query(`declare ids no scroll cursor for ${IDS} order by t.positionid, t.id`, [...of.query]);
  let page: Promise<Row[]> = Promise.resolve([]);
  for (;;) {
    // One statement at a time.
    await page;
    const next = { text: `fetch ${IDS_AT_ONCE} from ids`, query_timeout: SORT_MS };
    const { rows } = await tx.query<{ id: number }>(next);
    const ids = rows.map(({ id }) => id);
    for (let from = 0; from < ids.length; from += PAGE_TICKETS) {
      const lines = await page;
      page = readLines(tx, of, ids.slice(from, from + PAGE_TICKETS));
      // It is awaited after the packing, and may fail before.
      page.catch(() => undefined);
      yield lines;
    }
    if (ids.length < IDS_AT_ONCE) break;
  }
  yield await page;
}

/** Those of some tickets that are on the download, in its order. */
async function readLines(
  tx: Pick<PoolClient, 'query'>,
  { query, list }: Pick<Kept, 'query' | 'list'>,
  ids: readonly number[],
): Promise<Row[]> {
  const { rows } = await available(
    tx.query<Row>({
      name: 'droid_lines',
      text: `
        select t.id, t.positionid, t.secret, t.order_code as code, t.item, nullif(t.variation, 0) as variation, t.status,
               f.attendee_name as "attendeeName", (f."order" ->> 'checkin_attention')::boolean as attention, f.addons,
               c.ticket is not null as entered
        from unnest($6::integer[]) as q(id)
        -- By its id, whatever PostgreSQL knows of the table.
        cross join lateral (select * from tickets where id = q.id offset 0) t
        cross join lateral json_to_record(t.facts) as f(attendee_name text, addons json, "order" json)
        left join checkins c on c.list = $5 and c.ticket = t.id
        where t.event = $1 and ${ON_DOWNLOAD}
        order by t.positionid, t.id`,
      values: [...query, list, ids],
    }),
  );
  return rows;
}

const lineWriter =
  (write: TicketWriter, list: { readonly include_pending: boolean }) =>
  (row: Row): Line => {
    const [before, after] = write(row, list);
    return { id: row.id, positionid: row.positionid, before, after, flag: row.entered };
  };

/** How far the read model `tickets` has come. */
async function readState(
  tx: Pick<PoolClient, 'query'>,
  event: string,
  start: Position,
): Promise<{ generation: number; change: string; position: Position }> {
  const { rows } = await available(
    tx.query<{ generation: number; change: string; position: Position | null }>({
      name: 'droid_state',
      text: `select generation, coalesce((select max(change) from tickets where event = $1), 0)::text as change,
                    (select position from checkpoints where name = 'tickets' and topic = 'admission' and partition = 0) as position
             from read_models where name = 'tickets'`,
      values: [event],
    }),
  );
  const { generation, change, position } = rows[0]!;
  return { generation, change, position: position ?? start };
}

const NO_FLAGS: ReadonlyMap<number, boolean> = new Map();

/** Who has entered by which list, or not any more, as events tell it. */
function flagsIn(events: readonly Envelope[]): Map<number, Map<number, boolean>> {
  const byList = new Map<number, Map<number, boolean>>();
  for (const stored of events) {
    if (!stored.stream.startsWith('ticket-')) continue;
    const event = admissionEvents.read(stored) as TicketEvent | undefined;
    const entered = event && enteredAfter(event);
    if (entered === undefined) continue;
    const { list, position } = event!.data;
    const flags = byList.get(list) ?? new Map<number, boolean>();
    byList.set(list, flags.set(position, entered));
  }
  return byList;
}

const ENTERED: CheckIn = { datetime: '1970-01-01T00:00:00.000000Z', auto: false, nonces: [] };

/**
 * Whether a ticket has entered by the event's list after it, undefined where that depends on what was before. The ticket's own
 * decider says so, asked with and without an earlier check-in: what it learns of new kinds of events is known here.
 */
export function enteredAfter(event: TicketEvent): boolean | undefined {
  const { list } = event.data;
  const { initial, evolve } = ticketDecider;
  const before = list in evolve({ ...initial, checkins: { [list]: ENTERED } }, event).checkins;
  const without = list in evolve(initial, event).checkins;
  return before === without ? before : undefined;
}
