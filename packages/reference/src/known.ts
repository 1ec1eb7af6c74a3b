import type { Stated } from './raw';

/**
 * The objects of an event from earlier imports and from the part of the export that has been read. References are checked
 * against them.
 */
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
  /** Null: neither the export nor an earlier import has any, so references to them are not checked. */
  questions: Set<number> | null;
  categories: Set<number> | null;
  taxRules: Set<number> | null;
  quotas: Set<number> | null;
};

/** An event without objects. */
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

/** Events of all organizers with their objects, by `organizer/event`. */
export type KnownEvents = Map<string, KnownEvent>;

/** The event of this name, added if it is new. */
export function eventIn(events: KnownEvents, organizer: string, event: string): KnownEvent {
  const name = `${organizer}/${event}`;
  let known = events.get(name);
  if (!known) events.set(name, (known = knownEvent(organizer, event)));
  return known;
}

/** The kinds that other objects refer to. */
export type ReferredKind = 'item' | 'date' | 'list' | 'question' | 'category' | 'quota' | 'taxrule';

/** An object to which others may refer, with what they need of it: a product's variations, the seating plan of a date. */
type Referred =
  | { readonly kind: 'item'; readonly id: number; readonly variations: ReadonlySet<number> }
  | { readonly kind: 'date'; readonly id: number; readonly seatingPlan: number | null }
  | { readonly kind: Exclude<ReferredKind, 'item' | 'date'>; readonly id: number };

/** Adds an object to its event, so that others may refer to it. */
export function addTo(event: KnownEvent, object: Referred): void {
  switch (object.kind) {
    case 'item':
      event.items.set(object.id, object.variations);
      return;
    case 'date':
      event.dates.set(object.id, object.seatingPlan);
      return;
    case 'list':
      event.lists.add(object.id);
      return;
    case 'question':
      (event.questions ??= new Set()).add(object.id);
      return;
    case 'category':
      (event.categories ??= new Set()).add(object.id);
      return;
    case 'quota':
      (event.quotas ??= new Set()).add(object.id);
      return;
    case 'taxrule':
      (event.taxRules ??= new Set()).add(object.id);
  }
}

/** The positions of a seating plan's seats, by guid. */
export type SeatingPlan = ReadonlyMap<string, { readonly x: number; readonly y: number; readonly rank: number }>;

/** The context in which the objects of one event are read. */
export type EventScope = {
  readonly organizer: string;
  readonly event: string;
  readonly known: KnownEvent;
  readonly plans: ReadonlyMap<number, SeatingPlan>;
};

/** The ids of a product's variations. */
export const variationsOf = (item: Pick<Stated<'ItemStated'>, 'variations'>): ReadonlySet<number> =>
  new Set(item.variations.map((variation) => variation.id));
