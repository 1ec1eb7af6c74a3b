import type { Stated } from './raw';

/** What an event is known to have: from its folder or from earlier imports. References are checked against it. */
export type KnownEvent = {
  readonly organizer: string;
  readonly event: string;
  hasSubevents: boolean;
  locale: string;
  seatingPlan: number | null;
  /** Products, each with its variations. */
  readonly items: Map<number, ReadonlySet<number>>;
  /** Dates, each with its seating plan. */
  readonly dates: Map<number, number | null>;
  readonly lists: Set<number>;
  /** Null: the export says nothing of these, so references to them are not checked. */
  questions: Set<number> | null;
  categories: Set<number> | null;
  taxRules: Set<number> | null;
  quotas: Set<number> | null;
};

export function knownEvent(organizer: string, event: string): KnownEvent {
  return {
    organizer,
    event,
    hasSubevents: false,
    locale: 'en',
    seatingPlan: null,
    items: new Map(),
    dates: new Map(),
    lists: new Set(),
    questions: null,
    categories: null,
    taxRules: null,
    quotas: null,
  };
}

/** Where the seats of a plan stand, by guid. */
export type SeatingPlan = ReadonlyMap<string, { readonly x: number; readonly y: number; readonly rank: number }>;

/** What the objects of one event are read with. */
export type EventScope = {
  readonly organizer: string;
  readonly event: string;
  readonly known: KnownEvent;
  readonly plans: ReadonlyMap<number, SeatingPlan>;
};

export const variationsOf = (item: Pick<Stated<'ItemStated'>, 'variations'>): ReadonlySet<number> =>
  new Set(item.variations.map((variation) => variation.id));

/** Why these references are wrong, by key; undefined when they are right. */
export function wrongProduct(
  known: KnownEvent,
  item: number,
  variation: number | null,
): [key: string, reason: string] | undefined {
  const variations = known.items.get(item);
  if (!variations) return ['item', `${item} is no product of this event`];
  if (variation === null || variations.has(variation)) return undefined;
  return ['variation', `${variation} is no variation of product ${item}`];
}

export function wrongDate(known: KnownEvent, subevent: number | null): string | undefined {
  return subevent === null || known.dates.has(subevent) ? undefined : `${subevent} is no date of this event`;
}
