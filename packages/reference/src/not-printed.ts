import { backgroundName } from '@gatehouse/domain/layout-files';
import { referenceStream, type ReferenceEvent } from '@gatehouse/events/reference';
import type { layoutOf } from '@gatehouse/ticket-pdf/batch-layout';
import type { Omission } from '@gatehouse/ticket-pdf/omission';
import { printable } from './entry';
import type { FoundFile, LayoutOfExport } from './layout-files';
import { place } from './rows';
import type { ReferenceStore } from './store';

/** What layouts have and tickets will not have: the first lines of `count`. */
export type NotPrinted = { readonly lines: readonly string[]; readonly count: number };

/** Shown of an import. */
const MOST_LINES = 50;

/** Compares layouts with what Gatehouse can draw of them. A file that the folder lacks may be there from an earlier import. */
export async function notPrinted(layouts: readonly LayoutOfExport[], store: ReferenceStore): Promise<NotPrinted> {
  const wanted = layouts.flatMap((layout) => missingOf(layout).map((name) => streamOf(layout, name)));
  if (layouts.length === 0) return { lines: [], count: 0 };
  // Large libraries, that no other command needs.
  const { layoutOf: read } = await import('@gatehouse/ticket-pdf/batch-layout');
  const stored = await store.heads([...new Set(wanted)]);
  const lines = layouts.flatMap((layout) => {
    const at = place(layout.file, layout.index);
    return omissionsOf(layout, read, (name) => stored.has(streamOf(layout, name))).map((omission) =>
      printable(`${at} ${textOf(omission)}`),
    );
  });
  return { lines: lines.slice(0, MOST_LINES), count: lines.length };
}

/** The names of the files that a layout calls for and the folder does not have, or not as they can be drawn. */
function missingOf({ content, background, images }: LayoutOfExport): string[] {
  const called = backgroundName(content.background);
  const names = [...images].flatMap(([name, found]) => (found === 'there' ? [] : name));
  return called !== null && background !== 'there' ? [...names, called] : names;
}

function omissionsOf(layout: LayoutOfExport, read: typeof layoutOf, isStored: (name: string) => boolean): Omission[] {
  const { content, background, images } = layout;
  const called = backgroundName(content.background);
  const files = called === null ? [...images] : [[called, background] as const, ...images];
  const isThere = ([name, found]: readonly [string, FoundFile]) => found === 'there' || isStored(name);
  const file = new Uint8Array();
  const { omissions } = read({
    layout: content.layout,
    ...(called !== null && isThere([called, background]) && { background: file }),
    images: Object.fromEntries([...images].filter(isThere).map(([name]) => [name, file])),
  });
  const problems = files.flatMap(([name, found]) => {
    if (typeof found !== 'object') return [];
    const why = isStored(name) ? 'left out, the one of an earlier import stays' : 'left out';
    return { element: null, what: found.problem, why };
  });
  return [...problems, ...omissions];
}

function streamOf({ content: { organizer, event } }: LayoutOfExport, name: string): string {
  const data = { organizer, event, name };
  return referenceStream({ type: 'LayoutFileStated', data } as ReferenceEvent);
}

const textOf = ({ element, what, why }: Omission): string =>
  `${element === null ? '' : `element ${element} `}${what}: ${why}`;
