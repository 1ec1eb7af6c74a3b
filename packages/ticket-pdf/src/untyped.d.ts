/** What we use of libraries that bring no types. */
declare module 'subset-font' {
  /** A font of any web format, with its axes set to fixed values. */
  function subsetFont(
    font: Buffer,
    text: undefined,
    options: { keepAllGlyphs: true; targetFormat: 'sfnt'; variationAxes: Readonly<Record<string, number>> },
  ): Promise<Buffer>;
  export = subsetFont;
}

declare module 'linebreak' {
  /** Where a text may be broken (Unicode Standard Annex 14), one place after the other. */
  class LineBreaker {
    constructor(text: string);
    nextBreak(): { readonly position: number; readonly required: boolean } | null;
  }
  export = LineBreaker;
}
