/** A page of pretix's API as its envelope describes it (import.md §1). */
export type Page = {
  readonly count: number | undefined;
  /** Numbers of the next and the previous page; null: there is none; undefined: not in the envelope. */
  readonly next: number | 'unnumbered' | null | undefined;
  readonly previous: number | 'unnumbered' | null | undefined;
  readonly results: readonly unknown[];
};

/** The value as a page; undefined when it is none. */
export function pageOf(value: unknown): Page | undefined {
  if (typeof value !== 'object' || value === null || !('results' in value) || !Array.isArray(value.results)) {
    return undefined;
  }
  const { count, next, previous, results } = value as Record<string, unknown> & { results: unknown[] };
  return {
    count: typeof count === 'number' ? count : undefined,
    next: numberIn(next),
    previous: numberIn(previous),
    results,
  };
}

/** The link to the first page has no number. */
function numberIn(link: unknown): number | 'unnumbered' | null | undefined {
  if (link === null || link === undefined || link === '') return link === undefined ? undefined : null;
  const text = typeof link === 'string' ? link : '';
  const number = /[?&]page=(\d{1,9})(?:[&#]|$)/.exec(text)?.[1];
  if (number !== undefined) return Number(number);
  return /[?&](?:page|cursor|offset)=/.test(text) ? 'unnumbered' : 1;
}

/** Checks the page numbers of one file: whether pages are missing, duplicate, or out of order (import.md §3). */
export function pageSequence(): { add(page: Page): void; readonly length: number; problem(): string | undefined } {
  /** Numbers of the pages that are parts of one list. */
  const numbers: number[] = [];
  let parts = 0;
  let rows = 0;
  let size = 0;
  let last: Page | undefined;
  /** The highest number of any page or link. */
  let highest = 0;
  /** Pages without a next or previous one, each a complete list. */
  let wholes = 0;
  let wrongWhole: string | undefined;

  function orderProblems(): string[] {
    const found: string[] = [];
    const gaps: string[] = [];
    const sorted = [...numbers].sort((a, b) => a - b);
    // The number of pages according to the count.
    const total =
      highest > sorted.at(-1)! && size > 0 ? Math.max(highest, Math.ceil((last?.count ?? 0) / size)) : highest;
    let expected = 1;
    for (const number of [...sorted, total + 1]) {
      if (number < expected) found.push(`page ${number} is there twice`);
      else if (number === expected + 1) gaps.push(`page ${expected} of ${total} is missing`);
      else if (number > expected) gaps.push(`pages ${expected} to ${number - 1} of ${total} are missing`);
      expected = Math.max(expected, number + 1);
    }
    found.push(...gaps);
    const back = numbers.findIndex((number, i) => i > 0 && number < numbers[i - 1]!);
    if (found.length === 0 && back > 0) found.push(`page ${numbers[back - 1]} comes before page ${numbers[back]}`);
    return found.length > SHOWN ? [...found.slice(0, SHOWN), `${found.length - SHOWN} more such`] : found;
  }

  return {
    get length() {
      return parts + wholes;
    },
    add(page) {
      if (page.next === null && page.previous === null) {
        wholes++;
        if (page.count !== undefined && page.count !== page.results.length) {
          wrongWhole ??= heldOf(page.results.length, page.count);
        }
        return;
      }
      if (parts === 0) size = page.results.length;
      parts++;
      rows += page.results.length;
      last = page;
      const number = numberOf(page);
      if (number !== undefined) numbers.push(number);
      for (const each of [number, page.next]) if (typeof each === 'number') highest = Math.max(highest, each);
    },
    problem() {
      if (!last) return wrongWhole;
      const found = parts > 0 && numbers.length === parts ? orderProblems() : [];
      const goesOn = last.next !== null && last.next !== undefined;
      if (found.length === 0 && goesOn) found.push('its last page has a "next", which is not there');
      const { count } = last;
      if (found.length === 0 && (count === undefined || count === rows)) return wrongWhole;
      return [...found, ...(count === undefined ? [] : [heldOf(rows, count)])].join('; ');
    },
  };
}

const heldOf = (rows: number, count: number): string => `${rows} of ${count} objects are here`;

function numberOf({ next, previous }: Page): number | undefined {
  if (typeof next === 'number') return next - 1;
  if (typeof previous === 'number') return previous + 1;
  return previous === null ? 1 : undefined;
}

/** At most so many gaps are named; the export must be repeated anyway. */
const SHOWN = 5;
