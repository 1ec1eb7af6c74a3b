import { reference, type ReferenceEvent } from '@gatehouse/events/reference';
import { IdTable } from './id-table';
import { wholeOrders } from './order-parts';
import { knownEvent, variationsOf, type KnownEvent } from './known';
import type { ReferenceStore } from './store';

export type FactOf<T extends ReferenceEvent['type']> = Extract<ReferenceEvent, { type: T }>['data'];
export type Newest<F> = { readonly stream: string; readonly revision: number; readonly fact: F };

/** The newest fact about each entity of one type; `prefix` is what its streams' names begin with. */
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

/** The kinds of which every id belongs to one event, and their streams' prefixes. */
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
export type OwnedKind = keyof typeof OWNED | 'variation' | 'position';

/** The kinds that others refer to: they are always read. The rest only matters where two organizers could clash. */
const REFERRED: readonly (keyof typeof OWNED)[] = ['item', 'date', 'list', 'question', 'category', 'quota', 'taxrule'];

/** Whose an id is, in little memory: owners are numbered texts like `demo/openair`. */
export type Owners = {
  of(kind: OwnedKind, id: number): string | undefined;
  set(kind: OwnedKind, id: number, owner: string): void;
};

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

export type Stored = { readonly events: Map<string, KnownEvent>; readonly owners: Owners };

/** What earlier imports brought, as far as it matters for an import of `organizers`. */
export async function readStored(store: ReferenceStore, organizers: readonly string[]): Promise<Stored> {
  const stored: Stored = { events: new Map(), owners: owners() };
  const known = new Set((await newestFacts(store, 'organizer-', 'OrganizerStated')).map(({ fact }) => fact.organizer));
  const clash = new Set([...known, ...organizers]).size > 1 && known.size > 0;
  for (const kind of clash ? (Object.keys(OWNED) as (keyof typeof OWNED)[]) : REFERRED) {
    const [prefix, type] = OWNED[kind];
    for (const { fact } of await newestFacts(store, prefix, type)) {
      const owner = `${fact.organizer}/${fact.event}`;
      stored.owners.set(kind, fact.id, owner);
      let event = stored.events.get(owner);
      if (!event) stored.events.set(owner, (event = knownEvent(fact.organizer, fact.event)));
      remember(event, kind, fact as never);
      if (kind !== 'item') continue;
      for (const variation of variationsOf(fact as never)) stored.owners.set('variation', variation, owner);
    }
  }
  if (clash) await readPositions(store, stored.owners);
  return stored;
}

function remember(
  event: KnownEvent,
  kind: keyof typeof OWNED,
  fact: Parameters<typeof variationsOf>[0] & { id: number },
): void {
  if (kind === 'item') event.items.set(fact.id, variationsOf(fact));
  if (kind === 'date') event.dates.set(fact.id, null);
  if (kind === 'list') event.lists.add(fact.id);
  if (kind === 'question') (event.questions ??= new Set()).add(fact.id);
  if (kind === 'category') (event.categories ??= new Set()).add(fact.id);
  if (kind === 'quota') (event.quotas ??= new Set()).add(fact.id);
  if (kind === 'taxrule') (event.taxRules ??= new Set()).add(fact.id);
}

/** Of millions of orders only the positions' ids are kept. */
async function readPositions(store: ReferenceStore, found: Owners): Promise<void> {
  for await (const orders of wholeOrders(store)) {
    for (const { organizer, event, positions } of orders) {
      for (const { id } of positions) found.set('position', id, `${organizer}/${event}`);
    }
  }
}
