import { invalidPage } from './errors';
import { Fields } from './fields';
import { strip } from './python';
import type { Query } from './query';
import type { Reply } from './reply';

export const MAX_PAGE_SIZE = 50;

/** The requested page, before the number of pages is known. */
export type AskedPage = { readonly number: number | 'last'; readonly size: number };

/** A page that exists: rows `offset` … `offset + size - 1` of `count`. */
export type Page = { readonly number: number; readonly size: number; readonly offset: number; readonly count: number };

/** Reads `page` and `page_size` (contract §1.8). Throws 404 for a page that can never exist. */
export function askedPage(query: Query): AskedPage {
  const page = query.get('page');
  const size = pageSize(query.get('page_size'));
  if (page === undefined) return { number: 1, size };
  if (page === 'last') return { number: 'last', size };
  const number = naturalOf(page);
  if (number === undefined) throw invalidPage();
  return { number, size };
}

/** The requested page of a list of `count` rows. Throws 404 beyond the last; an empty list has page 1. */
export function pageOf(asked: AskedPage, count: number): Page {
  const last = Math.max(1, Math.ceil(count / asked.size));
  const number = asked.number === 'last' ? last : asked.number;
  if (number > last) throw invalidPage();
  return { number, size: asked.size, offset: (number - 1) * asked.size, count };
}

/** Beyond what a list can have, so that no page number is too large for the database. */
const MAX_OFFSET = 2_147_483_647;

/** The requested page and its rows, from a database that counts the rows of a list while it reads some of them. */
export async function findPage<R>(
  asked: AskedPage,
  rowsFrom: (offset: number, limit: number) => Promise<{ readonly count: number; readonly rows: readonly R[] }>,
): Promise<{ readonly page: Page; readonly rows: readonly R[] }> {
  const number = asked.number === 'last' ? pageOf(asked, (await rowsFrom(0, 0)).count).number : asked.number;
  const { count, rows } = await rowsFrom(Math.min((number - 1) * asked.size, MAX_OFFSET), asked.size);
  return { page: pageOf({ ...asked, number }, count), rows };
}

/** Larger sizes are capped, invalid ones ignored. */
function pageSize(text: string | undefined): number {
  const size = text === undefined ? undefined : naturalOf(text);
  return Math.min(size ?? MAX_PAGE_SIZE, MAX_PAGE_SIZE);
}

/** 1, 2, 3, … as Python parses it; undefined for anything else. Beyond the exact range it is just a very large number. */
function naturalOf(text: string): number | undefined {
  const number = /^\+?\d+$/.test(strip(text)) ? Number(strip(text)) : 0;
  return number >= 1 ? number : undefined;
}

/** Base of a page's links: the request's own URL without its query, and that query. */
export type PagedUrl = { readonly url: string; readonly query: Query };

/** 200 with the envelope of contract §1.8. `results` are the rows of this page, ready to be sent. */
export function pageReply(at: PagedUrl, page: Page, results: readonly unknown[]): Reply {
  const last = page.offset + page.size >= page.count;
  return {
    status: 200,
    body: {
      count: page.count,
      next: last ? null : linkTo(at, page.number + 1),
      previous: page.number === 1 ? null : linkTo(at, page.number - 1),
      results,
    },
  };
}

/** The same with rows that are JSON texts already. */
export function textPageReply(at: PagedUrl, page: Page, results: readonly string[]): Reply {
  const { status, body } = pageReply(at, page, []);
  // It ends in the empty list of results.
  return { status, raw: `${JSON.stringify(body).slice(0, -2)}${results.join(',')}]}` };
}

/** All parameters are kept and sorted by name, as the reference does; page 1 needs no parameter. */
function linkTo({ url, query }: PagedUrl, number: number): string {
  const kept = query.fields.pairs.filter(([name]) => name !== 'page');
  const pairs = number === 1 ? kept : [...kept, ['page', String(number)] as const];
  const sorted = pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted.length === 0 ? url : `${url}?${formEncoded(new Fields(sorted))}`;
}

const formEncoded = (fields: Fields): string =>
  fields.pairs.map(([name, value]) => `${quotePlus(name)}=${quotePlus(value)}`).join('&');

/** As Python's `quote_plus` writes it. The text has no lone surrogates: it was decoded from bytes. */
function quotePlus(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
