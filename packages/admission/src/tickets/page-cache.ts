/** The first ticket of a page in the default order, and the number of tickets before it. */
export type PageCursor = {
  readonly offset: number;
  readonly name_key: string;
  readonly positionid: number;
  readonly id: number;
};

/** Most walks in the cache; the least recently read one is dropped first. */
const MOST_WALKS = 50;
const MOST_CURSORS = 2_000;

/** The cursors of several walks, by the walk's name. */
export type PageCache = {
  /** The last cached cursor at or before `offset`; undefined when the walk must start at the first ticket. */
  nearest(walk: string, offset: number): PageCursor | undefined;
  /** Stores the cursor of a page. */
  put(walk: string, cursor: PageCursor): void;
};

/**
 * Caches the first ticket of each page of a walk through a list, so that a deep page continues from there instead of
 * counting from the first ticket. A walk's name must change whenever its tickets or their order may have changed. The cache
 * is local to the process and only a hint.
 */
export function pageCache(): PageCache {
  const walks = new Map<string, Map<number, PageCursor>>();
  return {
    nearest(walk, offset) {
      let best: PageCursor | undefined;
      for (const cursor of walks.get(walk)?.values() ?? []) {
        if (cursor.offset <= offset && cursor.offset > (best?.offset ?? 0)) best = cursor;
      }
      return best;
    },
    put(walk, cursor) {
      const cursors = walks.get(walk) ?? new Map<number, PageCursor>();
      walks.delete(walk);
      walks.set(walk, cursors);
      if (cursor.offset > 0 && cursors.size < MOST_CURSORS) cursors.set(cursor.offset, cursor);
      if (walks.size > MOST_WALKS) walks.delete(walks.keys().next().value!);
    },
  };
}
