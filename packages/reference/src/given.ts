import { FACT_KEYS } from '@gatehouse/events/given';
import { z } from 'zod';
import type { Contents, Kind } from './entry';
import type { EventScope } from './known';
import { Id, reader, type Stated } from './raw';
import type { OrderContent } from './raw-orders';

/* The objects that are given back as the shop sent them: scanners read them here in the shop's place. */

/** The kinds of which a fact keeps the whole object, besides the fields that rules use. */
const KEPT: ReadonlySet<Kind> = new Set<Kind>([
  ...(['event', 'date', 'category', 'item', 'question'] as const),
  ...(['badgelayout', 'badgeitem', 'revokedsecret', 'blockedsecret'] as const),
]);

/**
 * Adds to a fact what the object that it was read from says besides, so that the object can be given back: keys that the fact
 * lacks, and values that it has in another form.
 */
export function keepGiven<K extends Kind>(kind: K, content: Contents[K] | undefined, value: unknown): void {
  if (content === undefined || !KEPT.has(kind)) return;
  const fact = content as Keeping;
  fact.given = besides(fact, value as object);
}

/** The same of an order, each of whose positions keeps its own. The shape of `value` has been checked. */
export function keepGivenOrder(order: OrderContent, value: unknown): void {
  const { positions, ...whole } = value as Record<string, unknown> & { positions: object[] };
  order.positions.forEach((position, i) => {
    position.given = besides(position, positions[i]!);
  });
  order.given = besides(order, whole);
}

type Keeping = { given?: unknown };

/** The keys of `value` that `fact` does not have with the same value. */
function besides(fact: object, value: object): Record<string, unknown> {
  const rest: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const sent = (value as Keyed)[key];
    if (!isSame(sent, (fact as Keyed)[key]) || OURS.has(key)) rest[key] = sent;
  }
  return rest;
}

/** Keys of facts that are no keys of the shop's objects, or that mean something else there. */
const OURS: ReadonlySet<string> = new Set(FACT_KEYS);

function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return false;
  return keys.every((key) => Object.hasOwn(other, key) && isSame((one as Keyed)[key], (other as Keyed)[key]));
}

type Keyed = Readonly<Record<string, unknown>>;

/** Reads an object of which nothing but its id is used. */
export const readShopObject = (kind: Stated<'ShopObjectStated'>['kind']) =>
  reader(z.object({ id: Id }), ({ id }, { organizer, event }: EventScope): Stated<'ShopObjectStated'> => ({
    organizer,
    event,
    kind,
    id,
    given: null,
  }));
