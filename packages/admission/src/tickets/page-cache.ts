/** The ticket that a page of the default order begins with, and how many tickets come before it. */
export type PageCursor = {
  readonly offset: number;
  readonly name_key: string;
  readonly positionid: number;
  readonly id: number;
};

/** Walks through lists that are remembered; the one that was read longest ago is dropped first. */
const MOST_WALKS = 50;
const MOST_CURSORS = 2_000;

/** The cursors of several walks, each under its name. */
export type PageCache = {
  /** The last known cursor that is not behind `offset`; undefined when the walk must begin at the first ticket. */
  nearest(walk: string, offset: number): PageCursor | undefined;
  /** Remembers where a page began. */
  put(walk: string, cursor: PageCursor): void;
};

/**
 * Remembers with which ticket the pages of a walk through a list began, so that a deep page goes on from there instead of counting
 * from the first ticket. A walk's name must change whenever its tickets or their order may have changed. A hint of one process.
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
