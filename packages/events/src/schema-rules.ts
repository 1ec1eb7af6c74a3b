/** A JSON Schema, or a part of one. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/** Keywords without effect on validation. */
const ANNOTATIONS = new Set(['$schema', '$id', 'title', 'description', 'examples']);

/**
 * The differences by which the schema `before` may not become `after` within one version of an event: only optional fields
 * and values of enums may be added; any other change needs a new version with an upcast. One sentence for each breach.
 */
export function breaches(before: Json, after: Json, at = 'data'): string[] {
  if (isObject(before) && isObject(after)) return objectBreaches(before, after, at);
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((each, i) => breaches(each as Json, after[i] as Json, `${at}[${i}]`));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [`${at} has changed`];
}

function objectBreaches(before: JsonObject, after: JsonObject, at: string): string[] {
  const keywords = new Set([...Object.keys(before), ...Object.keys(after)].filter((key) => !ANNOTATIONS.has(key)));
  return [...keywords].flatMap((keyword) => {
    const [old, now] = [before[keyword], after[keyword]];
    if (keyword === 'properties' && isObject(old) && isObject(now)) return propertyBreaches(old, now, at);
    if (keyword === 'required') return sameMembers(old, now) ? [] : [`${at} requires other fields than before`];
    if (keyword === 'enum' && Array.isArray(old) && Array.isArray(now)) {
      return old.every((value) => now.includes(value)) ? [] : [`${at} has lost a value of its enum`];
    }
    return old === undefined || now === undefined
      ? [`${at}: ${keyword} was ${now === undefined ? 'removed' : 'added'}`]
      : breaches(old, now, `${at}.${keyword}`);
  });
}

function propertyBreaches(before: JsonObject, after: JsonObject, at: string): string[] {
  return Object.entries(before).flatMap(([name, schema]) => {
    const now = after[name];
    return now === undefined ? [`${at}.${name} was removed`] : breaches(schema, now, `${at}.${name}`);
  });
}

const isObject = (json: Json | undefined): json is JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

function sameMembers(a: Json | undefined, b: Json | undefined): boolean {
  const sorted = (list: Json | undefined) => JSON.stringify([...((list ?? []) as readonly string[])].sort());
  return sorted(a) === sorted(b);
}
