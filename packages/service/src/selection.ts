import type { Query } from './query';

/**
 * Which fields of objects a client wants: `exclude=fees&exclude=positions.downloads` leaves some out, `include=code` leaves out
 * all others. A dot leads into an object, or into each object of a list.
 */
export type Selection = { readonly include: Fields | null; readonly exclude: Fields | null };

/** Names of fields; `null`: the field with all that is in it. */
type Fields = ReadonlyMap<string, Fields | null>;

/** Reads `include` and `exclude`, which may be repeated. */
export function readSelection(query: Query): Selection {
  if (query.text === '') return ALL;
  const include = fieldsIn(query.fields.getAll('include'));
  const exclude = fieldsIn(query.fields.getAll('exclude'));
  return include || exclude ? { include, exclude } : ALL;
}

const ALL: Selection = { include: null, exclude: null };

/** The deepest path that is looked at; objects of shops are flatter. */
const MOST_STEPS = 8;

function fieldsIn(paths: readonly string[]): Fields | null {
  if (paths.length === 0) return null;
  const all = new Map<string, Fields | null>();
  for (const path of paths) {
    let at = all as Map<string, Map<string, Fields | null> | null>;
    const steps = path.split('.', MOST_STEPS);
    for (const [i, step] of steps.entries()) {
      const known = at.get(step);
      // A shorter path already names all of it.
      if (known === null) break;
      if (i === steps.length - 1) at.set(step, null);
      else {
        const below = known ?? new Map<string, Fields | null>();
        at.set(step, below);
        at = below as typeof at;
      }
    }
  }
  return all;
}

/** The object with the fields that are wanted. */
export function select(object: object, { include, exclude }: Selection): object {
  const included = include === null ? object : only(object, include);
  return exclude === null ? included : without(included, exclude);
}

function only(object: object, fields: Fields): object {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object)) {
    const below = fields.get(key);
    if (below !== undefined) kept[key] = below === null ? value : inside(value, (one) => only(one, below));
  }
  return kept;
}

function without(object: object, fields: Fields): object {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object)) {
    const below = fields.get(key);
    if (below === null) continue;
    kept[key] = below === undefined ? value : inside(value, (one) => without(one, below));
  }
  return kept;
}

function inside(value: unknown, change: (object: object) => object): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.map((each: unknown) => inside(each, change)) : change(value);
}
