import type { KnownEvent } from './known';

/*
 * Whether what an object refers to is known in its event. `report` gets the key that is wrong and the reason.
 */

type Report = (key: string, reason: string) => void;

/** Checks a product and, where one is named, its variation. */
export function checkProduct(known: KnownEvent, item: number | null, variation: number | null, report: Report): void {
  if (item === null) return;
  const variations = known.items.get(item);
  if (!variations) report('item', `${item} is no product of this event`);
  else if (variation !== null && !variations.has(variation)) {
    report('variation', `${variation} is no variation of product ${item}`);
  }
}

/** Checks the products that `key` names. */
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
