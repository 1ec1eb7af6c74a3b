import type {
  CategoryFact,
  DateFact,
  EventFact,
  ItemFact,
  OrganizerFact,
  QuestionFact,
  ReferenceEvent,
  VoucherFact,
} from '@gatehouse/events/reference';
import { reference } from '@gatehouse/events/reference';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { StoreUnavailable } from '@gatehouse/eventing/event-store';
import { available, type Listener } from '@gatehouse/eventing/postgres';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import type { Pool } from 'pg';

/** The kinds of facts that every process of admission keeps in memory: what a festival sells and asks, not who bought it. */
const KINDS: Partial<Record<ReferenceEvent['type'], string>> = {
  OrganizerStated: 'organizer',
  EventStated: 'event',
  DateStated: 'date',
  CategoryStated: 'category',
  ItemStated: 'item',
  QuestionStated: 'question',
  VoucherStated: 'voucher',
  SalesChannelStated: 'channel',
};

type FactRow = { kind: string; id: string; organizer: string; event: string | null; revision: number; data: string };

/** Read model `catalog`: the newest state of every small fact. */
export const catalogModel: ReadModel = {
  name: 'catalog',
  version: 1,
  sql: `
    create table facts (
      kind text collate "C" not null,
      id text collate "C" not null,
      organizer text not null,
      event text,
      revision integer not null,
      data json not null,
      -- Grows with every change, so that a process asks only for what it has not seen.
      change bigint generated always as identity,
      primary key (kind, id)
    );
    create index facts_by_change on facts (change);
  `,
  tables: [
    { name: 'facts', key: 'kind, id', columns: 'r.kind, r.id, r.organizer, r.event, r.revision, r.data::jsonb' },
  ],
  handles: { reference: stateFacts },
};

async function stateFacts(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const newest = new Map<string, FactRow>();
  for (const stored of events) {
    const kind = KINDS[stored.type as ReferenceEvent['type']];
    if (!kind) continue;
    const { data } = reference.read(stored)!;
    const row = {
      kind,
      id: stored.stream.slice(stored.stream.indexOf('-') + 1),
      organizer: (data as { organizer: string }).organizer,
      event: 'event' in data ? data.event : null,
      revision: stored.revision,
      data: JSON.stringify(data),
    };
    newest.set(`${kind} ${row.id}`, row);
  }
  if (newest.size === 0) return;
  const rows = [...newest.values()];
  await tx.query(
    `delete from facts f using unnest($1::text[], $2::text[], $3::integer[]) as s(kind, id, revision)
     where f.kind = s.kind and f.id = s.id and f.revision < s.revision`,
    [rows.map((row) => row.kind), rows.map((row) => row.id), rows.map((row) => row.revision)],
  );
  await tx.query(
    `insert into facts (kind, id, organizer, event, revision, data)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::json[])
     on conflict do nothing`,
    [
      rows.map((row) => row.kind),
      rows.map((row) => row.id),
      rows.map((row) => row.organizer),
      rows.map((row) => row.event),
      rows.map((row) => row.revision),
      rows.map((row) => row.data),
    ],
  );
}

/** One event with all that is sold and asked there. */
export type Festival = {
  /** `organizer/slug`. */
  readonly key: string;
  readonly fact: EventFact;
  readonly dates: ReadonlyMap<number, DateFact>;
  readonly categories: ReadonlyMap<number, CategoryFact>;
  readonly items: ReadonlyMap<number, ItemFact>;
  /** In the order position, id. */
  readonly questions: readonly QuestionFact[];
  /** The check-in questions of each item, in the order in which they are asked. */
  readonly checkinQuestions: ReadonlyMap<number, readonly QuestionFact[]>;
};

export type FactKind = 'item' | 'variation' | 'date' | 'voucher';

/** All events of this installation, in memory; follows the read model through NOTIFY. */
export type Catalog = {
  festival(organizer: string, slug: string): Festival | undefined;
  organizer(slug: string): OrganizerFact | undefined;
  /** Whether an id exists in any event of this installation (contract §1.9). */
  exists(kind: FactKind, id: number): boolean;
  /** The item's organizer and event, or undefined when there is no such item. */
  itemOwner(id: number): { organizer: string; event: string } | undefined;
  dateOwner(id: number): { organizer: string; event: string } | undefined;
  /** The vouchers that have this code, written just so, in any event. */
  voucherIds(code: string): number[];
  /** Sales channels that the organizer has stated; `web` always exists. Empty: none were stated. */
  channels(organizer: string): ReadonlySet<string>;
  close(): void;
};

/** How soon a read that failed is tried again. */
const RETRY_MS = 500;

