import { StoreUnavailable } from '@gatehouse/eventing/event-store';
import { available, type Listener } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import { OBJECTS, type ObjectKind } from './read-model';

/** An object of the shop, parsed. */
export type ShopObject = Readonly<Record<string, unknown>>;

/** The objects of one kind and event; `stamp`: the second of their newest change, null when there is none. */
export type ObjectList = { readonly objects: readonly ShopObject[]; readonly stamp: number | null };

/** The small objects of all shops, in memory; NOTIFY of the read model keeps them up to date. */
export type Objects = {
  /** In no order. Throws StoreUnavailable while they have never been read. */
  list(scope: string, kind: ObjectKind): ObjectList;
  /** The events of an organizer, by `organizer/slug`. */
  events(organizer: string): readonly string[];
  close(): void;
};

/** Pause before a failed read is repeated. */
const RETRY_MS = 500;

const NONE: ObjectList = { objects: [], stamp: null };

/** Opens the objects. While the read model is not installed in this version, every access throws StoreUnavailable. */
export async function openObjects(options: { pool: Pool; schema: string; listener: Listener }): Promise<Objects> {
  const { pool, schema, listener } = options;
  let byKey = new Map<string, Map<string, { object: ShopObject; stamp: number }>>();
  let lists = new Map<string, ObjectList>();
  let scopes = new Map<string, string[]>();
  let hasRead = false;
  let seen = 0;
  let generation = 0;
  let reading: Promise<void> | undefined;
  let isAgain = false;
  let retry: NodeJS.Timeout | undefined;
  let closed = false;

  async function read(): Promise<void> {
    const { rows: models } = await available(
      pool.query<{ generation: number }>('select generation from read_models where name = $1', [OBJECTS]),
    );
    const isOther = models[0] !== undefined && models[0].generation !== generation;
    const { rows } = await available(
      pool.query<{ kind: ObjectKind; id: string; scope: string; object: ShopObject; stamp: string }>(
        'select kind, id, scope, object, stamp from objects where stamp > $1 order by stamp',
        [isOther ? 0 : seen],
      ),
    );
    if (isOther) {
      generation = models[0]!.generation;
      byKey = new Map();
      lists = new Map();
      scopes = new Map();
    }
    for (const { kind, id, scope, object, stamp } of rows) {
      const key = `${scope} ${kind}`;
      let list = byKey.get(key);
      if (!list) byKey.set(key, (list = new Map()));
      list.set(id, { object, stamp: Number(stamp) });
      lists.delete(key);
      seen = Number(stamp);
      if (kind !== 'event') continue;
      const organizer = scope.slice(0, scope.indexOf('/'));
      scopes.set(organizer, [...new Set([...(scopes.get(organizer) ?? []), scope])]);
    }
    hasRead = true;
  }

  /** A change is notified once, so a failed read is repeated; one that comes during a read is read after it. */
  function follow(): void {
    if (reading) {
      isAgain = true;
      return;
    }
    clearTimeout(retry);
    reading = read()
      .catch(() => {
        if (!closed) retry = setTimeout(follow, RETRY_MS);
      })
      .finally(() => {
        reading = undefined;
        if (!isAgain || closed) return;
        isAgain = false;
        follow();
      });
  }

  const forget = listener.on(`${schema}.${OBJECTS}`, follow);
  follow();
  await reading;

  return {
    list(scope, kind) {
      if (!hasRead) throw new StoreUnavailable('the objects of the shop have not been read yet');
      const key = `${scope} ${kind}`;
      const known = lists.get(key);
      if (known) return known;
      const found = [...(byKey.get(key)?.values() ?? [])];
      if (found.length === 0) return NONE;
      const list = {
        objects: found.map(({ object }) => object),
        stamp: found.reduce((most, { stamp }) => Math.max(most, stamp), 0),
      };
      lists.set(key, list);
      return list;
    },
    events: (organizer) => scopes.get(organizer) ?? [],
    close() {
      closed = true;
      clearTimeout(retry);
      forget();
    },
  };
}
