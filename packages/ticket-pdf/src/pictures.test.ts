import { readFileSync } from 'node:fs';
import path from 'node:path';
import PDFDocument from 'pdfkit';
import { degrees, PDFDocument as Editor } from '@cantoo/pdf-lib';
import { PNG } from 'pngjs';
import {
  closePrinter,
  differenceFromStored,
  NAMES,
  printed,
  scanned,
  secretOf,
  seen,
  ticketsOf,
} from '@gatehouse/test-support/seen-pdf';
import { type Batch } from './ticket';

const EXPORT = path.join(__dirname, '../../../test/fixtures/pretix-export/events');

afterAll(closePrinter);

/** Renderers differ in how they smooth edges; a line that moved by two pixels is far beyond this. */
const SIMILAR = { mean: 1, others: 0.002 };

async function expectPicture(name: string, batch: Partial<Batch>, attendee_name = 'Ada Testmann') {
  const { pdf, printing } = await printed(
    batch,
    ticketsOf(1, () => ({ attendee_name })),
  );
  const [page] = await seen(pdf, 1);
  const { mean, others } = differenceFromStored(name, page!.picture);
  expect(mean).toBeLessThan(SIMILAR.mean);
  expect(others).toBeLessThan(SIMILAR.others);
  return { page: page!, printing, pdf };
}

describe('Pages look as the stored pictures', () => {
  it.each(['openair', 'tours'])('of the layout of %s in the real export', async (event) => {
    const [{ layout }] = JSON.parse(readFileSync(path.join(EXPORT, event, 'ticketlayouts.json'), 'utf8'));
    const { page } = await expectPicture(event, { layout }, 'Zoë Müller');
    expect([Math.round(page.width), Math.round(page.height)]).toEqual([595, 842]);
    expect(scanned(page.picture)).toBe(secretOf(0));
  });

  it('of the default layout', async () => {
    const { page } = await expectPicture('default', {}, 'Łukasz Żółć-Święcicki');
    expect([Math.round(page.width), Math.round(page.height)]).toEqual([298, 420]);
  });

  it('of names in many scripts', async () => {
    const names = [...NAMES, 'عمر (VIP) 12 שלום', 'e\u0301 a\u0308 👩‍🚀 🎉', 'देवनागरी'];
    const layout = names.map((text, n) => ({
      type: 'textcontainer',
      left: 5,
      bottom: 138 - 9 * n,
      width: 95,
      height: 8,
      fontsize: 14,
      bold: n % 2 === 1,
      content: 'other',
      text,
    }));
    const { printing } = await expectPicture('scripts', { layout });
    expect(printing.omissions).toEqual([expect.objectContaining({ what: 'background' })]);
  });

  it('of rotated, aligned and coloured texts, images and codes on a background', async () => {
    const area = { type: 'textarea', left: 50, width: 60, fontsize: 12, content: 'other' };
    const code = { type: 'barcodearea', left: 110, size: 30 };
    const layout = [
      { ...area, bottom: 88, text: 'Area: two\nlines {order}', lineheight: '1' },
      {
        ...area,
        bottom: 90,
        left: 5,
        width: 40,
        text: 'Downward\nright',
        downward: true,
        align: 'right',
        color: [200, 0, 0, 1],
      },
      { ...area, bottom: 60, left: 20, text: 'Rotated 45', rotation: 45, bold: true },
      { ...area, bottom: 20, left: 10, text: 'Rotated -90', rotation: '-90', italic: true },
      {
        ...area,
        bottom: 50,
        width: 50,
        align: 'center',
        fontfamily: 'Noto Serif',
        text: 'Centred, in more than one line',
      },
      { ...code, bottom: 70, nowhitespace: true, color: [0, 0, 120, 1] },
      { ...code, bottom: 30, content: 'other', text: 'https://example.org/{order}' },
      { type: 'imagearea', left: 110, bottom: 5, width: 20, height: 20, content: 'logo' },
    ];
    const images = { logo: stripes() };
    const { printing } = await expectPicture('features', { layout, images, background: await pdfBackground() });
    expect(printing.omissions).toEqual([{ element: 4, what: 'font Noto Serif', why: 'Times-Roman takes its place' }]);
  });
});

