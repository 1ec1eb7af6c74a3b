import { readFileSync } from 'node:fs';
import path from 'node:path';
import { layoutOf } from './batch-layout';
import { localesOf, POINTS_PER_MM, readLayout } from './layout';
import { pageSizeOf } from './page-size';
import {
  closePrinter,
  placedTexts,
  printed,
  seen,
  ticketsOf,
  VALUES,
  type SeenPage,
} from '@gatehouse/test-support/seen-pdf';

const EXPORT = path.join(__dirname, '../../../test/fixtures/pretix-export/events');

afterAll(closePrinter);

type Stated = { type: string; content: string; left: string; bottom: string; size: string };
const layoutOfEvent = (event: string): Stated[] =>
  JSON.parse(readFileSync(path.join(EXPORT, event, 'ticketlayouts.json'), 'utf8'))[0].layout;

describe('A layout of the shop (import format §2, contract §9.1)', () => {
  it("is read from the real export, whole but for the shop's logo", () => {
    const { elements, omissions } = readLayout(layoutOfEvent('openair'))!;
    expect(elements.map(({ type }) => type)).toEqual(['barcodearea', ...Array(9).fill('textcontainer')]);
    expect(omissions).toEqual([{ element: 1, what: 'poweredby', why: 'it is the logo of another software' }]);
  });

  it('may be JSON text, and have numbers as numbers or texts', () => {
    const area = { type: 'textarea', left: '10.50', bottom: 20, width: '30', fontsize: 12, content: 'item' };
    expect(readLayout(JSON.stringify([area]))).toEqual(
      readLayout([{ ...area, left: 10.5, width: 30, fontsize: '12.0' }]),
    );
    expect(readLayout([area])!.elements[0]).toMatchObject({ left: 10.5 * POINTS_PER_MM, bottom: 20 * POINTS_PER_MM });
  });

  it.each([[null], ['no JSON'], [{}], [7]])('is none when it is %j', (json) => {
    expect(readLayout(json)).toBeNull();
  });

  it('loses only the elements that cannot be read, each with its reason', () => {
    const box = { left: 1, bottom: 1, width: 10, height: 10 };
    const layout = [
      { ...box, type: 'textcontainer', fontsize: 10, content: 'item' },
      { ...box, type: 'textcontainer', fontsize: 'large', content: 'item' },
      { ...box, type: 'textcontainer', fontsize: 10, left: undefined },
      { ...box, type: 'imagearea', content: 'logo', width: -5 },
      { ...box, type: 'hologram' },
      { type: 'barcodearea', left: 1e9, bottom: 1, size: 10 },
      { type: 'barcodearea', left: 1, bottom: 1, size: 10, page: 1000 },
      null,
      { ...box, type: { toString: 1 } },
    ];
    const { elements, omissions } = readLayout(layout)!;
    expect(elements).toHaveLength(1);
    expect(omissions).toEqual([
      { element: 1, what: 'textcontainer', why: 'fontsize: expected a number' },
      { element: 2, what: 'textcontainer', why: expect.stringContaining('left: ') },
      { element: 3, what: 'imagearea', why: 'width: must be more than 0' },
      { element: 4, what: 'hologram', why: 'this type is not known' },
      { element: 5, what: 'barcodearea', why: 'left: out of range' },
      { element: 6, what: 'barcodearea', why: expect.stringContaining('page: ') },
      { element: 7, what: 'element', why: expect.any(String) },
      { element: 8, what: 'element', why: expect.any(String) },
    ]);
  });

  it('has a thousand elements at most', () => {
    const area = { type: 'textarea', left: 1, bottom: 1, width: 9, fontsize: 9, content: 'item' };
    const { elements, omissions } = readLayout(Array(1001).fill(area))!;
    expect(elements).toHaveLength(1000);
    expect(omissions).toEqual([{ element: 1000, what: 'elements', why: 'only the first 1000 are drawn' }]);
  });

  it('names at import what no file and no font is there for', () => {
    const text = { type: 'textarea', left: 1, bottom: 1, width: 50, fontsize: 9, content: 'item' };
    const image = { type: 'imagearea', left: 1, bottom: 1, width: 5, height: 5 };
    const layout = [
      { ...text, fontfamily: 'Lobster' },
      { ...text, fontfamily: 'Noto Serif', bold: true },
      { ...image, content: 'logo' },
      { ...image, content: 'poster' },
    ];
    expect(layoutOf({ layout, images: { logo: Buffer.alloc(1) } }).omissions).toEqual([
      { element: null, what: 'background', why: expect.stringContaining('no file was given') },
      { element: 0, what: 'font Lobster', why: 'Helvetica takes its place' },
      { element: 1, what: 'font Noto Serif', why: 'Times-Bold takes its place' },
      { element: 3, what: 'image poster', why: 'no file was given' },
    ]);
    expect(layoutOf({ layout: null }).omissions).toEqual([]);
    expect(layoutOf({ layout: {} }).omissions).toEqual([{ element: null, what: 'layout', why: expect.any(String) }]);
  });

  it('says which languages it wants values in', () => {
    const text = { type: 'textarea', left: 1, bottom: 1, width: 50, fontsize: 9, content: 'item' };
    expect(localesOf([{ ...text, locale: 'de' }, { ...text, locale: '' }, text, { ...text, locale: 'fr' }])).toEqual([
      'de',
      'fr',
    ]);
  });

  it.each([
    [105, 148, [{ left: 5, bottom: 5, width: 95, height: 135 }]],
    [148, 105, [{ left: 5, bottom: 5, width: 135, height: 95 }]],
    [210, 297, [{ left: 0, bottom: 250, width: 50, height: 20 }]],
    [210, 297, [{ left: 0, bottom: 0, width: 500, height: 20 }]],
    [210, 297, []],
  ])('without a background has the smallest page that holds it: %d × %d mm', (width, height, boxes) => {
    const containers = boxes.map((box) => ({ ...box, type: 'textcontainer', fontsize: 10, content: 'item' }));
    const size = pageSizeOf(readLayout(containers)!.elements);
    expect([size.width / POINTS_PER_MM, size.height / POINTS_PER_MM].map(Math.round)).toEqual([width, height]);
  });
});