/** The newest facts, by kind and then by the entity's id as its stream has it. */
type Facts = { readonly [Kind in keyof FactOfKind]: Map<string, FactOfKind[Kind]> };
type FactOfKind = {
  organizer: OrganizerFact;
  event: EventFact;
  date: DateFact;
  category: CategoryFact;
  item: ItemFact;
  question: QuestionFact;
  voucher: VoucherFact;
  channel: Extract<ReferenceEvent, { type: 'SalesChannelStated' }>['data'];
};

/**
 * Opens the catalog. While the read model stands there in another version, which it is built anew from, there is nothing to be read:
 * then whatever is asked of the catalog throws StoreUnavailable, and it is read as soon as it can be.
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
      pool.query<{ kind: keyof Facts; id: string; data: never; change: string }>(
        'select kind, id, data, change from facts where change > $1 order by change',
        [isOther ? '0' : seen],
      ),
    );
    if (isOther) {
      generation = models[0]!.generation;
      seen = '0';
      for (const map of Object.values(facts)) map.clear();
    }
    for (const { kind, id, data } of rows) facts[kind]?.set(id, data);
    if (rows.length > 0) seen = rows.at(-1)!.change;
    if (rows.length > 0 || isOther || !derived) derived = derive(facts);
  }

  /** One read at a time: a wish that comes while one is under way is answered by the next. */
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

  /** What changed is told once, so a read that fails must not be the last. */
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
    organizer: (slug) => now() && facts.organizer.get(slug),
    exists(kind, id) {
      if (kind === 'variation') return now().variations.has(id);
      return now() && facts[kind].has(String(id));
    },
    itemOwner: (id) => now() && owner(facts.item.get(String(id))),
    dateOwner: (id) => now() && owner(facts.date.get(String(id))),
    voucherIds: (code) => now().vouchers.get(code) ?? [],
    channels: (organizer) => now().channels.get(organizer) ?? none,
    close() {
      closed = true;
      clearTimeout(retry);
      forget();
    },
  };
}

const noop = (): void => undefined;

/** What follows from all newest facts together. Made anew from them whenever one changes: what none of them has is gone. */
type Derived = {
  readonly festivals: ReadonlyMap<string, Festival>;
  readonly variations: ReadonlySet<number>;
  /** Ids by code. */
  readonly vouchers: ReadonlyMap<string, number[]>;
  /** By organizer. */
  readonly channels: ReadonlyMap<string, ReadonlySet<string>>;
};

function derive(facts: Facts): Derived {
  const parts = new Map<
    string,
    { dates: DateFact[]; categories: CategoryFact[]; items: ItemFact[]; questions: QuestionFact[] }
  >();
  for (const key of facts.event.keys()) parts.set(key, { dates: [], categories: [], items: [], questions: [] });
  const of = (fact: { organizer: string; event: string }) => parts.get(`${fact.organizer}/${fact.event}`);
  for (const fact of facts.date.values()) of(fact)?.dates.push(fact);
  for (const fact of facts.category.values()) of(fact)?.categories.push(fact);
  for (const fact of facts.item.values()) of(fact)?.items.push(fact);
  for (const fact of facts.question.values()) of(fact)?.questions.push(fact);
  const vouchers = new Map<string, number[]>();
  for (const { code, id } of facts.voucher.values()) vouchers.set(code, [...(vouchers.get(code) ?? []), id]);
  const channels = new Map<string, Set<string>>();
  for (const { organizer, identifier } of facts.channel.values()) {
    channels.set(organizer, (channels.get(organizer) ?? new Set<string>()).add(identifier));
  }
  return {
    festivals: new Map([...facts.event].map(([key, fact]) => [key, festivalOf(key, fact, parts.get(key)!)])),
    variations: new Set([...facts.item.values()].flatMap((item) => item.variations.map(({ id }) => id))),
    vouchers,
    channels,
  };
}

function festivalOf(
  key: string,
  fact: EventFact,
  {
    dates,
    categories,
    items,
    questions,
  }: { dates: DateFact[]; categories: CategoryFact[]; items: ItemFact[]; questions: QuestionFact[] },
): Festival {
  const asked = questions.sort((a, b) => a.position - b.position || a.id - b.id);
  return {
    key,
    fact,
    dates: byId(dates),
    categories: byId(categories),
    items: byId(items),
    questions: asked,
    checkinQuestions: new Map(
      items.map((item) => [
        item.id,
        asked.filter((question) => question.ask_during_checkin && question.items.includes(item.id)),
      ]),
    ),
  };
}

const byId = <T extends { id: number }>(facts: readonly T[]): Map<number, T> =>
  new Map(facts.map((fact) => [fact.id, fact]));
