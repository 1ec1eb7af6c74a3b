import QRCode from 'qrcode';
import { type Colour } from './layout';

/** A code with one unit per module: `path` is PDF's commands for its dark parts, a rectangle for each run in a row. */
export type Symbol = { readonly size: number; readonly path: string };
type Level = 'L' | 'M' | 'H';

/** On each side, in modules: scanners need it to find the code. */
export const QUIET_ZONE = 4;

/** Any of the eight is readable; finding out which is best would cost more than all the rest of a page. */
const MASK = 2;

/**
 * Makes the QR codes of one document: in byte mode, with one mask, and all of one level in the version that the longest so far
 * needed, so that the codes of a batch look alike and nothing is tried out for each. Contents are UTF-8. Throws a RangeError for
 * what no QR code can hold (2,953 bytes).
 */
export function qrCodes(): (content: string) => Symbol {
  const versions = new Map<Level, { readonly version: number; readonly bytes: number }>();
  return (content) => {
    const data = Buffer.from(content, 'utf8');
    const level = levelFor([...content].length);
    const known = versions.get(level);
    const fits = known !== undefined && data.length <= known.bytes;
    const code = create(data, {
      errorCorrectionLevel: level,
      maskPattern: MASK,
      ...(fits && { version: known.version }),
    });
    if (!fits) versions.set(level, { version: code.version, bytes: data.length });
    return { size: code.modules.size, path: pathOf(code.modules) };
  };
}

/** The shop's rule: the less there is to say, the more of it may be torn off. */
function levelFor(characters: number): Level {
  if (characters <= 32) return 'H';
  return characters <= 128 ? 'M' : 'L';
}

function create(data: Buffer, options: QRCode.QRCodeOptions): QRCode.QRCode {
  if (data.length > 2953) throw new RangeError('no QR code holds more than 2953 bytes');
  return QRCode.create([{ data, mode: 'byte' }], options);
}

function pathOf({ size, data }: QRCode.BitMatrix): string {
  const rectangles: string[] = [];
  for (let y = 0; y < size; y++) {
    const row = y * size;
    for (let x = 0; x < size; x++) {
      if (!data[row + x]) continue;
      const start = x;
      while (x < size && data[row + x]) x++;
      rectangles.push(`${start} ${y} ${x - start} 1 re`);
    }
  }
  return rectangles.join('\n');
}

/** Draws a code into a square of `size` points whose upper left corner is `x`, `y`: as one path, so that no seams show. */
export function drawQrCode(
  doc: PDFKit.PDFDocument,
  symbol: Symbol,
  place: {
    readonly x: number;
    readonly y: number;
    readonly size: number;
    readonly quietZone: number;
    readonly colour: Colour;
  },
): void {
  const module = place.size / (symbol.size + 2 * place.quietZone);
  doc.save();
  doc.translate(place.x + place.quietZone * module, place.y + place.quietZone * module).scale(module);
  // As one command: pdfkit would round, copy and keep each of three hundred rectangles by itself.
  doc
    .fillColor([...place.colour])
    .addContent(symbol.path)
    .addContent('f');
  doc.restore();
}
