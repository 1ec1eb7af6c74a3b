import { PNG } from 'pngjs';
import { type Omit } from './omission';
import { type PageSize } from './page-size';

/** What lies under the tickets of a document. */
export type Background = {
  /** Undefined: it takes that of the page. */
  readonly size: PageSize | undefined;
  /** How many pages each ticket has by it; undefined: it is on all of them. */
  readonly pages: number | undefined;
  /** Draws it on the document's page, which is this one of its ticket, from 1. */
  draw(page: number): void;
};

/** An image that is embedded once and drawn as often as wanted. */
export type EmbeddedImage = { draw(x: number, y: number, options: PDFKit.Mixins.ImageOption): void };

/** What pdfkit's types do not tell of it. */
type ImageLibrary = { openImage(file: Buffer): { embed(doc: unknown): void } };

/** Opens a background, or says why there is none. */
export async function openBackground(
  doc: PDFKit.PDFDocument,
  file: Uint8Array,
  omit: Omit,
): Promise<Background | undefined> {
  if (startsWith(file, '%PDF-', 1024)) {
    // A large library, that few documents need.
    const { openPdfPages } = await import('./pdf-pages.js');
    return openPdfPages(doc, file, omit);
  }
  const image = openImage(doc, file);
  if (typeof image === 'string') {
    omit({ element: null, what: 'background', why: image });
    return undefined;
  }
  return {
    size: undefined,
    pages: undefined,
    draw: () => image.draw(0, 0, { width: doc.page.width, height: doc.page.height }),
  };
}

/** A page of A4 with 600 dots per inch has fewer. Decoded, each takes four bytes. */
const MOST_PIXELS = 36_000_000;
/** Where a PNG file has its width and height. */
const PNG_SIZE = { width: 16, height: 20 } as const;

/** Embeds a PNG or JPEG file; a text says why it cannot be done. */
export function openImage(doc: PDFKit.PDFDocument, file: Uint8Array): EmbeddedImage | string {
  const png = startsWith(file, '\x89PNG\r\n\x1a\n');
  if (!png && !startsWith(file, '\xff\xd8\xff')) return 'the file is neither PNG nor JPEG';
  if (png && hasTooManyPixels(file)) return `the image has more than ${MOST_PIXELS / 1e6} million pixels`;
  try {
    const image = (doc as unknown as ImageLibrary).openImage(png ? decodablePng(file) : Buffer.from(file));
    image.embed(doc);
    return { draw: (x, y, options) => void doc.image(image as unknown as string, x, y, options) };
  } catch {
    return 'the file is damaged';
  }
}

/** A small file may have many: it must not be decoded to find that out. */
function hasTooManyPixels(png: Uint8Array): boolean {
  if (png.length < PNG_SIZE.height + 4) return false;
  const { buffer, byteOffset, byteLength } = png;
  const view = new DataView(buffer, byteOffset, byteLength);
  return view.getUint32(PNG_SIZE.width) * view.getUint32(PNG_SIZE.height) > MOST_PIXELS;
}

/** pdfkit decodes transparent images later, where an error would end the process, and not every form of PNG. Throws when it is damaged. */
function decodablePng(file: Uint8Array): Buffer {
  const bytes = Buffer.from(file);
  const image = PNG.sync.read(bytes);
  return image.depth === 8 && !image.interlace ? bytes : PNG.sync.write(image);
}

/** Whether a file begins with these bytes, within so many of them. */
function startsWith(file: Uint8Array, magic: string, within = magic.length): boolean {
  return Buffer.from(file.subarray(0, within)).includes(Buffer.from(magic, 'latin1'));
}
