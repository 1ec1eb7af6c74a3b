/**
 * Keys of a fact that are no keys of the shop's object (`event` is one of an order only, and the settings are those of rules): an
 * object that has one of these keeps it in `given`.
 */
export const FACT_KEYS = [
  'import',
  'hash',
  'organizer',
  'event',
  'part',
  'kind',
  'settings',
  'given',
  'given_settings',
] as const;

const NO_KEYS: ReadonlySet<string> = new Set(FACT_KEYS);

/**
 * The shop's object as it was sent, from a fact about it: what the fact says, and over that what `given` says besides. Keys that
 * the object lacked have the fact's defaults.
 */
export function objectOf(fact: { readonly given?: unknown }): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fact)) if (!NO_KEYS.has(key)) object[key] = value;
  return Object.assign(object, fact.given);
}
