import { POINTS_PER_MM, type Colour, type LayoutElement, type TextContainer } from './layout';

/** For events that have no layout: A6, upright; event, time and place, code, product and price, name, order. */
export const DEFAULT_PAGE_MM = { width: 105, height: 148 } as const;

const NIGHT: Colour = [24, 28, 54];
const PAPER: Colour = [255, 255, 255];
const QUIET: Colour = [104, 109, 132];
const LIGHT: Colour = [196, 202, 228];
const HAIRLINE: Colour = [214, 216, 226];

type Box = { readonly left: number; readonly bottom: number; readonly width: number; readonly height: number };
type Look = Partial<Pick<TextContainer, 'bold' | 'align' | 'colour' | 'verticalAlign' | 'fontFamily'>>;

const points = (mm: number): number => mm * POINTS_PER_MM;
const inPoints = ({ left, bottom, width, height }: Box): Box => ({
  left: points(left),
  bottom: points(bottom),
  width: points(width),
  height: points(height),
});

function text(content: string, fontSize: number, box: Box, look: Look = {}): Omit<TextContainer, 'index'> {
  return {
    type: 'textcontainer',
    page: 1,
    ...inPoints(box),
    content,
    text: content.includes('{') ? content : '',
    textI18n: {},
    locale: null,
    fontSize,
    fontFamily: 'Open Sans',
    bold: false,
    italic: false,
    align: 'left',
    colour: NIGHT,
    rotation: 0,
    lineHeight: 1,
    verticalAlign: 'middle',
    autoResize: true,
    splitLongWords: true,
    ...look,
  };
}

function rectangle(box: Box, colour: Colour) {
  return { type: 'rectangle', page: 1, ...inPoints(box), colour } as const;
}

const elements: readonly WithoutIndex[] = [
  rectangle({ left: 0, bottom: 112, width: 105, height: 36 }, NIGHT),
  text(
    'event_name',
    22,
    { left: 9, bottom: 127.5, width: 87, height: 16.5 },
    { bold: true, colour: PAPER, verticalAlign: 'bottom' },
  ),
  text('event_date_range', 10.5, { left: 9, bottom: 121.5, width: 87, height: 5 }, { colour: LIGHT }),
  text('event_location', 8.5, { left: 9, bottom: 114, width: 87, height: 7 }, { colour: LIGHT, verticalAlign: 'top' }),
  {
    type: 'barcodearea',
    page: 1,
    left: points(23.5),
    bottom: points(49),
    size: points(58),
    content: 'secret',
    text: '',
    textI18n: {},
    locale: null,
    noQuietZone: false,
    colour: [0, 0, 0],
  },
  text(
    'secret',
    7,
    { left: 9, bottom: 45.5, width: 87, height: 4 },
    { align: 'center', colour: QUIET, fontFamily: 'Courier' },
  ),
  rectangle({ left: 9, bottom: 42, width: 87, height: 0.25 }, HAIRLINE),
  text('itemvar', 15, { left: 9, bottom: 28, width: 58, height: 12 }, { bold: true }),
  text('price', 15, { left: 69, bottom: 28, width: 27, height: 12 }, { bold: true, align: 'right' }),
  text('attendee_name', 11, { left: 9, bottom: 21, width: 87, height: 6.5 }),
  text('seat', 9, { left: 9, bottom: 15.5, width: 87, height: 5 }, { colour: QUIET }),
  text('organizer', 7.5, { left: 9, bottom: 6.5, width: 54, height: 5 }, { colour: QUIET }),
  text(
    'order',
    11,
    { left: 65, bottom: 6.5, width: 31, height: 5 },
    { bold: true, align: 'right', fontFamily: 'Courier' },
  ),
];

type WithoutIndex = LayoutElement extends infer One ? (One extends unknown ? Omit<One, 'index'> : never) : never;

export const defaultElements: readonly LayoutElement[] = elements.map((element, index) => ({ ...element, index }));