describe('A background', () => {
  const text = { type: 'textarea', left: 20, bottom: 60, width: 60, fontsize: 12, content: 'order' };

  it('gives the page its size and the ticket its pages', async () => {
    const layout = [text, { ...text, page: 2, content: 'item' }, { ...text, page: 3, content: 'price' }];
    const { pdf, printing } = await printed({ layout, background: await pdfBackground() }, ticketsOf(2));
    const pages = await seen(pdf, 0.5);
    expect(pages.map(({ width, height }) => [width, height])).toEqual(Array(4).fill([420, 300]));
    expect(pages.map((page) => page.text.split('\n').sort())).toEqual([
      ['A0B1C2D', 'Ground one'],
      ['3-day pass', 'Ground two'],
      ['A0B1C2D', 'Ground one'],
      ['3-day pass', 'Ground two'],
    ]);
    expect(printing.pages).toBe(4);
    expect(printing.omissions).toEqual([{ element: 2, what: 'textarea', why: 'the background has no page 3' }]);
  });

  it.each([90, 180, 270])('that is turned by %d degrees lies as a reader shows it', async (angle) => {
    const editor = await Editor.load(await pdfBackground());
    editor.getPages().forEach((page) => page.setRotation(degrees(angle)));
    const background = Buffer.from(await editor.save());
    const [shown] = await seen(background, 0.5);
    const { pdf } = await printed({ layout: [], background }, ticketsOf(1));
    const [page] = await seen(pdf, 0.5);
    expect([page!.picture.width, page!.picture.height]).toEqual([shown!.picture.width, shown!.picture.height]);
    const unlike = page!.picture.data.filter((value, at) => Math.abs(value - shown!.picture.data[at]!) > 64).length;
    expect(unlike / page!.picture.data.length).toBeLessThan(0.01);
  });

  it('may be an image', async () => {
    const { pdf, printing } = await printed({ layout: [text], background: stripes() }, ticketsOf(1));
    const [page] = await seen(pdf, 0.5);
    expect(page!.picture.data.subarray(0, 3)).not.toEqual(Buffer.from([255, 255, 255]));
    expect(printing.omissions).toEqual([]);
  });

  it.each([
    [
      'a damaged PDF',
      Buffer.from('%PDF-1.7\nnothing'),
      'the PDF cannot be read (damaged, encrypted or without a page)',
    ],
    ['a damaged image', stripes().subarray(0, 90), 'the file is damaged'],
    ['something else', Buffer.from('GIF89a'), 'the file is neither PNG nor JPEG'],
  ])('is left out and named when it is %s', async (_, background, why) => {
    const layout = [text, { type: 'imagearea', left: 1, bottom: 1, width: 9, height: 9, content: 'logo' }];
    const images = { logo: stripes().subarray(0, -40) };
    const { pdf, printing } = await printed({ layout, background, images }, ticketsOf(1));
    expect((await seen(pdf, 0.1))[0]!.text).toBe('A0B1C2D');
    expect(printing.omissions).toEqual([
      { element: null, what: 'background', why },
      { element: 1, what: 'image logo', why: 'the file is damaged' },
    ]);
  });
});

it('A character that no font has becomes a box, and is named', async () => {
  const { pdf, printing } = await printed(
    {},
    ticketsOf(1, () => ({ attendee_name: 'Runa ᚱ' })),
  );
  expect((await seen(pdf, 0.1))[0]!.text).toContain('Runa □');
  expect(printing.omissions).toEqual([
    { element: null, what: 'U+16B1', why: 'no font has this character; a box stands for it' },
  ]);
});

/** Two pages of 420 × 300 points, with a transparent image. */
async function pdfBackground(): Promise<Buffer> {
  const doc = new PDFDocument({ size: [420, 300], margin: 0 });
  const chunks: Buffer[] = [];
  doc.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => doc.on('end', resolve));
  doc.rect(10, 10, 400, 280).stroke('red');
  doc.fontSize(30).fillColor('#99a').text('Ground one', 40, 130, { lineBreak: false });
  doc.image(stripes(), 240, 200, { width: 60 });
  doc.addPage().text('Ground two', 40, 130, { lineBreak: false });
  doc.end();
  await ended;
  return Buffer.concat(chunks);
}

function stripes(): Buffer {
  const png = new PNG({ width: 40, height: 20 });
  for (let pixel = 0; pixel < 800; pixel++)
    png.data.set([pixel % 256, 100, 200, pixel % 40 < 20 ? 255 : 90], pixel * 4);
  return PNG.sync.write(png);
}
