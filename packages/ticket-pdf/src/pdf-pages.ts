import {
  decodePDFRawStream,
  PDFArray,
  PDFBool,
  PDFDict,
  PDFDocument,
  PDFHexString,
  PDFName,
  PDFNumber,
  PDFRawStream,
  PDFRef,
  PDFStream,
  PDFString,
  type PDFObject,
  type PDFPage,
} from '@cantoo/pdf-lib';
import { type Omit } from './omission';
import { type PageSize } from './page-size';

/** An object of pdfkit's document, whose own types have less of it. */
type Reference = { data: Record<string, unknown>; write(chunk: Uint8Array): void; end(): void };
type Writer = { ref(data: Record<string, unknown>): Reference };

/** Pages of another document, all drawn as large as they are shown. */
export type PdfPages = {
  /** Of the first one. */
  readonly size: PageSize;
  readonly pages: number;
  /** Draws one of them, from 1, on the document's page. */
  draw(page: number): void;
};

/** Says of pages what is of no use on other pages, and leads to the whole file that they come from. */
const LEFT_OUT = new Set(['Length', 'Parent', 'PieceInfo', 'Metadata', 'StructParent', 'StructParents', 'OC']);

/** Copies the pages of a PDF into the document, each once, to be drawn under as many tickets as there are. */
export async function openPdfPages(
  doc: PDFKit.PDFDocument,
  file: Uint8Array,
  omit: Omit,
): Promise<PdfPages | undefined> {
  try {
    const source = await PDFDocument.load(file, { updateMetadata: false });
    const pages = source.getPages();
    const first = pages[0];
    if (first === undefined) throw new Error('It has no page.');
    const copy = copier(doc as unknown as Writer, source);
    const forms = pages.map((page) => formOf(page, copy, doc as unknown as Writer));
    return { size: sizeOf(first), pages: pages.length, draw: (page) => drawForm(doc, forms[page - 1], page) };
  } catch {
    omit({ element: null, what: 'background', why: 'the PDF cannot be read (damaged, encrypted or without a page)' });
    return undefined;
  }
}

function drawForm(doc: PDFKit.PDFDocument, form: Reference | undefined, page: number): void {
  if (form === undefined) return;
  const name = `Background${page}`;
  (doc.page.xobjects as Record<string, Reference>)[name] = form;
  doc.save();
  // pdfkit counts from the upper left corner, PDF from the lower.
  doc.transform(1, 0, 0, -1, 0, doc.page.height);
  doc.addContent(`/${name} Do`);
  doc.restore();
}

/** As it is shown: a page may be turned by quarters. */
function sizeOf(page: PDFPage): PageSize {
  const { width, height } = page.getMediaBox();
  return page.getRotation().angle % 180 === 0 ? { width, height } : { width: height, height: width };
}

function formOf(page: PDFPage, copy: (object: PDFObject) => unknown, writer: Writer): Reference {
  const { x, y, width, height } = page.getMediaBox();
  const resources = page.node.Resources();
  const form = writer.ref({
    Type: 'XObject',
    Subtype: 'Form',
    BBox: [x, y, x + width, y + height],
    Matrix: uprightMatrix(page),
    Resources: resources ? copy(resources) : {},
  });
  for (const stream of contentsOf(page)) {
    form.write(stream);
    // A stream may end in the middle of a line.
    form.write(Buffer.from('\n'));
  }
  form.end();
  return form;
}

/** Puts the lower left corner of what is seen at 0, 0. */
function uprightMatrix(page: PDFPage): number[] {
  const { x, y, width, height } = page.getMediaBox();
  switch (((page.getRotation().angle % 360) + 360) % 360) {
    case 90:
      return [0, -1, 1, 0, -y, x + width];
    case 180:
      return [-1, 0, 0, -1, x + width, y + height];
    case 270:
      return [0, 1, -1, 0, y + height, -x];
    default:
      return [1, 0, 0, 1, -x, -y];
  }
}

function contentsOf(page: PDFPage): Uint8Array[] {
  const contents = page.node.Contents();
  const streams =
    contents instanceof PDFArray ? contents.asArray().map((one) => page.doc.context.lookup(one)) : [contents];
  return streams.flatMap((stream) => (stream instanceof PDFRawStream ? [decodePDFRawStream(stream).decode()] : []));
}

/** Translates objects of one library into those of the other; what is referred to is copied once. */
function copier(writer: Writer, source: PDFDocument): (object: PDFObject) => unknown {
  const copied = new Map<PDFRef, unknown>();
  return copy;

  function copy(object: PDFObject): unknown {
    if (object instanceof PDFRef) return copied.has(object) ? copied.get(object) : copyReferred(object);
    // pdfkit takes texts for names, and writes bytes as strings.
    if (object instanceof PDFName) return object.asString().slice(1);
    if (object instanceof PDFString || object instanceof PDFHexString) return object.asBytes();
    if (object instanceof PDFNumber) return object.asNumber();
    if (object instanceof PDFBool) return object.asBoolean();
    if (object instanceof PDFArray) return object.asArray().map(copy);
    if (object instanceof PDFDict) return copyDictionary(object);
    return null;
  }

  function copyReferred(reference: PDFRef): unknown {
    const object = source.context.lookup(reference);
    if (!(object instanceof PDFDict) && !(object instanceof PDFStream)) {
      const value = object === undefined ? null : copy(object);
      copied.set(reference, value);
      return value;
    }
    const dictionary = object instanceof PDFStream ? object.dict : object;
    const filter = dictionary.get(PDFName.of('Filter'));
    // What is compressed already must be known to be so from the beginning.
    const made = writer.ref(filter ? { Filter: copy(filter) } : {});
    // Before its parts, which may refer to it.
    copied.set(reference, made);
    made.data = copyDictionary(dictionary);
    if (object instanceof PDFStream) made.write(object.getContents());
    made.end();
    return made;
  }

  function copyDictionary(dictionary: PDFDict): Record<string, unknown> {
    const entries = dictionary.entries().map(([key, value]) => [key.asString().slice(1), value] as const);
    return Object.fromEntries(entries.filter(([key]) => !LEFT_OUT.has(key)).map(([key, value]) => [key, copy(value)]));
  }
}
