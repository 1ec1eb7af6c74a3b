import { localize } from '@gatehouse/domain/localize';
import { type Source } from './layout';
import { type Batch, type Ticket, type Values } from './ticket';

/** An element's text on a ticket. */
export type Content = {
  readonly text: string;
  readonly locale: string;
  /** Placeholders that it names and that have no value here. */
  readonly unknown: readonly string[];
};

/** Longer secrets are shortened where people read them; codes and custom texts have the whole. */
const READABLE_SECRET = 32;

/** What an element says on a ticket: the value of a placeholder, or a text of its own with placeholders in braces. */
export function contentOf(source: Source, ticket: Ticket, batch: Batch): Content {
  const locale = source.locale ?? ticket.locale ?? batch.locale;
  const valueOf = lookup(ticket, batch, source.locale);
  switch (source.content) {
    case 'other':
      return filled(source.text, locale, valueOf);
    case 'other_i18n':
      return filled(localize(source.textI18n, locale.replaceAll('_', '-'), batch.locale), locale, valueOf);
    case 'secret':
      return { text: shortened(ticket.secret), locale, unknown: [] };
  }
  const value = valueOf(source.content);
  return {
    text: value ?? '',
    locale,
    unknown: value === undefined && !isOptional(source.content) ? [source.content] : [],
  };
}

/** What a code says: as `contentOf`, but a secret whole. */
export function codeContentOf(source: Source, ticket: Ticket, batch: Batch): Content {
  if (source.content !== 'secret') return contentOf(source, ticket, batch);
  return { text: ticket.secret, locale: batch.locale, unknown: [] };
}

const shortened = (secret: string): string => {
  const characters = [...secret];
  return characters.length > READABLE_SECRET ? `${characters.slice(0, READABLE_SECRET - 2).join('')}…` : secret;
};

function lookup(ticket: Ticket, batch: Batch, locale: string | null) {
  const translated = locale === null ? [] : [ticket.valuesIn?.[locale], batch.valuesIn?.[locale]];
  const sources = [...translated, ticket.values, batch.values].filter(
    (values): values is Values => values !== undefined,
  );
  return (name: string): string | undefined => {
    if (name === 'secret') return ticket.secret;
    return sources.find((values) => Object.hasOwn(values, name))?.[name];
  };
}

/** A placeholder without a value stays as it was written, so that the mistake shows. */
function filled(text: string, locale: string, valueOf: (name: string) => string | undefined): Content {
  const unknown: string[] = [];
  const result = text.replace(/\{([a-zA-Z0-9:_]+)\}/g, (braced, name: string) => {
    const value = valueOf(name);
    if (value === undefined) unknown.push(name);
    return value ?? (isOptional(name) ? '' : braced);
  });
  return { text: result, locale, unknown: unknown.filter((name) => !isOptional(name)) };
}

/** Properties of an event or a product that it may have or not. */
const isOptional = (name: string): boolean => name.startsWith('meta:') || name.startsWith('itemmeta:');
