import type { KnownEvent } from './known';

/*
 * Checks that the objects to which an object refers exist in its event. `report` is called with the wrong key and the
 * reason.
 */

type Report = (key: string, reason: string) => void;

/** Checks a product and, if given, its variation. */
export function checkProduct(known: KnownEvent, item: number | null, variation: number | null, report: Report): void {
  if (item === null) return;
  const variations = known.items.get(item);
  if (!variations) report('item', `${item} is no product of this event`);
  else if (variation !== null && !variations.has(variation)) {
    report('variation', `${variation} is no variation of product ${item}`);
  }
}

/** Checks the products in `key`. */
export function checkItems(known: KnownEvent, items: readonly number[], key: string, report: Report): void {
  for (const item of items) {
    if (!known.items.has(item)) report(key, `${item} is no product of this event`);
  }
}

/** Checks the date of a series; null is no reference. */
export function checkDate(known: KnownEvent, subevent: number | null, report: Report): void {
  if (subevent === null || known.dates.has(subevent)) return;
  report('subevent', `${subevent} is no date of this event`);
}
