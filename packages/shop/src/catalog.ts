import type { ItemFact, OrganizerFact, QuestionFact } from '@gatehouse/events/reference';
import { StoreUnavailable } from '@gatehouse/eventing/event-store';
import { available, type Listener } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
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

/** Pause before a failed read is repeated. */
const RETRY_MS = 500;

/**
 * Opens the catalog. While the read model has another version and is being rebuilt, it cannot be read: until then every
 * access throws StoreUnavailable.
 */
export async function openCatalog(options: { pool: Pool; schema: string; listener: Listener }): Promise<Catalog> {
  const { pool, schema, listener } = options;
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
  let derived: Derived | undefined;
  let seen = '0';
  let generation = 0;
  let reading: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;
  let closed = false;

  async function read(): Promise<void> {
    const { rows: models } = await available(
      pool.query<{ generation: number }>("select generation from read_models where name = 'catalog'"),
    );
    const isOther = models[0] !== undefined && models[0].generation !== generation;
    const { rows } = await available(
      pool.query<{ kind: keyof Facts; id: string; revision: number; data: object; change: string }>(
        'select kind, id, revision, data, change from facts where change > $1 order by change',
        [isOther ? '0' : seen],
      ),
    );
    if (isOther) {
      generation = models[0]!.generation;
      seen = '0';
      for (const map of Object.values(facts)) map.clear();
    }
    for (const { kind, id, revision, data } of rows) {
      facts[kind]?.set(id, (kind === 'quota' ? { ...data, revision } : data) as never);
    }
    if (rows.length > 0) seen = rows.at(-1)!.change;
    if (rows.length > 0 || isOther || !derived) derived = derive(facts);
  }

  /** One read at a time: a request during a read is served by the next one. */
  function refresh(): Promise<void> {
    if (!reading) return begin();
    return (next ??= reading.then(noop, noop).then(() => {
      next = undefined;
      return begin();
    }));
  }

  function begin(): Promise<void> {
    reading = read().finally(() => (reading = undefined));
    return reading;
  }

  /** A change is notified once, so a failed read must be repeated. */
  function follow(): void {
    clearTimeout(retry);
    refresh().catch(() => {
      if (!closed) retry = setTimeout(follow, RETRY_MS);
    });
  }

  function now(): Derived {
    if (!derived) throw new StoreUnavailable('the catalog has not been read yet');
    return derived;
  }

  const forget = listener.on(`${schema}.catalog`, follow);
  await refresh().catch((error: unknown) => {
    if (!(error instanceof StoreUnavailable)) throw error;
    follow();
  });
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
    refresh,
    close() {
      closed = true;
      clearTimeout(retry);
      forget();
    },
  };
}

const noop = (): void => undefined;
