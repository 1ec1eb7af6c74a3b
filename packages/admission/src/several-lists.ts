import { coversAllDates } from '@gatehouse/domain/checkin-list';
import type { Credential } from '@gatehouse/shop/credentials';
import type { Admission } from './admission';
import { findListsById, type ListRow } from './lists';
import { ANY_DATE, type Ticket } from './tickets/lookup';

/** One scan at several lists of different events. */
export type SeveralQuery = {
  /** At least one. */
  readonly lists: readonly number[];
  readonly secret: string;
  /** Secrets to try one after another when no ticket has `secret`. */
  others(): readonly string[];
  /** SHA-256 of the scanner's secret; null when the scanner was authenticated otherwise. */
  readonly credential: string | null;
};

/** The lists that exist, each with the ticket of its event and date that has the secret, and the credential: all from the same read. */
export type SeveralFound = {
  readonly at: readonly { readonly list: ListRow; readonly ticket: Ticket | null }[];
  readonly credential: Credential | null;
};

export type SeveralLists = {
  /** Those that exist, by id, as last seen: a hint, which `look` confirms. */
  known(ids: readonly number[]): Promise<Map<number, ListRow>>;
  /**
   * Finds lists, ticket and credential of a scan in one read that concurrent scans share, however many lists there are; only a
   * code that no ticket has needs more.
   */
  look(ask: SeveralQuery): Promise<SeveralFound>;
};

/** Looks for scans at several lists, whose facts it remembers; every read shows whether they are the current ones. */
export function severalLists(admission: Admission): SeveralLists {
  const hints = new Map<number, ListRow>();

  async function known(ids: readonly number[]): Promise<Map<number, ListRow>> {
    const missing = ids.filter((id) => !hints.has(id));
    if (missing.length > 0) {
      for (const list of await findListsById(admission.pool, missing)) hints.set(list.id, list);
    }
    return new Map(ids.flatMap((id) => (hints.has(id) ? [[id, hints.get(id)!] as const] : [])));
  }

  async function lookAt({ lists: ids, credential }: SeveralQuery, secret: string): Promise<SeveralFound> {
    for (;;) {
      const lists = [...(await known(ids)).values()];
      // Asked in one turn of the event loop, so that they share the read.
      const found = await Promise.all(
        lists.map(({ id, fields }) =>
          admission.lookup({
            event: `${fields.organizer}/${fields.event}`,
            date: fields.subevent ?? (coversAllDates(fields) ? ANY_DATE : null),
            ...{ secret, id: null, list: id, credential },
          }),
        ),
      );
      const outdated = lists.filter(({ revision }, i) => found[i]!.listRevision !== revision);
      if (outdated.length === 0) {
        return {
          at: lists.map((list, i) => ({ list, ticket: found[i]!.ticket })),
          credential: found[0]?.credential ?? null,
        };
      }
      for (const { id } of outdated) hints.delete(id);
    }
  }

  const isKnown = (ask: SeveralQuery, { credential }: SeveralFound) => ask.credential === null || credential !== null;
  const isTicketMissing = (ask: SeveralQuery, found: SeveralFound) =>
    isKnown(ask, found) && found.at.length > 0 && found.at.every(({ ticket }) => ticket === null);

  async function lookOnce(ask: SeveralQuery): Promise<SeveralFound> {
    const first = await lookAt(ask, ask.secret);
    if (!isTicketMissing(ask, first)) return first;
    for (const secret of ask.others()) {
      const other = await lookAt(ask, secret);
      if (!isTicketMissing(ask, other)) return other;
    }
    return first;
  }

  return {
    known,
    async look(ask) {
      let found = await lookOnce(ask);
      const isComplete = isKnown(ask, found) && !isTicketMissing(ask, found);
      if (!isComplete && (await admission.news())) found = await lookOnce(ask);
      // What sales publishes is no reason to let anybody wait who has no valid credential.
      if (isTicketMissing(ask, found) && (await admission.newsOfSales())) found = await lookOnce(ask);
      return found;
    },
  };
}
