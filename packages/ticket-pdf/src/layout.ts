import { z } from 'zod';
import { type Omission } from './omission';

/** Layouts are in millimetres, PDF in points. */
export const POINTS_PER_MM = 72 / 25.4;

/** Each between 0 and 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** What every element has. All lengths are points; `left` and `bottom` count from the page's lower left corner. */
type Placed = {
  /** Its place in the layout, from 0. */
  readonly index: number;
  /** Which page of a ticket it is on, from 1. */
  readonly page: number;
  readonly left: number;
  readonly bottom: number;
};

/** Where an element's text comes from; see content.ts. */
export type Source = {
  readonly content: string;
  /** The text itself, for the content `other`. */
  readonly text: string;
  /** The same by language, for the content `other_i18n`. */
  readonly textI18n: Readonly<Record<string, string>>;
  /** Which language to write in; null: the ticket's. */
  readonly locale: string | null;
};

type Written = Placed &
  Source & {
    readonly width: number;
    readonly fontSize: number;
    readonly fontFamily: string;
    readonly bold: boolean;
    readonly italic: boolean;
    readonly align: 'left' | 'center' | 'right';
    readonly colour: Colour;
    /** Degrees, clockwise. */
    readonly rotation: number;
  };

/** Text of any height that hangs at a point: it stands on `bottom`, or below it when it goes downward. */
export type TextArea = Written & {
  readonly type: 'textarea';
  /** In font sizes; null: as the shop did it before layouts could say so. */
  readonly lineHeight: number | null;
  readonly downward: boolean;
};

/** Text in a box. */
export type TextContainer = Written & {
  readonly type: 'textcontainer';
  readonly height: number;
  readonly lineHeight: number;
  readonly verticalAlign: 'top' | 'middle' | 'bottom';
  /** A text that is too large for the box is written smaller. */
  readonly autoResize: boolean;
  /** Whether a word that is too long for a line may be broken anywhere. */
  readonly splitLongWords: boolean;
};

/** A QR code in a square of `size`. */
export type Barcode = Placed &
  Source & {
    readonly type: 'barcodearea';
    readonly size: number;
    /** The code fills the square; otherwise the square holds its quiet zone as well. */
    readonly noQuietZone: boolean;
    readonly colour: Colour;
  };

export type Image = Placed & {
  readonly type: 'imagearea';
  /** The name of the image. */
  readonly content: string;
  readonly width: number;
  readonly height: number;
};

/** Not of the format; our own layout has some. */
export type Rectangle = Placed & {
  readonly type: 'rectangle';
  readonly width: number;
  readonly height: number;
  readonly colour: Colour;
};

export type LayoutElement = TextArea | TextContainer | Barcode | Image | Rectangle;

/** Layouts have numbers as JSON numbers and as texts. */
const decimal = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\s*[+-]?\d+(\.\d*)?\s*$/, 'expected a number')
      .transform(Number),
  ])
  .refine((value) => Number.isFinite(value) && Math.abs(value) <= 100_000, 'out of range');
const positive = decimal.refine((value) => value > 0, 'must be more than 0');
const mm = decimal.transform((value) => value * POINTS_PER_MM);
const length = positive.transform((value) => value * POINTS_PER_MM);

const colour = z
  .array(z.number().min(0).max(255))
  .min(3)
  .max(4)
  .transform((channels): Colour => [channels[0]!, channels[1]!, channels[2]!])
  .nullish()
  .transform((value) => value ?? ([0, 0, 0] as const));
const flag = (absent: boolean) =>
  z
    .boolean()
    .nullish()
    .transform((value) => value ?? absent);
const string = (absent: string) =>
  z
    .string()
    .nullish()
    .transform((value) => value || absent);

/** Of a ticket. */
const MOST_PAGES = 50;
const MOST_ELEMENTS = 1000;