describe('Positions', () => {
  /** Where reportlab 5.1 put one line of Open Sans (the place of two) in the boxes of this layout, in points from the lower left corner. */
  const BASELINES: Record<string, readonly [x: number, y: number]> = {
    'Open Air Demo': [46.35, 782.05],
    '3-day pass - Regular': [46.35, 747.6],
    'Ada Testmann': [46.35, 717.92],
    '2027-07-16 12:00': [46.35, 686.74],
    'Row 3, Seat 4': [46.35, 661.23],
    'Festival Meadow': [46.35, 593.55],
    A0B1C2D: [46.77, 553.59],
  };

  it("of texts are those that the shop's own renderer gives them", async () => {
    const { pdf } = await printed({ layout: layoutOfEvent('openair') }, ticketsOf(1));
    const texts = placedTexts(pdf);
    for (const [text, [x, y]] of Object.entries(BASELINES)) {
      const placed = texts.find((one) => one.text === text)!;
      expect([text, placed.x, placed.y]).toEqual([text, expect.closeTo(x, 1), expect.closeTo(y, 1)]);
    }
    const price = texts.find((one) => one.text.endsWith('149.00'))!;
    // Ends where its box ends: 7 characters of Helvetica, all but one 0.556 wide.
    expect(price.x + 0.556 * 6 * 13 + 0.278 * 13).toBeCloseTo((51.5 + 47.38) * POINTS_PER_MM, 0);
    expect(price.y).toBeCloseTo(553.59, 1);
  });

  it('of text areas are those of the same renderer, for each line height and direction', async () => {
    const area = {
      type: 'textarea',
      left: 20,
      bottom: 50,
      width: 60,
      fontsize: 12,
      content: 'other',
      text: 'One\nTwo',
    };
    const layout = [
      area,
      { ...area, lineheight: '1' },
      { ...area, lineheight: 1.5 },
      { ...area, downward: true },
      { ...area, align: 'right' },
    ];
    const { pdf } = await printed({ layout }, ticketsOf(1));
    const ones = placedTexts(pdf).filter(({ text }) => text === 'One');
    expect(ones.map(({ y }) => Math.round(y * 10) / 10)).toEqual([165.9, 159, 165.5, 131.1, 165.9]);
    expect(ones[0]!.x).toBeCloseTo(20 * POINTS_PER_MM, 3);
    expect(ones[4]!.x).toBeCloseTo(80 * POINTS_PER_MM - (0.778 + 0.556 + 0.556) * 12, 1);
  });

  it('of a code are those of the layout, its quiet zone inside', async () => {
    const [barcode] = layoutOfEvent('openair');
    const { pdf } = await printed({ layout: layoutOfEvent('openair') }, ticketsOf(1));
    const [page] = await seen(pdf, 2);
    const [left, bottom, size] = [barcode!.left, barcode!.bottom, barcode!.size].map(
      (mm) => Number(mm) * POINTS_PER_MM,
    );
    // 33 modules and 4 on each side.
    const module = size! / 41;
    const dark = darkPart(page!, { left: 350, bottom: 570 });
    expect(dark.left).toBeCloseTo(left! + 4 * module, 0);
    expect(dark.right).toBeCloseTo(left! + size! - 4 * module, 0);
    expect(page!.height - dark.bottom).toBeCloseTo(bottom! + 4 * module, 0);
    expect(page!.height - dark.top).toBeCloseTo(bottom! + size! - 4 * module, 0);
  });

  it('without white space a code fills its square', async () => {
    const barcode = { type: 'barcodearea', left: 20, bottom: 30, size: 40, nowhitespace: true };
    const { pdf } = await printed({ layout: [barcode] }, ticketsOf(1));
    const [page] = await seen(pdf, 2);
    const dark = darkPart(page!, { left: 0, bottom: 0 });
    expect(dark.left).toBeCloseTo(20 * POINTS_PER_MM, 0);
    expect(dark.right).toBeCloseTo(60 * POINTS_PER_MM, 0);
    expect(page!.height - dark.bottom).toBeCloseTo(30 * POINTS_PER_MM, 0);
  });

  it('a text that is too large for its box becomes smaller until it fits, if the box says so', async () => {
    const box = { type: 'textcontainer', left: 10, bottom: 10, width: 40, height: 10, fontsize: 20, content: 'other' };
    const text = 'A rather long product name';
    const { pdf } = await printed(
      {
        layout: [
          { ...box, text, autoresize: true },
          { ...box, text },
        ],
      },
      ticketsOf(1),
    );
    const sizes = placedTexts(pdf).map(({ fontSize }) => fontSize);
    expect(sizes[0]).toBeLessThan(13);
    expect(Math.max(...sizes)).toBe(20);
  });

  it('a long word is broken, unless the box says otherwise', async () => {
    const box = { type: 'textcontainer', left: 10, bottom: 10, width: 20, height: 30, fontsize: 10, content: 'secret' };
    const [split, whole] = await Promise.all(
      [true, false].map(async (splitlongwords) => {
        const { pdf } = await printed({ layout: [{ ...box, splitlongwords }] }, ticketsOf(1));
        return placedTexts(pdf).length;
      }),
    );
    expect(split).toBeGreaterThan(2);
    expect(whole).toBe(1);
  });
});

