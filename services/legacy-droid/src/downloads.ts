import type { Admission } from '@gatehouse/admission/admission';
import type { Festival } from '@gatehouse/shop/festival';
import {
  downloadReader,
  type DownloadRow,
  type DownloadSelection,
  type DownloadState,
} from '@gatehouse/admission/tickets/downloads';
import { replayEntries } from '@gatehouse/admission/tickets/entries';
import { statusesOf } from '@gatehouse/admission/tickets/query';
import { itemName, variationName } from '@gatehouse/shop/product-names';
import { coalesce } from '@gatehouse/eventing/coalesce';
import type { Position } from '@gatehouse/eventing/event-store';
import { shownItems, type DroidAccess } from './access';
import { isAsked, questionObject } from './questions';
import { spaced } from './text';
import { PAGE_TICKETS, ticketBook, type Edition, type Line, type TicketBook } from './ticket-book';
import { ticketWriter, type TicketWriter } from './tickets';

/**
 * Most tickets in all books of this process. A ticket takes about 110 bytes (README), so this is 330 MB; a single book may
 * be larger. A dropped book is built again at its next request.
 */
const MOST_TICKETS = 3_000_000;

/** Which tickets a device may download, and in which language. */
export type Wanted = { readonly access: DroidAccess; readonly language: string };

/** A book, and the state of the read model and of history that it shows. */
type Kept = {
  readonly name: string;
  /** The products from which the lines were written; with other ones the book must be built again. */
  readonly products: string;
  /** Revision of the list. */
  readonly revision: number;
  readonly selection: DownloadSelection;
  readonly line: (row: DownloadRow) => Line;
  readonly book: TicketBook;
  festival: Festival;
  /** So much has changed that it must be built again. */
  outdated: boolean;
  /** When a ticket begins or ceases to be valid next: from then on lines say the wrong thing of it. */
  readonly times: { next: number };
  /** The state of the read model from which its tickets were read. */
  state: DownloadState;
  /** The position in admission's history up to which its check-ins are applied. */
  position: Position;
};

