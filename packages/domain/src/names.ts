/** A name as shops store it: parts such as `given_name`, with `_scheme` or `_legacy` (contract §2.2). */
export type NameParts = Readonly<Record<string, unknown>>;

/** A name in both forms, as the shop states it. */
export type Name = { readonly name: string | null; readonly parts: NameParts };

const spaced =
  (...keys: string[]) =>
  (part: (key: string) => string): string =>
    keys.map(part).filter(Boolean).join(' ');

/** The format of each scheme (contract §2.2). Salutation and transcription are never printed. */
const SCHEMES = new Map<string, (part: (key: string) => string) => string>([
  ['given_family', spaced('given_name', 'family_name')],
  ['title_given_family', spaced('title', 'given_name', 'family_name')],
  ['given_middle_family', spaced('given_name', 'middle_name', 'family_name')],
  ['title_given_middle_family', spaced('title', 'given_name', 'middle_name', 'family_name')],
  ['family_given', spaced('family_name', 'given_name')],
  ['family_nospace_given', (part) => part('family_name') + part('given_name')],
  ['family_comma_given', (part) => [part('family_name'), part('given_name')].filter(Boolean).join(', ')],
  ['full', spaced('full_name')],
  ['calling_full', spaced('full_name')],
  ['full_transcription', spaced('full_name')],
  ['salutation_given_family', spaced('given_name', 'family_name')],
  ['salutation_title_given_family', spaced('title', 'given_name', 'family_name')],
  [
    'salutation_title_given_family_degree',
    (part) => [spaced('title', 'given_name', 'family_name')(part), part('degree')].filter(Boolean).join(', '),
  ],
]);

/** Whether this is a known name scheme. */
export const isNameScheme = (scheme: unknown): boolean => typeof scheme === 'string' && SCHEMES.has(scheme);

/** The name joined from its parts by their own scheme or else the event's; null without parts (contract §2.2). */
export function joinName(parts: NameParts, scheme: string): string | null {
  if (Object.keys(parts).length === 0) return null;
  if (Object.hasOwn(parts, '_legacy')) return textOf(parts['_legacy']);
  const part = (key: string): string => (Object.hasOwn(parts, key) ? textOf(parts[key]) : '');
  const write = SCHEMES.get(part('_scheme') || scheme) ?? inOrder(parts);
  return write(part).trim();
}

/** For a scheme of a newer shop: the gate must still see a name, so all parts are shown in their stored order. */
const inOrder = (parts: NameParts) => spaced(...Object.keys(parts).filter((key) => !key.startsWith('_')));

const textOf = (part: unknown): string =>
  typeof part === 'string' ? part : typeof part === 'number' ? String(part) : '';

/**
 * The name that the check-in APIs show (contract §2.2): the ticket's own, else that of the ticket to which it is an add-on,
 * else the invoice address's (empty text if it has none). Without an address the empty value is kept. The parts are those
 * of the last name tried.
 */
export function displayName(own: Name, parent: Name | null, invoiceAddress: Name | null): Name {
  if (own.name) return own;
  if (parent?.name) return parent;
  if (invoiceAddress) return { name: invoiceAddress.name ?? '', parts: invoiceAddress.parts };
  return parent ?? own;
}
