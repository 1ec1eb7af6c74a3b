/** Placeholders by their name, as contract §5.1 has them in `pdf_data`, plus `meta:…`, `itemmeta:…` and whatever else layouts name. */
export type Values = Readonly<Record<string, string>>;

/** What one ticket has printed on it. */
export type Ticket = {
  /** What its code says. */
  readonly secret: string;
  /** Beside the values that all tickets of the batch share; its own win. */
  readonly values: Values;
  /** The same in other languages, for elements that ask for one of them (`localesOf`). */
  readonly valuesIn?: Readonly<Record<string, Values>>;
  /** The language of the order; absent: the batch's. */
  readonly locale?: string;
};

/** What all tickets of a PDF have in common. */
export type Batch = {
  /** The layout's JSON as the shop states it; null: our own. */
  readonly layout: unknown;
  /** The event's language. */
  readonly locale: string;
  /** The document's title. */
  readonly title: string;
  /** Placeholders that are the same on every ticket. */
  readonly values?: Values;
  /** The same in other languages, for elements that ask for one of them (`localesOf`). */
  readonly valuesIn?: Readonly<Record<string, Values>>;
  /** What lies under each ticket: a PDF (its pages one by one), a PNG or a JPEG (on each page). */
  readonly background?: Uint8Array;
  /** PNG or JPEG files by the names that image elements have as their content. */
  readonly images?: Readonly<Record<string, Uint8Array>>;
};
