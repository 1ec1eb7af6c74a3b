import { defaultElements } from './default-layout';
import { standardFont } from './fonts';
import { readLayout, type Layout, type LayoutElement } from './layout';
import { type Omission } from './omission';
import { type Batch } from './ticket';

/** Families that the standard fonts stand in for without a word: the shop's own one, and themselves. */
const EXPECTED = new Set(['Open Sans', 'Helvetica', 'Times', 'Courier']);

/**
 * The elements that tickets of a batch have, and what is known not to be on them before any is drawn: an import names it, so that
 * nobody finds out at the printer. Without a layout, or with one that is none, our own.
 */
export function layoutOf(batch: Pick<Batch, 'layout' | 'background' | 'images'>): Layout {
  if (batch.layout === null || batch.layout === undefined) return { elements: defaultElements, omissions: [] };
  const layout = readLayout(batch.layout);
  if (layout === null) {
    const why = 'it is no list of elements; the default layout takes its place';
    return { elements: defaultElements, omissions: [{ element: null, what: 'layout', why }] };
  }
  const found = layout.elements.flatMap((element) => omissionsOf(element, batch.images ?? {}));
  const why = 'no file was given; the page is as large as the elements need it';
  const background: Omission[] = batch.background ? [] : [{ element: null, what: 'background', why }];
  return { elements: layout.elements, omissions: [...layout.omissions, ...background, ...found] };
}

function omissionsOf(element: LayoutElement, images: NonNullable<Batch['images']>): Omission[] {
  if (element.type === 'imagearea' && !Object.hasOwn(images, element.content)) {
    return [{ element: element.index, what: imageName(element.content), why: 'no file was given' }];
  }
  if ('fontFamily' in element && !EXPECTED.has(element.fontFamily)) {
    const face = { family: element.fontFamily, bold: element.bold, italic: element.italic };
    return [
      {
        element: element.index,
        what: `font ${face.family.slice(0, 50)}`,
        why: `${standardFont(face)} takes its place`,
      },
    ];
  }
  return [];
}

export const imageName = (content: string): string => `image ${content.slice(0, 50)}`;
