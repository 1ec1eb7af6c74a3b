import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inflateSync } from 'node:zlib';
import type { PDFiumLibrary } from '@hyzyla/pdfium' with { 'resolution-mode': 'import' };
import jsQR from 'jsqr';
import { PNG } from 'pngjs';
import { openPrinter, type Printer, type Printing } from '@gatehouse/ticket-pdf/printer';
import { type Batch, type Ticket } from '@gatehouse/ticket-pdf/ticket';

/** What tickets of the tests say; the names are in the scripts that festivals meet. */
export const VALUES = {
  event_name: 'Open Air Demo',
  event_date_range: 'July 16th – 18th, 2027',
  event_begin: '2027-07-16 12:00',
  event_location: 'Festival Meadow\nLakeside 1, 12345 Waterton',
  item: '3-day pass',
  itemvar: '3-day pass - Regular',
  price: '€149.00',
  order: 'A0B1C2D',
  attendee_name: 'Ada Testmann',
  seat: 'Row 3, Seat 4',
  organizer: 'Demo Festival Society',
};

export const NAMES = [
  'Zoë Müller',
  'Łukasz Żółć-Święcicki',
  'Ελένη Παπαδοπούλου',
  'Владимир Кузнецов',
  'محمد عبد الله',
  'דוד בן-גוריון',
  '王小明',
  '山田 カナ',
  '김철수',
  'สมชาย',
  'Nguyễn Thị Ánh',
];

export const secretOf = (n: number): string => `abcdefghjkmnpqrstuvwxyz2${String(n).padStart(8, '7')}`;

export function ticketsOf(count: number, values: (n: number) => Record<string, string> = () => ({})): Ticket[] {
  return Array.from({ length: count }, (_, n) => ({ secret: secretOf(n), values: { ...VALUES, ...values(n) } }));
}

export const BATCH: Batch = { layout: null, locale: 'en', title: 'Tickets' };

export async function pdfOf(printing: Printing): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of printing) chunks.push(chunk);
  return Buffer.concat(chunks);
}

let printer: Printer | undefined;
/** Ends what the tests of a file share. */
export const closePrinter = async (): Promise<void> => printer?.close();

/** One document, from a printer that the tests of a file share. */
export async function printed(
  batch: Partial<Batch>,
  tickets: Iterable<Ticket>,
): Promise<{ pdf: Buffer; printing: Printing }> {
  printer ??= openPrinter();
  const printing = printer.print({ ...BATCH, ...batch }, tickets);
  return { pdf: await pdfOf(printing), printing };
}

/** A page as Chrome's PDF library shows it: its text, its size in points, and a picture with so many pixels per point. */
export type SeenPage = {
  readonly text: string;
  readonly width: number;
  readonly height: number;
  readonly picture: PNG;
};

let library: Promise<PDFiumLibrary> | undefined;

export async function seen(pdf: Buffer, scale: number): Promise<SeenPage[]> {
  library ??= import('@hyzyla/pdfium').then((pdfium) => pdfium.PDFiumLibrary.init());
  const document = await (await library).loadDocument(pdf);
  const pages: SeenPage[] = [];
  for (const page of document.pages()) {
    const { originalWidth: width, originalHeight: height } = page.getOriginalSize();
    const text = page.getText().replaceAll('\r\n', '\n');
    const bitmap = await page.render({ scale, render: 'bitmap' });
    const picture = new PNG({ width: bitmap.width, height: bitmap.height });
    picture.data = Buffer.from(bitmap.data);
    pages.push({ text, width, height, picture });
  }
  document.destroy();
  return pages;
}

/** What the QR code on a picture says; null when there is none that a scanner could read. */
export function scanned({ width, height, data }: PNG): string | null {
  const code = jsQR(new Uint8ClampedArray(data), width, height, { inversionAttempts: 'dontInvert' });
  return code ? Buffer.from(code.binaryData).toString('utf8') : null;
}

/** A text as it stands in the file: its lower left corner in points from the page's, and what it says where its font is a standard one. */
export type PlacedText = { readonly x: number; readonly y: number; readonly text: string; readonly fontSize: number };

/** The texts of all pages, in the order in which they were drawn, straight from the file's drawing commands. */
export function placedTexts(pdf: Buffer): PlacedText[] {
  return streamsOf(pdf).flatMap((stream) =>
    [...stream.matchAll(/BT\n1 0 0 1 (\S+) (\S+) Tm\n\/\S+ (\S+) Tf\n([^]*?)ET/g)].map(([, x, y, size, body]) => ({
      x: Number(x),
      y: Number(y),
      fontSize: Number(size),
      text: [...body!.matchAll(/<([0-9a-f]+)>/g)]
        .map(([, hex]) => Buffer.from(hex!, 'hex').toString('latin1'))
        .join(''),
    })),
  );
}

function streamsOf(pdf: Buffer): string[] {
  const file = pdf.toString('latin1');
  return [...file.matchAll(/\/FlateDecode\n>>\nstream\n/g)].map(({ index, 0: head }) => {
    const from = index + head.length;
    return inflateSync(pdf.subarray(from, file.indexOf('\nendstream', from))).toString('latin1');
  });
}

const PICTURES = path.join(__dirname, '../../packages/ticket-pdf/test/pictures');

/** How far a picture is from the stored one: in shades of 255 per pixel, and the share of pixels that are clearly others. */
export type Difference = { readonly mean: number; readonly others: number };

/** Compares with pictures/<name>.png; `UPDATE_PICTURES=1` stores the picture instead, to be looked at before it is committed. */
export function differenceFromStored(name: string, picture: PNG): Difference {
  const file = path.join(PICTURES, `${name}.png`);
  if (process.env['UPDATE_PICTURES']) {
    mkdirSync(PICTURES, { recursive: true });
    writeFileSync(file, PNG.sync.write(grey(picture), { colorType: 0 }));
  }
  const stored = PNG.sync.read(readFileSync(file));
  const here = grey(picture);
  if (stored.width !== here.width || stored.height !== here.height) return { mean: 255, others: 1 };
  let sum = 0;
  let others = 0;
  for (let at = 0; at < here.data.length; at += 4) {
    const difference = Math.abs(stored.data[at]! - here.data[at]!);
    sum += difference;
    if (difference > 64) others += 1;
  }
  const pixels = here.width * here.height;
  return { mean: sum / pixels, others: others / pixels };
}

/** As pictures are stored, which keeps them small. */
function grey({ width, height, data }: PNG): PNG {
  const result = new PNG({ width, height });
  for (let at = 0; at < data.length; at += 4) {
    const shade = Math.round((data[at]! + data[at + 1]! + data[at + 2]!) / 3);
    result.data.set([shade, shade, shade, 255], at);
  }
  return result;
}
