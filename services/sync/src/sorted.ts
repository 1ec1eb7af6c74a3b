import { parseInstant, sortable } from '@gatehouse/domain/instant';
import type { Ordering } from '@gatehouse/service/filters';
import type { ShopObject } from '@gatehouse/sync/objects/objects';

/**
 * Objects in the order that is asked for, as the shop's database has it: numbers by size, instants whatever their zones, other
 * texts by code points, what is missing last.
 */
export function sorted(objects: readonly ShopObject[], orderings: readonly Ordering<string>[]): readonly ShopObject[] {
  const keyed = objects.map((object) => ({ object, keys: orderings.map(({ field }) => keyOf(object[field])) }));
  keyed.sort((a, b) => {
    for (const [i, { descending }] of orderings.entries()) {
      const order = compare(a.keys[i]!, b.keys[i]!);
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  });
  return keyed.map(({ object }) => object);
}

type Key = number | string | null;

function keyOf(value: unknown): Key {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return null;
  const instant = parseInstant(value);
  return instant === undefined ? value : sortable(instant);
}

function compare(one: Key, other: Key): number {
  if (one === other) return 0;
  if (one === null || other === null) return one === null ? 1 : -1;
  return one < other ? -1 : 1;
}
