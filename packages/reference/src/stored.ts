import { reference, type ReferenceEvent } from '@gatehouse/events/reference';
import { IdTable } from './id-table';
import { wholeOrders } from './order-parts';
import { addTo, eventIn, variationsOf, type KnownEvent, type KnownEvents, type ReferredKind } from './known';
import type { ReferenceStore } from './store';

/** The content of an event of one type. */
export type FactOf<T extends ReferenceEvent['type']> = Extract<ReferenceEvent, { type: T }>['data'];
/** The newest fact of a stream. */
export type Newest<F> = { readonly stream: string; readonly revision: number; readonly fact: F };

/** The newest fact about each entity of one type; `prefix` is the prefix of its streams' names. */
export async function newestFacts<T extends ReferenceEvent['type']>(
  store: ReferenceStore,
  prefix: string,
  type: T,
): Promise<Newest<FactOf<T>>[]> {
  const newest: Newest<FactOf<T>>[] = [];
  for (const recorded of await store.latest(prefix)) {
    const event = reference.read(recorded);
    if (event?.type !== type) continue;
    newest.push({ stream: recorded.stream, revision: recorded.revision, fact: event.data as FactOf<T> });
  }
  return newest;
}

/** The kinds whose ids belong to one event each, and their streams' prefixes. */
export const OWNED = {
  item: ['item-', 'ItemStated'],
  date: ['date-', 'DateStated'],
  list: ['list-', 'ListStated'],
  question: ['question-', 'QuestionStated'],
  category: ['category-', 'CategoryStated'],
  quota: ['quota-', 'QuotaStated'],
  taxrule: ['taxrule-', 'TaxRuleStated'],
  layout: ['layout-', 'LayoutStated'],
  voucher: ['voucher-', 'VoucherStated'],
  waiting: ['waiting-', 'WaitingListEntryStated'],
  seat: ['seat-', 'SeatStated'],
  cartposition: ['cartposition-', 'CartPositionStated'],
} as const;
/** The kinds of ids that are unique in an installation of pretix. */
export type OwnedKind = keyof typeof OWNED | 'variation' | 'position';

/** The kinds to which others refer: they are always read. The others are only read to find clashes between organizers. */
const REFERRED: readonly ReferredKind[] = ['item', 'date', 'list', 'question', 'category', 'quota', 'taxrule'];

/** The owner of each id, in little memory: owners are numbered texts like `demo/openair`. */
export type Owners = {
  of(kind: OwnedKind, id: number): string | undefined;
  set(kind: OwnedKind, id: number, owner: string): void;
};

/** An empty table of owners. */
export function owners(): Owners {
  const tables = new Map<OwnedKind, IdTable>();
  const names: string[] = [];
  const numbers = new Map<string, number>();
  return {
    of(kind, id) {
      const number = tables.get(kind)?.get(id);
      return number === undefined ? undefined : names[number];
    },
    set(kind, id, owner) {
      let number = numbers.get(owner);
      if (number === undefined) numbers.set(owner, (number = names.push(owner) - 1));
      let table = tables.get(kind);
      if (!table) tables.set(kind, (table = new IdTable()));
      table.set(id, number);
    },
  };
}

/** What an import needs of earlier imports. */
export type Stored = { readonly events: KnownEvents; readonly owners: Owners };

/** Reads what an import of `organizers` needs of earlier imports. */
export async function readStored(store: ReferenceStore, organizers: readonly string[]): Promise<Stored> {
  const stored: Stored = { events: new Map(), owners: owners() };
  const known = new Set((await newestFacts(store, 'organizer-', 'OrganizerStated')).map(({ fact }) => fact.organizer));
  const clash = new Set([...known, ...organizers]).size > 1 && known.size > 0;
  for (const kind of clash ? (Object.keys(OWNED) as (keyof typeof OWNED)[]) : REFERRED) {
    const [prefix, type] = OWNED[kind];
    for (const { fact } of await newestFacts(store, prefix, type)) {
      const owner = `${fact.organizer}/${fact.event}`;
      stored.owners.set(kind, fact.id, owner);
      makeKnown(eventIn(stored.events, fact.organizer, fact.event), kind, fact as never);
      if (kind !== 'item') continue;
      for (const variation of variationsOf(fact as never)) stored.owners.set('variation', variation, owner);
    }
  }
  if (clash) await readPositions(store, stored.owners);
  return stored;
}

/** The seating plan of a date is not stored: the seats of an earlier import have their positions. */
function makeKnown(
  event: KnownEvent,
  kind: keyof typeof OWNED,
  fact: Parameters<typeof variationsOf>[0] & { id: number },
): void {
  const { id } = fact;
  if (kind === 'item') addTo(event, { kind, id, variations: variationsOf(fact) });
  else if (kind === 'date') addTo(event, { kind, id, seatingPlan: null });
  else if (isReferred(kind)) addTo(event, { kind, id });
}

const isReferred = (kind: keyof typeof OWNED): kind is ReferredKind =>
  (REFERRED as readonly (keyof typeof OWNED)[]).includes(kind);

/** Reads only the positions' ids of the orders, which may be millions. */
async function readPositions(store: ReferenceStore, found: Owners): Promise<void> {
  for await (const orders of wholeOrders(store)) {
    for (const { organizer, event, positions } of orders) {
      for (const { id } of positions) found.set('position', id, `${organizer}/${event}`);
    }
  }
}
