import { backgroundName, imageNames } from '@gatehouse/domain/layout-files';
import type { Envelope } from '@gatehouse/events/envelope';
import { reference, type LayoutFact, type LayoutFileFact } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { available } from '@gatehouse/eventing/postgres';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import type { Find } from '@gatehouse/service/drf';
import type { Pool } from 'pg';

/** A ticket layout with its files, in the form that `Batch` of ticket-pdf has. */
export type TicketLayout = {
  readonly id: number;
  /** The layout's JSON as the shop states it. */
  readonly layout: unknown;
  /** A PDF, PNG or JPEG file. */
  readonly background?: Uint8Array;
  /** PNG or JPEG files by the content of the image elements that show them. */
  readonly images?: Readonly<Record<string, Uint8Array>>;
};

/** The event whose layouts are meant. */
export type LayoutPlace = { readonly organizer: string; readonly event: string };

const TYPES = new Set(['LayoutStated', 'LayoutFileStated']);

/** Read model `layouts` of a context: the ticket layouts that the shop states, and their files. */
export const layoutsModel: ReadModel = {
  name: 'layouts',
  version: 2,
  sql: `
    create table layouts (
      id integer primary key,
      -- organizer/slug
      event text collate "C" not null,
      revision integer not null,
      is_default boolean not null,
      -- Of which products, by sales channel: [{"item": 7, "sales_channel": "web"}]
      assignments jsonb not null,
      -- The name of its file.
      background text,
      layout json not null
    );
    create index layouts_by_event on layouts (event);
    create table layout_files (
      event text collate "C" not null,
      name text collate "C" not null,
      revision integer not null,
      bytes bytea not null,
      primary key (event, name)
    );
    -- Of files whose last part has not come yet.
    create table layout_file_parts (
      event text collate "C" not null,
      name text collate "C" not null,
      revision integer not null,
      bytes bytea not null,
      primary key (event, name, revision)
    );
  `,
  tables: [
    {
      name: 'layouts',
      key: 'id',
      columns: 'r.id, r.event, r.revision, r.is_default, r.assignments, r.background, r.layout::jsonb',
    },
    { name: 'layout_files', key: 'event, name', columns: 'r.event, r.name, r.revision, md5(r.bytes)' },
    { name: 'layout_file_parts', key: 'event, name, revision', columns: 'r.event, r.name, r.revision, md5(r.bytes)' },
  ],
  handles: { reference: takeLayouts },
  only: [...TYPES],
};

async function takeLayouts(tx: Tx, events: readonly Envelope[]): Promise<void> {
  for (const stored of events) {
    if (!TYPES.has(stored.type)) continue;
    const event = reference.read(stored);
    if (event?.type === 'LayoutStated') await takeLayout(tx, event.data, stored.revision);
    if (event?.type === 'LayoutFileStated') await takeFilePart(tx, event.data, stored.revision);
  }
}

async function takeLayout(tx: Tx, fact: LayoutFact, revision: number): Promise<void> {
  const { id, default: isDefault, item_assignments: assignments = [], background, layout } = fact;
  await tx.query(
    `insert into layouts (id, event, revision, is_default, assignments, background, layout)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (id) do update set event = excluded.event, revision = excluded.revision,
       is_default = excluded.is_default, assignments = excluded.assignments, background = excluded.background,
       layout = excluded.layout
       where layouts.revision < excluded.revision`,
    [
      id,
      eventOf(fact),
      revision,
      isDefault,
      JSON.stringify(assignments),
      backgroundName(background),
      JSON.stringify(layout ?? null),
    ],
  );
}

/** A file is replaced as a whole, when its last part is there. */
async function takeFilePart(tx: Tx, fact: LayoutFileFact, revision: number): Promise<void> {
  const { name, part, data } = fact;
  const of = [eventOf(fact), name, revision];
  await tx.query(
    `insert into layout_file_parts (event, name, revision, bytes)
     select $1, $2, $3, $4
     where not exists (select 1 from layout_files where event = $1 and name = $2 and revision >= $3)
     on conflict do nothing`,
    [...of, Buffer.from(data, 'base64')],
  );
  if (part.number < part.of) return;
  await tx.query(
    `insert into layout_files (event, name, revision, bytes)
     select $1, $2, $3, string_agg(bytes, ''::bytea order by revision)
     from layout_file_parts
     where event = $1 and name = $2 and revision > $3 - $4::integer and revision <= $3
     having count(*) = $4::integer
     on conflict (event, name) do update set revision = excluded.revision, bytes = excluded.bytes
       where layout_files.revision < excluded.revision`,
    [...of, part.of],
  );
  await tx.query('delete from layout_file_parts where event = $1 and name = $2 and revision <= $3', of);
}

const eventOf = ({ organizer, event }: LayoutPlace): string => `${organizer}/${event}`;

/** Finds the layouts of an event by their ids, for checking requests. Rejects with StoreUnavailable without a database. */
export const layoutFinder =
  (pool: Pool, where: LayoutPlace): Find<{ readonly id: number }> =>
  async (id) => {
    const row = await rowOf(pool, where, id);
    return row && { id: row.id };
  };

type Row = { readonly id: number; readonly background: string | null; readonly layout: unknown };

async function rowOf(pool: Pool, where: LayoutPlace, id: number): Promise<Row | undefined> {
  if (!Number.isSafeInteger(id)) return undefined;
  const { rows } = await available(
    pool.query<Row>('select id, background, layout from layouts where id = $1::bigint and event = $2', [
      id,
      eventOf(where),
    ]),
  );
  return rows[0];
}

/** A layout of an event with the files that the shop's export had, or undefined when the event has none with this id. */
export async function layoutOf(pool: Pool, where: LayoutPlace, id: number): Promise<TicketLayout | undefined> {
  const row = await rowOf(pool, where, id);
  return row && withFiles(pool, where, row);
}

/**
 * The layout of a product's tickets that are sold through a channel, as the shop chooses it: that of the product in this
 * channel, else in `web`, else the event's default. Null when there is none of them, which means our own.
 */
export async function layoutFor(
  pool: Pool,
  where: LayoutPlace,
  item: number,
  channel: string,
): Promise<TicketLayout | null> {
  const assigned = (sales_channel: string) => JSON.stringify([{ item, sales_channel }]);
  const { rows } = await available(
    pool.query<Row>(
      `select id, background, layout
       from (
         select *, assignments @> $2::jsonb as of_channel, assignments @> $3::jsonb as of_web
         from layouts where event = $1
       ) l
       where of_channel or of_web or is_default
       order by of_channel desc, of_web desc, is_default desc, id limit 1`,
      [eventOf(where), assigned(channel), assigned('web')],
    ),
  );
  return rows[0] ? withFiles(pool, where, rows[0]) : null;
}

async function withFiles(pool: Pool, where: LayoutPlace, { id, background, layout }: Row): Promise<TicketLayout> {
  const images = imageNames(layout);
  const names = background === null ? images : [...images, background];
  if (names.length === 0) return { id, layout };
  const { rows } = await available(
    pool.query<{ name: string; bytes: Buffer }>(
      'select name, bytes from layout_files where event = $1 and name = any($2::text[])',
      [eventOf(where), names],
    ),
  );
  const files = new Map(rows.map(({ name, bytes }) => [name, bytes]));
  const ground = background === null ? undefined : files.get(background);
  const found = images.flatMap((name) => (files.has(name) ? [[name, files.get(name)!] as const] : []));
  return {
    id,
    layout,
    ...(ground && { background: ground }),
    ...(found.length > 0 && { images: Object.fromEntries(found) }),
  };
}
