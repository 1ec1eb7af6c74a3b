import { parseInstant, type Instant } from '@gatehouse/domain/instant';
import { ValidationError } from './errors';
import { Invalid } from './invalid';
import { integerOf, strip, unstorable } from './python';
import type { Query } from './query';

/** Parses one query parameter, which is never empty. Undefined: the parameter is ignored. */
export type Filter<T> = (text: string) => T | undefined | Invalid | Promise<T | undefined | Invalid>;

/** Returns which of these ids exist in any event: those of other events are valid and match nothing (contract §1.9). */
export type Existing = (ids: readonly number[]) => ReadonlySet<number> | Promise<ReadonlySet<number>>;

export type FilterValues<S> = { readonly [K in keyof S]: S[K] extends Filter<infer T> ? T | undefined : never };

const NOT_AVAILABLE = 'Select a valid choice. That choice is not one of the available choices.';

/**
 * Parses the query parameters of a route; absent and empty ones are undefined, unknown ones are ignored (contract §1.9).
 * Throws ValidationError with the errors of all of them.
 */
export async function readFilters<S extends Record<string, Filter<unknown>>>(
  query: Query,
  filters: S,
): Promise<FilterValues<S>> {
  const values: Record<string, unknown> = {};
  if (query.text === '') return values as FilterValues<S>;
  const errors: Record<string, readonly string[]> = {};
  for (const [name, filter] of Object.entries(filters)) {
    const value = await readFilter(query, name, filter);
    if (value instanceof Invalid) errors[name] = value.tree as readonly string[];
    else values[name] = value;
  }
  if (Object.keys(errors).length > 0) throw new ValidationError(errors);
  return values as FilterValues<S>;
}

async function readFilter(query: Query, name: string, filter: Filter<unknown>): Promise<unknown> {
  const text = query.fields.get(name);
  if (text === undefined || text === '') return undefined;
  const wrong = unstorable(text);
  return wrong.length > 0 ? new Invalid(wrong) : filter(text);
}

/** One id that must exist. */
export function idFilter(existing: Existing): Filter<number> {
  return async (text) => {
    const ids = await existingIds([text], existing);
    return ids instanceof Invalid ? ids : ids[0]!;
  };
}

/** Ids separated by commas, all of which must exist. A text of commas only selects nothing. */
export function idsFilter(existing: Existing): Filter<readonly number[]> {
  return (text) =>
    existingIds(
      text.split(',').filter((part) => strip(part) !== ''),
      existing,
    );
}

async function existingIds(texts: readonly string[], existing: Existing): Promise<readonly number[] | Invalid> {
  const ids = texts.map(integerOf);
  const findable = ids.filter((id) => id !== undefined && Number.isFinite(id)) as number[];
  if (findable.length < ids.length) return new Invalid([NOT_AVAILABLE]);
  const known = findable.length === 0 ? new Set<number>() : await existing(findable);
  return findable.every((id) => known.has(id)) ? findable : new Invalid([NOT_AVAILABLE]);
}

/** One of a few words, case-sensitive: `order__status`. */
export function choiceFilter<T extends string>(...choices: readonly T[]): Filter<T> {
  return (text) =>
    choices.find((choice) => choice === text) ??
    new Invalid([`Select a valid choice. ${text} is not one of the available choices.`]);
}

/** Words separated by commas, unchecked: unknown ones match nothing (`order__status__in`; contract, Transport). */
export const wordsFilter: Filter<readonly string[]> = (text) => text.split(',');

/** Text without surrounding white space; a text of white space only is ignored. */
export const textFilter: Filter<string> = (text) => {
  const stripped = strip(text);
  return stripped === '' ? undefined : stripped;
};

/** `true`, `1`, `False`, `0` in any case; anything else is ignored. */
export const booleanFilter: Filter<boolean> = (text) => {
  const word = text.toLowerCase();
  if (word === 'true' || word === '1') return true;
  return word === 'false' || word === '0' ? false : undefined;
};

/** A date and time, with or without zone, as a canonical instant: `modified_since`. */
export const momentFilter: Filter<Instant> = (text) => parseInstant(text) ?? new Invalid(['Enter a valid date/time.']);

export type Ordering<F extends string> = { readonly field: F; readonly descending: boolean };

/**
 * Parses `ordering=a,-b`. Unknown and repeated names are dropped; if none remains, the caller's default order applies
 * (contract §1.9).
 */
export function readOrdering<F extends string>(query: Query, fields: readonly F[]): readonly Ordering<F>[] {
  const terms = (query.get('ordering') ?? '').split(',').map(strip);
  const orderings = new Map<F, Ordering<F>>();
  for (const term of terms) {
    const descending = term.startsWith('-');
    const field = fields.find((name) => name === (descending ? term.slice(1) : term));
    if (field !== undefined && !orderings.has(field)) orderings.set(field, { field, descending });
  }
  return [...orderings.values()];
}
