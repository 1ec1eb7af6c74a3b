import PDFDocument from 'pdfkit';
import { imageName, layoutOf } from './batch-layout';
import { openBackground, openImage, type EmbeddedImage } from './background';
import { codeContentOf, contentOf, type Content } from './content';
import { openFonts } from './fonts';
import { type Barcode, type Image, type LayoutElement, type TextArea, type TextContainer } from './layout';
import { omissionList, type Omission, type Omit } from './omission';
import { pageSizeOf } from './page-size';
import { drawQrCode, QUIET_ZONE, qrCodes } from './qr-code';
import { drawText, setText, type SetText } from './text';
import { type Batch, type Ticket } from './ticket';

export type Drawn = { readonly tickets: number; readonly pages: number; readonly omissions: readonly Omission[] };

/** Where the file goes, piece by piece; drawing goes on when the promise is kept. */
export type Sink = (chunk: Buffer) => Promise<void>;

/** The size of all chunks but the last. */
export const CHUNK_BYTES = 64 * 1024;

/** Set texts that are kept: most of a batch's texts are the same on every ticket. */
const KEPT_TEXTS = 1000;

/**
 * Draws a document of tickets. What was drawn of a page leaves at once: the memory that it takes does not grow with the pages, but
 * for the list of their places that ends every PDF. Runs in a worker thread (worker.ts), as it keeps its thread busy.
 */
export async function drawTickets(batch: Batch, tickets: AsyncIterable<readonly Ticket[]>, sink: Sink): Promise<Drawn> {
  const { omissions, omit } = omissionList();
  const doc = newDocument(batch);
  const output = chunked(doc, sink);
  const draw = await ticketDrawing(doc, batch, omit);
  let drawn = 0;
  let pages = 0;
  for await (const group of tickets) {
    for (const ticket of group) {
      pages += await draw(ticket);
      drawn += 1;
      await output.flush();
    }
  }
  // A PDF has at least one page.
  if (pages === 0) pages += await draw(null);
  doc.end();
  await output.end();
  return { tickets: drawn, pages, omissions };
}

function newDocument(batch: Batch): PDFKit.PDFDocument {
  const options = {
    autoFirstPage: false,
    margin: 0,
    pdfVersion: '1.7',
    lang: batch.locale,
    info: { Title: batch.title, Creator: 'Gatehouse', Producer: 'Gatehouse' },
    // It would keep every name of the batch.
    fontLayoutCache: false,
  } as const;
  return new PDFDocument(options);
}

/** How a ticket is drawn, or its background alone; the promise's number is that of its pages. */
async function ticketDrawing(
  doc: PDFKit.PDFDocument,
  batch: Batch,
  omit: Omit,
): Promise<(ticket: Ticket | null) => Promise<number>> {
  const { elements, omissions } = layoutOf(batch);
  omissions.forEach(omit);
  const background = batch.background && (await openBackground(doc, batch.background, omit));
  const size = background?.size ?? pageSizeOf(elements);
  const pages = background?.pages ?? Math.max(1, ...elements.map(({ page }) => page));
  const byPage = Array.from({ length: pages }, (_, at) => elements.filter(({ page }) => page === at + 1));
  for (const { index, type, page } of elements) {
    if (page > pages) omit({ element: index, what: type, why: `the background has no page ${page}` });
  }
  const drawElement = elementDrawing(doc, batch, omit);
  return async (ticket) => {
    for (const [at, onPage] of byPage.entries()) {
      doc.addPage({ size: [size.width, size.height], margin: 0 });
      background?.draw(at + 1);
      if (ticket === null) continue;
      for (const element of onPage) {
        const waiting = drawElement(element, ticket);
        if (waiting) await waiting;
      }
    }
    return pages;
  };
}

