import type { ItemFact, OrganizerFact, QuestionFact } from '@gatehouse/events/reference';
import { followTable } from '@gatehouse/eventing/followed-table';
import type { Listener } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import { CATALOG } from './catalog-model';
import { derive, type Derived, type Facts, type Festival } from './festival';

export type FactKind = 'item' | 'variation' | 'date' | 'voucher';

/** All events of this installation, in memory; NOTIFY of the read model keeps it up to date. */
export type Catalog = {
  festival(organizer: string, slug: string): Festival | undefined;
  /** All events, in no particular order. */
  festivals(): Festival[];
  organizer(slug: string): OrganizerFact | undefined;
  /** Whether an id exists in any event of this installation (contract §1.9). */
  exists(kind: FactKind, id: number): boolean;
  /** The item's organizer and event, or undefined when there is no such item. */
  itemOwner(id: number): { organizer: string; event: string } | undefined;
  dateOwner(id: number): { organizer: string; event: string } | undefined;
  /** Of whatever event, as the three that follow. */
  item(id: number): ItemFact | undefined;
  question(id: number): QuestionFact | undefined;
  /** The question that has this option. */
  questionOfOption(id: number): QuestionFact | undefined;
  /** The item that has this variation. */
  itemOfVariation(id: number): ItemFact | undefined;
  /** The vouchers with exactly this code, in any event. */
  voucherIds(code: string): number[];
  /** Sales channels that the organizer has stated; `web` always exists. Empty: none were stated. */
  channels(organizer: string): ReadonlySet<string>;
  /** Resolves when it has everything that the read model had at the time of the call. Rejects with StoreUnavailable. */
  refresh(): Promise<void>;
  close(): void;
};

/**
 * Opens the catalog. While the read model has another version and is being rebuilt, it cannot be read: until then every
 * access throws StoreUnavailable.
 */
export async function openCatalog(options: { pool: Pool; schema: string; listener: Listener }): Promise<Catalog> {
  const facts: Facts = {
    organizer: new Map(),
    event: new Map(),
    date: new Map(),
    category: new Map(),
    item: new Map(),
    question: new Map(),
    quota: new Map(),
    voucher: new Map(),
    channel: new Map(),
  };
  let derived = derive(facts);
  type Row = { kind: keyof Facts; id: string; revision: number; data: object; change: string };
  const table = await followTable<Row>(
    {
      readModel: CATALOG,
      changedAfter: 'select kind, id, revision, data, change from facts where change > $1 order by change',
      take(rows, isAll) {
        if (isAll) for (const map of Object.values(facts)) map.clear();
        for (const { kind, id, revision, data } of rows) {
          facts[kind]?.set(id, (kind === 'quota' ? { ...data, revision } : data) as never);
        }
        derived = derive(facts);
      },
    },
    options,
  );

  function now(): Derived {
    table.requireRead();
    return derived;
  }

  const owner = (fact: { organizer: string; event: string } | undefined) =>
    fact && { organizer: fact.organizer, event: fact.event };
  const none: ReadonlySet<string> = new Set();
  return {
    festival: (organizer, slug) => now().festivals.get(`${organizer}/${slug}`),
    festivals: () => [...now().festivals.values()],
    organizer: (slug) => now() && facts.organizer.get(slug),
    exists(kind, id) {
      if (kind === 'variation') return now().variations.has(id);
      return now() && facts[kind].has(String(id));
    },
    itemOwner: (id) => now() && owner(facts.item.get(String(id))),
    dateOwner: (id) => now() && owner(facts.date.get(String(id))),
    item: (id) => now() && facts.item.get(String(id)),
    question: (id) => now() && facts.question.get(String(id)),
    questionOfOption: (id) => now().options.get(id),
    itemOfVariation: (id) => now().variations.get(id),
    voucherIds: (code) => now().vouchers.get(code) ?? [],
    channels: (organizer) => now().channels.get(organizer) ?? none,
    refresh: () => table.refresh(),
    close: () => table.close(),
  };
}
