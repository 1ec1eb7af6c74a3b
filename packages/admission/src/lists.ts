import { checkinListEvents } from '@gatehouse/events/admission';
import { checkinListFields, type CheckinListFields } from '@gatehouse/events/checkin-list';
import type { Envelope } from '@gatehouse/events/envelope';
import { checkinList } from '@gatehouse/domain/checkin-list';
import type { Tx } from '@gatehouse/eventing/event-bus';
import type { EventStore } from '@gatehouse/eventing/event-store';
import { available } from '@gatehouse/eventing/postgres';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import { streams } from '@gatehouse/eventing/streams';
import type { Pool } from 'pg';

/** A check-in list as stored in the read model. */
export type ListRow = {
  readonly id: number;
  readonly revision: number;
  readonly fields: CheckinListFields;
  /** Number of the import that first stated it; 0 for a list that was created through the API. */
  readonly since: number;
};

/** Read model `lists`: the check-in lists that exist. */
export const listsModel: ReadModel = {
  name: 'lists',
  version: 1,
  sql: `
    create table lists (
      id integer primary key,
      event text collate "C" not null,
      -- Number of events in the list's stream.
      revision integer not null,
      since integer not null,
      fields json,
      deleted boolean not null
    );
    create index lists_by_event on lists (event) where not deleted;
  `,
  tables: [{ name: 'lists', key: 'id', columns: 'r.id, r.event, r.revision, r.since, r.fields::jsonb, r.deleted' }],
  handles: { admission: projectLists },
  only: [...checkinListEvents.definitions.keys()],
  inline: 'filtered',
};

async function projectLists(tx: Tx, events: readonly Envelope[]): Promise<void> {
  for (const stored of events) {
    const event = checkinListEvents.read(stored);
    if (!event) continue;
    const { organizer, event: slug, id } = event.data;
    const gone = event.type === 'CheckinListDeleted';
    const since = event.type === 'CheckinListCreated' ? (event.data.import ?? 0) : 0;
    const fields = gone ? null : JSON.stringify(checkinListFields(event.data));
    await tx.query(
      `insert into lists (id, event, revision, since, fields, deleted) values ($1, $2, $3, $4, $5, $6)
       on conflict (id) do update set revision = excluded.revision, fields = excluded.fields, deleted = excluded.deleted
         where lists.revision < excluded.revision`,
      [id, `${organizer}/${slug}`, stored.revision + 1, since, fields, gone],
    );
  }
}

/** The decider of check-in lists over admission's store. */
export const listStreams = (store: EventStore) =>
  streams(store, checkinList, { catalog: checkinListEvents, remember: 1_000 });

const COLUMNS = 'id, revision, fields, since';

/** One list of an event, or undefined: unknown, deleted, or of another event. */
export async function findList(pool: Pool, event: string, id: number): Promise<ListRow | undefined> {
  const { rows } = await available(
    pool.query<ListRow>({
      name: 'find_list',
      text: `select ${COLUMNS} from lists where id = $1 and event = $2 and not deleted`,
      values: [id, event],
    }),
  );
  return rows[0];
}

/** One list of any event, or undefined: unknown or deleted. */
export const findListById = async (pool: Pool, id: number): Promise<ListRow | undefined> =>
  (await findListsById(pool, [id]))[0];

/** Those of some lists of any events that exist, in no particular order. */
export async function findListsById(pool: Pool, ids: readonly number[]): Promise<ListRow[]> {
  const { rows } = await available(
    pool.query<ListRow>({
      name: 'find_lists',
      text: `select ${COLUMNS} from lists where id = any($1::integer[]) and not deleted`,
      values: [ids],
    }),
  );
  return rows;
}

/** All lists of an event, in no particular order. */
export async function listsOf(pool: Pool, event: string): Promise<ListRow[]> {
  const { rows } = await available(
    pool.query<ListRow>({
      name: 'lists_of',
      text: `select ${COLUMNS} from lists where event = $1 and not deleted`,
      values: [event],
    }),
  );
  return rows;
}

/** A new id for a list that is created through the API. */
export async function nextListId(pool: Pool): Promise<number> {
  const { rows } = await available(pool.query<{ id: number }>("select nextval('list_ids')::integer as id"));
  return rows[0]!.id;
}
