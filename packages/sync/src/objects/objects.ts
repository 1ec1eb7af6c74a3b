import { followTable } from '@gatehouse/eventing/followed-table';
import type { Listener } from '@gatehouse/eventing/postgres';
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
  /** The events of an organizer, by `organizer/slug`. Throws StoreUnavailable as `list` does. */
  events(organizer: string): readonly string[];
  /** Resolves when it has everything that the read model had at the time of the call. Rejects with StoreUnavailable. */
  refresh(): Promise<void>;
  close(): void;
};

const NONE: ObjectList = { objects: [], stamp: null };

/** Opens the objects. While the read model is not installed in this version, every access throws StoreUnavailable. */
export async function openObjects(options: { pool: Pool; schema: string; listener: Listener }): Promise<Objects> {
  const byKey = new Map<string, Map<string, { object: ShopObject; stamp: number }>>();
  const lists = new Map<string, ObjectList>();
  const scopes = new Map<string, string[]>();
  type Row = { kind: ObjectKind; id: string; scope: string; object: ShopObject; change: string };
  const table = await followTable<Row>(
    {
      readModel: OBJECTS,
      changedAfter: 'select kind, id, scope, object, stamp as change from objects where stamp > $1 order by stamp',
      take(rows, isAll) {
        if (isAll) for (const map of [byKey, lists, scopes]) map.clear();
        for (const { kind, id, scope, object, change } of rows) {
          const key = `${scope} ${kind}`;
          let list = byKey.get(key);
          if (!list) byKey.set(key, (list = new Map()));
          list.set(id, { object, stamp: Number(change) });
          lists.delete(key);
          if (kind !== 'event') continue;
          const organizer = scope.slice(0, scope.indexOf('/'));
          scopes.set(organizer, [...new Set([...(scopes.get(organizer) ?? []), scope])]);
        }
      },
    },
    options,
  );

  return {
    list(scope, kind) {
      table.requireRead();
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
    events(organizer) {
      table.requireRead();
      return scopes.get(organizer) ?? [];
    },
    refresh: () => table.refresh(),
    close: () => table.close(),
  };
}
