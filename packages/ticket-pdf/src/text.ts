import { type Face, type Fonts, type Script } from './fonts';
import { type TextArea, type TextContainer } from './layout';
import { linesOf, plain, type Line } from './paragraph';

/**
 * Of the font that layouts are designed with (Open Sans), in font sizes: they and the line height decide where lines stand, whatever
 * font draws them.
 */
const ASCENT = 1.069;
const DESCENT = 0.293;
/** From the top of a text to its first baseline, in font sizes. */
const FIRST_BASELINE = 1;
/** What the shop's editor shows as a line height of 1, in font sizes. */
const EDITOR_LINE_HEIGHT = 1.15;

/** In UTF-16 units: more than an A4 page holds, and little enough to try it in many sizes. */
const LONGEST_TEXT = 20_000;

/** A text that is ready to be drawn: lines, and where their first baseline is below the point about which the element turns. */
export type SetText = {
  readonly lines: readonly Line[];
  readonly fontSize: number;
  /** From baseline to baseline, in points. */
  readonly leading: number;
  readonly firstBaseline: number;
  /** The height of the point above `bottom`. */
  readonly origin: number;
};

/** Sets a text for its element, where the shop would put it; a promise when fonts must be loaded first. */
export function setText(
  element: TextArea | TextContainer,
  text: string,
  fonts: Fonts,
  locale: string,
): SetText | Promise<SetText> {
  const clean = plain(text.slice(0, LONGEST_TEXT));
  const face: Face = { family: element.fontFamily, bold: element.bold, italic: element.italic };
  const script = fonts.prepare(clean, face, locale);
  return script instanceof Promise ? script.then((ready) => set(ready)) : set(script);

  function set(ready: Script): SetText {
    return element.type === 'textarea'
      ? setArea(element, clean, ready, fonts)
      : setContainer(element, clean, ready, fonts);
  }
}

function setArea(element: TextArea, text: string, script: Script, fonts: Fonts): SetText {
  const { fontSize, lineHeight } = element;
  const lines = linesOf(text, script, fonts, { width: element.width / fontSize, splitLongWords: true });
  const leading = (lineHeight === null ? ASCENT + DESCENT : lineHeight * EDITOR_LINE_HEIGHT) * fontSize;
  // The small offsets are the shop's: with them its printed texts stand where its editor shows them.
  if (element.downward) {
    return { lines, fontSize, leading, origin: 0, firstBaseline: (FIRST_BASELINE - DESCENT / 2.5) * fontSize };
  }
  const lowered = lineHeight === null ? 0 : (lineHeight * EDITOR_LINE_HEIGHT - 1) * 1.05;
  const firstBaseline = (FIRST_BASELINE - DESCENT + lowered) * fontSize;
  return { lines, fontSize, leading, origin: lines.length * leading, firstBaseline };
}

function setContainer(element: TextContainer, text: string, script: Script, fonts: Fonts): SetText {
  let { fontSize } = element;
  let lines = broken();
  for (;;) {
    const tooHigh = lines.length * leading() > element.height;
    const tooWide = lines.some(({ width }) => width * fontSize > element.width * 1.000001);
    if (!element.autoResize || fontSize <= 1 || !(tooHigh || tooWide)) break;
    // In the steps of the shop, so that both come to the same size: large ones while it is too high.
    fontSize -= tooHigh ? Math.max(1, fontSize * 0.1) : Math.max(0.25, fontSize * 0.025);
    lines = broken();
  }
  const spare = element.height - lines.length * leading();
  const above = { top: 0, middle: spare / 2, bottom: spare }[element.verticalAlign];
  return {
    lines,
    fontSize,
    leading: leading(),
    origin: element.height,
    firstBaseline: above + FIRST_BASELINE * fontSize,
  };

  function leading(): number {
    return element.lineHeight * EDITOR_LINE_HEIGHT * fontSize;
  }

  function broken(): Line[] {
    return linesOf(text, script, fonts, { width: element.width / fontSize, splitLongWords: element.splitLongWords });
  }
}

/** Draws a text on the document's page. */
export function drawText(doc: PDFKit.PDFDocument, element: TextArea | TextContainer, set: SetText, fonts: Fonts): void {
  const top = doc.page.height - element.bottom - set.origin;
  if (element.rotation !== 0) {
    doc.save();
    doc.rotate(element.rotation, { origin: [element.left, top] });
  }
  doc.fillColor([...element.colour]);
  const share = { left: 0, center: 0.5, right: 1 }[element.align];
  for (const [index, line] of set.lines.entries()) {
    const baseline = top + set.firstBaseline + index * set.leading;
    let x = element.left + share * (element.width - line.width * set.fontSize);
    for (const { text, font, width } of line.pieces) {
      fonts.use(font, set.fontSize);
      // With the width, which is known, pdfkit need not measure it again.
      const known = { textWidth: width * set.fontSize, wordCount: 1 };
      doc.text(text, x, baseline, { ...known, lineBreak: false, baseline: 'alphabetic' });
      x += width * set.fontSize;
    }
  }
  if (element.rotation !== 0) doc.restore();
}