/** Caches downloads: contract §3.5. Each is as new as admission's history at the time of the request. */
export function downloads(admission: Admission) {
  const { store } = admission;
  const reader = downloadReader(admission);
  const books = new Map<string, Promise<Kept>>();

  /** The cached book, built now if there is none; `fresh`: it was built for this call. */
  async function bookFor(wanted: Wanted): Promise<{ kept: Kept; fresh: boolean }> {
    const name = nameOf(wanted);
    const known = books.get(name);
    const kept = await known?.catch(() => undefined);
    if (kept && isCurrent(kept, wanted)) {
      if (books.get(name) === known) {
        // Moves the most recently requested book to the end, so that it is dropped last.
        books.delete(name);
        books.set(name, known!);
      }
      return { kept, fresh: false };
    }
    // Another call may have begun to build it in the meantime.
    let begun = books.get(name);
    if (!begun || begun === known) {
      begun = make(wanted);
      books.set(name, begun);
      begun.then(
        () => dropOldest(),
        () => books.get(name) === begun && books.delete(name),
      );
    }
    return { kept: await begun, fresh: true };
  }

  /** Drops the least recently requested books while there are too many tickets in all. */
  async function dropOldest(): Promise<void> {
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

  /** Builds one book at a time, so that scans have enough connections and CPU. */
  function make(wanted: Wanted): Promise<Kept> {
    const made = making.then(() => buildBook(wanted));
    making = made.catch(() => undefined);
    return made;
  }

  /** Writes a book from one snapshot, page by page. */
  async function buildBook(wanted: Wanted): Promise<Kept> {
    const { access, language } = wanted;
    const { festival, list } = access;
    const book = ticketBook();
    const times = { next: Infinity };
    const line = lineWriter(ticketWriter(festival, language), list.fields, times);
    const selection = {
      event: festival.key,
      date: list.fields.subevent,
      statuses: statusesOf(list.fields),
      items: shownItems(access),
      list: list.id,
    };
    const state = await reader.readAll(selection, PAGE_TICKETS, (rows) => book.append(rows.map(line)));
    return {
      name: nameOf(wanted),
      products: productsOf(wanted),
      revision: list.revision,
      selection,
      line,
      book,
      festival,
      outdated: false,
      times,
      state,
      position: state.position,
    };
  }

  /** Updates books together; returns for each request the book's edition, or null when the book must be built again. */
  async function refresh(asks: readonly Refresh[]): Promise<(Edition | null)[]> {
    const current = new Set<Kept>();
    for (const { kept, fresh } of asks) {
      if (!current.has(kept) && (fresh || (await takeFacts(kept)))) current.add(kept);
    }
    await takeHistory([...current]);
    return asks.map(({ kept, tail }) => (current.has(kept) ? kept.book.edition(HEAD, tail) : null));
  }

  /** Replaces the pages whose tickets have changed. Returns false when the whole book should be built again. */
  async function takeFacts(kept: Kept): Promise<boolean> {
    const { selection, book } = kept;
    const state = await reader.state(selection.event);
    if (state.generation !== kept.state.generation) return false;
    if (state.change === kept.state.change) return true;
    const changed = await reader.changes(selection, { since: kept.state, until: state });
    if (!changed) return false;
    // Rows are as old as the read model: later check-ins must be applied to them once more.
    if (store.before(state.position, kept.position)) kept.position = state.position;
    const touched = book.pagesFor(changed.filter(({ shown, id }) => shown || book.has(id)));
    for (const [page, ids] of touched) await book.replace(page, await linesOf(kept, [...ids]));
    kept.state = state;
    return true;
  }

  /** The current lines of some tickets, in a book's order. A batch may have put ten thousand of them on one page. */
  async function linesOf({ selection, line }: Kept, ids: readonly number[]): Promise<Line[]> {
    const lines: Line[] = [];
    for (let from = 0; from < ids.length; from += PAGE_TICKETS) {
      const rows = await reader.rows(selection, ids.slice(from, from + PAGE_TICKETS));
      for (const row of rows) lines.push(line(row));
    }
    return lines.sort((a, b) => a.positionid - b.positionid || a.id - b.id);
  }

  /** Applies new check-ins to books. */
  async function takeHistory(kept: readonly Kept[]): Promise<void> {
    const [first, ...others] = kept.map(({ position }) => position);
    if (first === undefined) return;
    const from = others.reduce((least, position) => (store.before(position, least) ? position : least), first);
    const reached = await replayEntries(store, from, (entries) => {
      for (const { book, selection } of kept) book.setFlags(entries.get(selection.list) ?? NO_FLAGS);
    });
    for (const each of kept) each.position = reached;
  }

  const refreshes = coalesce<Refresh, Edition | null>(refresh, { batch: 1_000, waiting: 10_000 });

  return {
    /** The current download. */
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

const nameOf = ({ access, language }: Wanted): string =>
  [access.list.id, language, access.key.all_items ? 'all' : [...access.key.items].sort((a, b) => a - b)].join(' ');

/** Whether a book is still valid, apart from changed tickets. */
function isCurrent(kept: Kept, wanted: Wanted): boolean {
  const { festival, list } = wanted.access;
  if (kept.outdated || kept.revision !== list.revision || kept.times.next <= Date.now()) return false;
  if (kept.festival !== festival && kept.products !== productsOf(wanted)) return false;
  kept.festival = festival;
  return true;
}

/** The products as lines show them; when they change, a book must be built again. */
function productsOf({ access: { festival }, language }: Wanted): string {
  const items = [...festival.items.values()].map((item) => [
    item.id,
    itemName(festival, item.id, language),
    item.checkin_attention,
    item.variations.map(({ id }) => variationName(festival, { item: item.id, variation: id }, language)),
  ]);
  return JSON.stringify(items);
}

const HEAD = '{"version": 3, "results": [';

/** All check-in questions of the event whose types old scanners support. */
function tailOf({ access: { festival }, language }: Wanted): string {
  const questions = festival.questions.filter((question) => question.ask_during_checkin && isAsked(question));
  return `], "questions": ${spaced(questions.map((question) => questionObject(question, festival, language)))}}`;
}

/** A book is not built again more often than this because of times: each of its tickets may have some of its own. */
const TIMES_MS = 60_000;

/** Writes lines as they are now, and notes in `times` when the first of them changes by itself. */
function lineWriter(
  write: TicketWriter,
  list: { readonly include_pending: boolean },
  times: Kept['times'],
): (row: DownloadRow) => Line {
  return (row) => {
    const now = Date.now();
    const from = row.validFrom === null ? -Infinity : Date.parse(row.validFrom);
    const until = row.validUntil === null ? Infinity : Date.parse(row.validUntil);
    const next = now < from ? from : until + 1;
    if (next > now) times.next = Math.min(times.next, Math.max(next, now + TIMES_MS));
    const [before, after] = write({ ...row, refused: row.barred || now < from || now > until }, list);
    return { id: row.id, positionid: row.positionid, before, after, flag: row.entered };
  };
}

const NO_FLAGS: ReadonlyMap<number, boolean> = new Map();
