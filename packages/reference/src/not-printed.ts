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

function missingOf({ content, background, images }: LayoutOfExport): string[] {
  const called = backgroundName(content.background);
  const names = [...images].flatMap(([name, found]) => (found === 'missing' ? name : []));
  return called !== null && background === 'missing' ? [...names, called] : names;
}

function omissionsOf(layout: LayoutOfExport, read: typeof layoutOf, isStored: (name: string) => boolean): Omission[] {
  const { content, background, images } = layout;
  const called = backgroundName(content.background);
  const isThere = (found: FoundFile, name: string) => found === 'there' || (found === 'missing' && isStored(name));
  const file = new Uint8Array();
  const { omissions } = read({
    layout: content.layout,
    ...(called !== null && isThere(background, called) && { background: file }),
    images: Object.fromEntries([...images].flatMap(([name, found]) => (isThere(found, name) ? [[name, file]] : []))),
  });
  const problems = [background, ...images.values()].flatMap((found) =>
    typeof found === 'object' ? { element: null, what: found.problem, why: 'left out' } : [],
  );
  return [...problems, ...omissions];
}

function streamOf({ content: { organizer, event } }: LayoutOfExport, name: string): string {
  const data = { organizer, event, name };
  return referenceStream({ type: 'LayoutFileStated', data } as ReferenceEvent);
}

const textOf = ({ element, what, why }: Omission): string =>
  `${element === null ? '' : `element ${element} `}${what}: ${why}`;