function elementDrawing(doc: PDFKit.PDFDocument, batch: Batch, omit: Omit) {
  const fonts = openFonts(doc, omit);
  const codeOf = qrCodes();
  const images = new Map<string, EmbeddedImage | string>();
  const kept = new Map<string, SetText>();

  return (element: LayoutElement, ticket: Ticket): Promise<void> | undefined => {
    switch (element.type) {
      case 'rectangle':
        doc.rect(element.left, doc.page.height - element.bottom - element.height, element.width, element.height);
        doc.fill([...element.colour]);
        return undefined;
      case 'imagearea':
        drawImage(element);
        return undefined;
      case 'barcodearea':
        drawBarcode(element, ticket);
        return undefined;
      case 'textarea':
      case 'textcontainer':
        return writeText(element, contentOf(element, ticket, batch));
    }
  };

  function writeText(element: TextArea | TextContainer, content: Content): Promise<void> | undefined {
    missing(element, content);
    const key = `${element.index} ${content.locale} ${content.text}`;
    const known = kept.get(key);
    if (known) {
      drawText(doc, element, known, fonts);
      return undefined;
    }
    const set = setText(element, content.text, fonts, content.locale);
    const draw = (ready: SetText) => {
      if (kept.size >= KEPT_TEXTS) kept.clear();
      kept.set(key, ready);
      drawText(doc, element, ready, fonts);
    };
    if (set instanceof Promise) return set.then(draw);
    draw(set);
    return undefined;
  }

  function drawBarcode(element: Barcode, ticket: Ticket): void {
    const content = codeContentOf(element, ticket, batch);
    missing(element, content);
    if (content.text === '') return;
    try {
      const { left: x, size, colour } = element;
      const y = doc.page.height - element.bottom - size;
      const quietZone = element.noQuietZone ? 0 : QUIET_ZONE;
      drawQrCode(doc, codeOf(content.text), { x, y, size, quietZone, colour });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      omit({ element: element.index, what: element.type, why: error.message });
    }
  }

  function drawImage({ index, content, left, bottom, width, height }: Image): void {
    const file = batch.images?.[content];
    // That it is missing was said with the layout.
    if (file === undefined) return;
    const image = images.get(content) ?? openImage(doc, file);
    images.set(content, image);
    if (typeof image === 'string') {
      omit({ element: index, what: imageName(content), why: image });
      return;
    }
    const y = doc.page.height - bottom - height;
    image.draw(left, y, { fit: [width, height], align: 'center', valign: 'center' });
  }

  function missing(element: LayoutElement, { unknown }: Content): void {
    for (const name of unknown) {
      omit({ element: element.index, what: `{${name.slice(0, 50)}}`, why: 'the tickets have no value of this name' });
    }
  }
}

/** Takes what pdfkit has written, and passes it on in chunks of about one size. */
function chunked(doc: PDFKit.PDFDocument, sink: Sink) {
  let waiting: Buffer[] = [];
  let bytes = 0;

  return {
    /** Passes on what there is, when it is enough for a chunk. */
    async flush(): Promise<void> {
      take();
      if (bytes >= CHUNK_BYTES) await send(CHUNK_BYTES);
    },
    /** Passes on the rest, when the document has ended. */
    async end(): Promise<void> {
      // Transparent images are compressed beside the drawing.
      while (!doc.readableEnded) {
        take();
        if (!doc.readableEnded) await new Promise((resolve) => doc.once('readable', resolve).once('end', resolve));
      }
      await send(1);
    },
  };

  function take(): void {
    const chunk: unknown = doc.read();
    if (!(chunk instanceof Uint8Array)) return;
    waiting.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    bytes += chunk.byteLength;
  }

  /** What is left is smaller than `least`. */
  async function send(least: number): Promise<void> {
    let rest = Buffer.concat(waiting);
    waiting = [];
    for (; rest.length >= least; rest = rest.subarray(CHUNK_BYTES)) await sink(rest.subarray(0, CHUNK_BYTES));
    waiting = [rest];
    bytes = rest.length;
  }
}
