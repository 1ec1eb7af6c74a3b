import { DEFAULT_PAGE_MM, defaultElements } from './default-layout';
import { POINTS_PER_MM, type LayoutElement } from './layout';

/** In points. */
export type PageSize = { readonly width: number; readonly height: number };

const fromMm = ({ width, height }: PageSize): PageSize => ({
  width: width * POINTS_PER_MM,
  height: height * POINTS_PER_MM,
});

/** Smallest first. */
const PAPERS_MM = { A6: [105, 148], A5: [148, 210], A4: [210, 297] } as const;

/** Boxes reach over the edge now and then. */
const TOLERANCE = 2 * POINTS_PER_MM;

/**
 * The page of a layout without a background, which would say it: the smallest paper of A6 to A4, upright or lying, that holds every
 * element; else A4, the shop's own. Positions count from the lower left corner, so a ticket that is higher up on a larger sheet says
 * so by them.
 */
export function pageSizeOf(elements: readonly LayoutElement[]): PageSize {
  if (elements === defaultElements) return fromMm(DEFAULT_PAGE_MM);
  const right = Math.max(0, ...elements.map((element) => element.left + widthOf(element)));
  const top = Math.max(0, ...elements.map((element) => element.bottom + heightOf(element)));
  for (const [short, long] of Object.values(PAPERS_MM)) {
    for (const paper of [fromMm({ width: short, height: long }), fromMm({ width: long, height: short })]) {
      if (elements.length > 0 && right <= paper.width + TOLERANCE && top <= paper.height + TOLERANCE) return paper;
    }
  }
  const [width, height] = PAPERS_MM.A4;
  return fromMm({ width, height });
}

const widthOf = (element: LayoutElement): number => ('size' in element ? element.size : element.width);

function heightOf(element: LayoutElement): number {
  if ('size' in element) return element.size;
  if (element.type === 'textarea') return element.downward ? 0 : element.fontSize;
  return element.height;
}
