import { localize } from '@gatehouse/domain/localize';
import type { Festival } from './festival';

/** An item's name at a gate: its internal name if it has one (contract §2.1). Empty for an unknown item. */
export function itemName({ items, fact }: Festival, id: number, language: string): string {
  const item = items.get(id);
  return item ? item.internal_name || localize(item.name, language, fact.locale) : '';
}

/** A variation's name; empty for an unknown one. */
export function variationName(
  { items, fact }: Festival,
  of: { item: number; variation: number },
  language: string,
): string {
  const variation = items.get(of.item)?.variations.find((each) => each.id === of.variation);
  return variation ? localize(variation.value, language, fact.locale) : '';
}
