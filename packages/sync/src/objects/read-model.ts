import type { Envelope } from '@gatehouse/events/envelope';
import { objectOf } from '@gatehouse/events/given';
import { reference, type ReferenceEvent } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';
import type { ReadModel } from '@gatehouse/eventing/read-model';

/** The small things of a shop that a scanner copies: all but its orders. */
export const OBJECT_KINDS = [
  'event',
  'settings',
  'date',
  'category',
  'item',
  'question',
  'badgelayout',
  'badgeitem',
  'revokedsecret',
  'blockedsecret',
] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

type ObjectRow = {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly scope: string;
  readonly revision: number;
  readonly object: unknown;
};

export const OBJECTS = 'objects';

const TYPES: ReadonlySet<ReferenceEvent['type']> = new Set<ReferenceEvent['type']>([
  ...(['EventStated', 'DateStated', 'CategoryStated', 'ItemStated', 'QuestionStated', 'ShopObjectStated'] as const),
]);

/** Read model `objects`: the newest state of each, as the shop sent it. */
export const objectsModel: ReadModel = {
  name: OBJECTS,
  version: 1,
  sql: `
    create table objects (
      kind text collate "C" not null,
      id text collate "C" not null,
      -- organizer/slug
      scope text collate "C" not null,
      revision integer not null,
      object json not null,
      -- A second, by which clients ask whether anything has changed since. Each transaction has a later one than all before it,
      -- so that nothing changes in a second of which somebody has been told already.
      stamp bigint not null,
      primary key (kind, id)
    );
    create index objects_by_stamp on objects (stamp);
  `,
  tables: [{ name: 'objects', key: 'kind, id', columns: 'r.kind, r.id, r.scope, r.revision, r.object::jsonb' }],
  handles: { reference: takeObjects },
  only: [...TYPES],
};

async function takeObjects(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const newest = new Map<string, ObjectRow>();
  for (const stored of events) {
    if (!TYPES.has(stored.type as ReferenceEvent['type'])) continue;
    for (const row of rowsOf(reference.read(stored)!, stored)) newest.set(`${row.kind} ${row.id}`, row);
  }
  if (newest.size === 0) return;
  await tx.query(
    `insert into objects (kind, id, scope, revision, object, stamp)
     select o.*, greatest(extract(epoch from clock_timestamp())::bigint, m.stamp + 1)
     from json_to_recordset($1) as o(kind text, id text, scope text, revision integer, object json)
     cross join (select coalesce(max(stamp), 0) as stamp from objects) m
     on conflict (kind, id) do update
       set scope = excluded.scope, revision = excluded.revision, object = excluded.object, stamp = excluded.stamp
       where objects.revision < excluded.revision`,
    [JSON.stringify([...newest.values()])],
  );
}

function rowsOf(event: ReferenceEvent, { stream, revision }: Envelope): ObjectRow[] {
  const id = stream.slice(stream.indexOf('-') + 1);
  switch (event.type) {
    case 'EventStated': {
      const { organizer, event: slug, given_settings: settings, ...fact } = event.data;
      // These are settings.
      const { locale: _locale, locales: _locales, name_scheme: _scheme, ...own } = fact;
      const scope = `${organizer}/${slug}`;
      return [
        { kind: 'event', id, scope, revision, object: { slug, ...objectOf(own) } },
        { kind: 'settings', id, scope, revision, object: settings ?? {} },
      ];
    }
    case 'DateStated':
      return [{ ...objectRow('date', event.data), id, revision }];
    case 'CategoryStated':
      return [{ ...objectRow('category', event.data), id, revision }];
    case 'ItemStated':
      return [{ ...objectRow('item', event.data), id, revision }];
    case 'QuestionStated':
      return [{ ...objectRow('question', event.data), id, revision }];
    case 'ShopObjectStated':
      return [{ ...objectRow(event.data.kind, event.data), id, revision }];
    default:
      return [];
  }
}

const objectRow = (kind: ObjectKind, fact: { organizer: string; event: string; given?: unknown }) => ({
  kind,
  scope: `${fact.organizer}/${fact.event}`,
  object: kind === 'date' ? { event: fact.event, ...objectOf(fact) } : objectOf(fact),
});
