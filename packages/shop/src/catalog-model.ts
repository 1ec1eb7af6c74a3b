import type { Envelope } from '@gatehouse/events/envelope';
import {
  reference,
  type CategoryFact,
  type DateFact,
  type EventFact,
  type ItemFact,
  type OrganizerFact,
  type QuestionFact,
  type QuotaFact,
  type ReferenceEvent,
  type VoucherFact,
} from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';
import type { ReadModel } from '@gatehouse/eventing/read-model';

/** The small facts of a shop that a context may keep in memory: products, dates and questions, not orders. */
export type FactOfKind = {
  organizer: OrganizerFact;
  event: EventFact;
  date: DateFact;
  category: CategoryFact;
  item: ItemFact;
  question: QuestionFact;
  /** With its revision: a quota that has closed itself is open again only by a newer fact (contract §2.7). */
  quota: QuotaFact & { readonly revision: number };
  voucher: VoucherFact;
  channel: Extract<ReferenceEvent, { type: 'SalesChannelStated' }>['data'];
};
export type Kind = keyof FactOfKind;

const KIND_OF: Partial<Record<ReferenceEvent['type'], Kind>> = {
  OrganizerStated: 'organizer',
  EventStated: 'event',
  DateStated: 'date',
  CategoryStated: 'category',
  ItemStated: 'item',
  QuestionStated: 'question',
  QuotaStated: 'quota',
  VoucherStated: 'voucher',
  SalesChannelStated: 'channel',
};

type FactRow = { kind: string; id: string; organizer: string; event: string | null; revision: number; data: string };

export const CATALOG = 'catalog';

/** Read model `catalog` of a context: the newest state of every fact of the kinds that it needs. */
export const catalogModel = (kinds: readonly Kind[]): ReadModel => ({
  name: CATALOG,
  version: 2,
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
  handles: { reference: (tx, events) => stateFacts(tx, events, new Set(kinds)) },
  only: Object.entries(KIND_OF).flatMap(([type, kind]) => (kinds.includes(kind) ? [type] : [])),
});

/** Whole objects of the shop are not kept: only who gives them back needs them. */
function withoutGiven(fact: object): object {
  const { given: _given, given_settings: _settings, ...used } = fact as { given?: unknown; given_settings?: unknown };
  return used;
}

async function stateFacts(tx: Tx, events: readonly Envelope[], kinds: ReadonlySet<Kind>): Promise<void> {
  const newest = new Map<string, FactRow>();
  for (const stored of events) {
    const kind = KIND_OF[stored.type as ReferenceEvent['type']];
    if (!kind || !kinds.has(kind)) continue;
    const { data } = reference.read(stored)!;
    const row = {
      kind,
      id: stored.stream.slice(stored.stream.indexOf('-') + 1),
      organizer: (data as { organizer: string }).organizer,
      event: 'event' in data ? data.event : null,
      revision: stored.revision,
      data: JSON.stringify(withoutGiven(data)),
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
