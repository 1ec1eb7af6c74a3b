/** Something of a layout that is not on the pages, for the log and for whoever imports the layout. It names no person. */
export type Omission = {
  /** Which element of the layout, from 0; null when it is about the whole. */
  readonly element: number | null;
  readonly what: string;
  readonly why: string;
};

export type Omit = (omission: Omission) => void;

/** A layout with a thousand mistakes does not need a thousand lines. */
const MOST = 100;

/** Collects each omission once, however many pages it is missing from. */
export function omissionList(): { readonly omissions: Omission[]; readonly omit: Omit } {
  const omissions: Omission[] = [];
  const seen = new Set<string>();
  return {
    omissions,
    omit(omission) {
      const key = `${omission.element} ${omission.what} ${omission.why}`;
      if (omissions.length >= MOST || seen.has(key)) return;
      seen.add(key);
      omissions.push(omission);
    },
  };
}
