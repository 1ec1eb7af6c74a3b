import { coversAllDates } from '@gatehouse/domain/checkin-list';
import type { Admission } from './admission';
import { findList, type ListRow } from './lists';
import { ANY_DATE, type Found } from './tickets/lookup';

/** Identifies the ticket and the list of a scan. */
export type ScanQuery = {
  /** `organizer/slug`. */
  readonly event: string;
  /** null: no list can have that id. */
  readonly list: number | null;
  /** The tickets' date, if the list is not bound to one. */
  readonly date: number | null;
  /** The ticket's secret. `id`, if not null, takes precedence. */
  readonly secret: string;
  /** Secrets to try one after another when no ticket has `secret`. */
  others(): readonly string[];
  readonly id: number | null;
  /** SHA-256 of the scanner's secret; null when the scanner was authenticated otherwise. */
  readonly credential: string | null;
};

/** The list and the ticket, both from the same read. */
export type ScanFound = { readonly list: ListRow | undefined; readonly found: Found };

/**
 * Finds list and ticket of a scan in one read that concurrent scans share; only a code that no ticket has needs more reads.
 * Lists are cached as hints: every read returns the list's current revision, which shows whether the cached one is still
 * valid.
 */
export function scanLookup(admission: Admission): (ask: ScanQuery) => Promise<ScanFound> {
  const lists = new Map<number, ListRow>();

  async function currentList(event: string, id: number): Promise<ListRow | undefined> {
    const list = await findList(admission.pool, event, id);
    if (list) lists.set(id, list);
    else lists.delete(id);
    return list;
  }

  type Named = Pick<ScanQuery, 'secret' | 'id'>;
  async function lookAt({ event, list: id, date, credential }: ScanQuery, ticket: Named): Promise<ScanFound> {
    let list = id === null ? undefined : lists.get(id);
    if (id !== null && !list) list = await currentList(event, id);
    for (;;) {
      const found = await admission.lookup({
        event,
        date: list?.fields.subevent ?? date ?? (list && coversAllDates(list.fields) ? ANY_DATE : null),
        secret: ticket.secret,
        id: ticket.id,
        list: id ?? 0,
        credential,
      });
      if (found.listRevision === (list?.revision ?? null)) return { list, found };
      list = found.listRevision === null ? undefined : await currentList(event, id!);
    }
  }

  const isKnown = (ask: ScanQuery, { credential }: Found) => ask.credential === null || credential !== null;
  const isTicketMissing = (ask: ScanQuery, { list, found }: ScanFound) =>
    isKnown(ask, found) && list !== undefined && !found.ticket;

  async function lookOnce(ask: ScanQuery): Promise<ScanFound> {
    const first = await lookAt(ask, ask);
    if (!isTicketMissing(ask, first)) return first;
    for (const secret of ask.others()) {
      const other = await lookAt(ask, { secret, id: null });
      if (other.found.ticket) return other;
    }
    return first;
  }

  return async (ask) => {
    let at = await lookOnce(ask);
    const isComplete = isKnown(ask, at.found) && at.found.ticket;
    if (!isComplete && (await admission.news())) at = await lookOnce(ask);
    // What sales publishes is no reason to let anybody wait who has no valid credential.
    if (isTicketMissing(ask, at) && (await admission.newsOfSales())) at = await lookOnce(ask);
    return at;
  };
}

/**
 * Looks for tickets; while there are none, once more after everything that the shop has published is applied, and once more
 * after everything of sales (design §8).
 */
export async function lookForTickets<T>(
  { news, newsOfSales }: Pick<Admission, 'news' | 'newsOfSales'>,
  look: () => Promise<T>,
  isNone: (found: T) => boolean,
): Promise<T> {
  let found = await look();
  for (const heard of [news, newsOfSales]) {
    if (isNone(found) && (await heard())) found = await look();
  }
  return found;
}