const placed = {
  page: z
    .number()
    .int()
    .min(1)
    .max(MOST_PAGES)
    .nullish()
    .transform((value) => value ?? 1),
  left: mm,
  bottom: mm,
};
const textsOf = (texts: Record<string, unknown> | null | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(texts ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );

const source = {
  text: string(''),
  text_i18n: z.record(z.string(), z.unknown()).nullish().transform(textsOf),
  locale: z
    .string()
    .nullish()
    .transform((value) => value || null),
};
const written = {
  ...placed,
  ...source,
  content: string(''),
  width: length,
  fontsize: positive.refine((value) => value <= 2000, 'out of range'),
  fontfamily: string('Open Sans'),
  bold: flag(false),
  italic: flag(false),
  align: z
    .enum(['left', 'center', 'right'])
    .nullish()
    .transform((value) => value ?? 'left'),
  color: colour,
  rotation: decimal.nullish().transform((value) => value ?? 0),
};

const element = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('textarea'),
    ...written,
    lineheight: positive.nullish().transform((value) => value ?? null),
    downward: flag(false),
  }),
  z.object({
    type: z.literal('textcontainer'),
    ...written,
    height: length,
    lineheight: positive.nullish().transform((value) => value ?? 1),
    verticalalign: z
      .enum(['top', 'middle', 'bottom'])
      .nullish()
      .transform((value) => value ?? 'top'),
    autoresize: flag(false),
    splitlongwords: flag(true),
  }),
  z.object({
    type: z.literal('barcodearea'),
    ...placed,
    ...source,
    content: string('secret'),
    size: length,
    nowhitespace: flag(false),
    color: colour,
  }),
  z.object({ type: z.literal('imagearea'), ...placed, content: string(''), width: length, height: length }),
]);

/** What can be drawn of a layout, and what cannot. */
export type Layout = { readonly elements: readonly LayoutElement[]; readonly omissions: readonly Omission[] };

/**
 * Reads a ticket layout of the shop, as its REST API has it (contract §9.1 `layout`): a list of elements, or the same as JSON text.
 * Elements that it cannot read are left out, each with the reason. Null when it is no list at all.
 */
export function readLayout(json: unknown): Layout | null {
  const list = typeof json === 'string' ? parsed(json) : json;
  if (!Array.isArray(list)) return null;
  const elements: LayoutElement[] = [];
  const omissions: Omission[] = [];
  if (list.length > MOST_ELEMENTS) {
    omissions.push({ element: MOST_ELEMENTS, what: 'elements', why: `only the first ${MOST_ELEMENTS} are drawn` });
  }
  for (const [index, item] of list.slice(0, MOST_ELEMENTS).entries()) {
    const read = readElement(item, index);
    if ('why' in read) omissions.push(read);
    else elements.push(read);
  }
  return { elements, omissions };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function readElement(item: unknown, index: number): LayoutElement | Omission {
  const named = typeof item === 'object' && item !== null && 'type' in item ? item.type : undefined;
  const type = typeof named === 'string' ? named.slice(0, 50) : 'element';
  if (type === 'poweredby') return { element: index, what: type, why: 'it is the logo of another software' };
  const { data, error } = element.safeParse(item);
  if (error) return { element: index, what: type, why: reasonOf(error) };
  const { page, left, bottom } = data;
  const common = { index, page, left, bottom };
  switch (data.type) {
    case 'imagearea':
      return { type: data.type, ...common, content: data.content, width: data.width, height: data.height };
    case 'barcodearea':
      return {
        type: data.type,
        ...common,
        ...sourceOf(data),
        size: data.size,
        noQuietZone: data.nowhitespace,
        colour: data.color,
      };
    case 'textarea':
      return { type: data.type, ...common, ...writingOf(data), lineHeight: data.lineheight, downward: data.downward };
    case 'textcontainer':
      return {
        type: data.type,
        ...common,
        ...writingOf(data),
        height: data.height,
        lineHeight: data.lineheight,
        verticalAlign: data.verticalalign,
        autoResize: data.autoresize,
        splitLongWords: data.splitlongwords,
      };
  }
}

type Read = z.infer<typeof element>;

function sourceOf(data: Exclude<Read, { type: 'imagearea' }>): Source {
  return { content: data.content, text: data.text, textI18n: data.text_i18n, locale: data.locale };
}

function writingOf(data: Extract<Read, { type: 'textarea' | 'textcontainer' }>) {
  return {
    ...sourceOf(data),
    width: data.width,
    fontSize: data.fontsize,
    fontFamily: data.fontfamily,
    bold: data.bold,
    italic: data.italic,
    align: data.align,
    colour: data.color,
    rotation: data.rotation,
  };
}

/** The first thing that is wrong with it, with its key. */
function reasonOf(error: z.ZodError): string {
  const issue = error.issues[0]!;
  if (issue.code === 'invalid_union' && issue.path[0] === 'type') return 'this type is not known';
  const message =
    issue.code === 'invalid_union' ? (issue.errors.flat().at(-1)?.message ?? issue.message) : issue.message;
  return [issue.path.join('.'), message].filter(Boolean).join(': ');
}

/** The languages that a layout asks for beside the ticket's own: placeholders are wanted in each (`valuesIn`). */
export function localesOf(layout: unknown): string[] {
  const elements = readLayout(layout)?.elements ?? [];
  const locales = elements.map((one) => ('locale' in one ? one.locale : null));
  return [...new Set(locales.filter((locale) => locale !== null))];
}
