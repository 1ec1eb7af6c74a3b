import PDFDocument from 'pdfkit';
import { openBackground, openImage } from './background';
import { type Omission } from './omission';

/** What a layout shows a file as. A background may be a PDF, too. */
export type FileUse = 'background' | 'image';

/** Why a file cannot be drawn; undefined: it can. An import asks it, so that nobody finds out at the printer. */
export async function problemOfFile(file: Uint8Array, use: FileUse): Promise<string | undefined> {
  const doc = new PDFDocument({ autoFirstPage: false });
  if (use === 'image') {
    const image = openImage(doc, file);
    return typeof image === 'string' ? image : undefined;
  }
  const omissions: Omission[] = [];
  await openBackground(doc, file, (omission) => omissions.push(omission));
  return omissions[0]?.why;
}
