import type { Envelope } from '@gatehouse/events/envelope';
import { reference } from '@gatehouse/events/reference';
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

/** Read model `layouts` of a context: the ticket layouts that the shop states. */
export const layoutsModel: ReadModel = {
  name: 'layouts',
  version: 1,
  sql: `
    create table layouts (
      id integer primary key,
      -- organizer/slug
      event text collate "C" not null,
      revision integer not null,
      is_default boolean not null,
      layout json not null
    );
    create index layouts_by_event on layouts (event);
  `,
  tables: [{ name: 'layouts', key: 'id', columns: 'r.id, r.event, r.revision, r.is_default, r.layout::jsonb' }],
  handles: { reference: stateLayouts },
  filter: ({ type }) => type === 'LayoutStated',
};

async function stateLayouts(tx: Tx, events: readonly Envelope[]): Promise<void> {
  for (const stored of events) {
    if (stored.type !== 'LayoutStated') continue;
    const event = reference.read(stored);
    if (event?.type !== 'LayoutStated') continue;
    const { data } = event;
    await tx.query(
      `insert into layouts (id, event, revision, is_default, layout) values ($1, $2, $3, $4, $5)
       on conflict (id) do update set event = excluded.event, revision = excluded.revision,
         is_default = excluded.is_default, layout = excluded.layout
         where layouts.revision < excluded.revision`,
      [data.id, eventOf(data), stored.revision, data.default, JSON.stringify(data.layout ?? null)],
    );
  }
}

const eventOf = ({ organizer, event }: LayoutPlace): string => `${organizer}/${event}`;

/** Finds the layouts of an event by their ids, for checking requests. Rejects with StoreUnavailable without a database. */
export const layoutFinder =
  (pool: Pool, where: LayoutPlace): Find<{ readonly id: number }> =>
  async (id) => {
    const row = await rowOf(pool, where, id);
    return row && { id: row.id };
  };

/** A layout of an event, or undefined when it has none with this id. */
export const layoutOf = (pool: Pool, where: LayoutPlace, id: number): Promise<TicketLayout | undefined> =>
  rowOf(pool, where, id);

type Row = { readonly id: number; readonly layout: unknown };

async function rowOf(pool: Pool, where: LayoutPlace, id: number): Promise<Row | undefined> {
  if (!Number.isSafeInteger(id)) return undefined;
  const { rows } = await available(
    pool.query<Row>('select id, layout from layouts where id = $1::bigint and event = $2', [id, eventOf(where)]),
  );
  return rows[0];
}

/**
 * The layout of a product's tickets that are sold through a channel; null when the event has no default layout, which means our
 * own.
 */
export async function layoutFor(
  pool: Pool,
  where: LayoutPlace,
  _item: number,
  _channel: string,
): Promise<TicketLayout | null> {
  const { rows } = await available(
    pool.query<Row>('select id, layout from layouts where event = $1 and is_default order by id limit 1', [
      eventOf(where),
    ]),
  );
  return rows[0] ?? null;
}