/** The bounds of what is dark right of a place and above it (in points, as in layouts): in points from the page's upper left corner. */
function darkPart({ picture, width, height }: SeenPage, from: { readonly left: number; readonly bottom: number }) {
  const scale = picture.width / width;
  const bounds = { left: Infinity, right: 0, top: Infinity, bottom: 0 };
  for (let y = 0; y < (height - from.bottom) * scale; y++) {
    for (let x = Math.round(from.left * scale); x < picture.width; x++) {
      if (picture.data[(y * picture.width + x) * 4]! > 100) continue;
      bounds.left = Math.min(bounds.left, x / scale);
      bounds.right = Math.max(bounds.right, (x + 1) / scale);
      bounds.top = Math.min(bounds.top, y / scale);
      bounds.bottom = Math.max(bounds.bottom, (y + 1) / scale);
    }
  }
  return bounds;
}

it('All placeholders of the contract (§5.1) can be printed', async () => {
  const contract =
    'order positionid item variation item_description itemvar item_category price price_with_addons attendee_name event_name ' +
    'event_date event_date_range event_begin event_begin_date event_begin_time event_end event_end_date event_end_time ' +
    'event_admission event_admission_time event_location invoice_name invoice_company addons organizer organizer_info_text ' +
    'now_date now_datetime now_time seat seat_zone seat_row seat_number attendee_name_given_name invoice_name_full_name ' +
    'question_7 meta:color itemmeta:gate';
  const names = contract.split(' ');
  const layout = names.map((content, n) => ({
    type: 'textarea',
    left: 10,
    bottom: 280 - 7 * n,
    width: 150,
    fontsize: 9,
    content,
  }));
  const values = Object.fromEntries(names.map((name, n) => [name, `value ${n} of ${name}`]));
  const { pdf } = await printed({ layout }, [{ secret: 's', values: { ...VALUES, ...values } }]);
  expect(placedTexts(pdf).map(({ text }) => text)).toEqual(Object.values(values));
});
