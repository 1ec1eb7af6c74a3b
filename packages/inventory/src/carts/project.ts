import type { Envelope } from '@gatehouse/events/envelope';
import { inventory, type InventoryEvent } from '@gatehouse/events/inventory';
import { earlier, type Instant } from '@gatehouse/domain/instant';
import type { Tx } from '@gatehouse/eventing/event-bus';
import {
  changeTerms,
  closeQuotas,
  expire,
  hold,
  moveOn,
  purge,
  putBatches,
  release,
  returnBatches,
  type Of,
  type Progress,
} from './write';

/** Refusals are in streams of their own and change nothing here. */
const isOfInventory = (event: Pick<Envelope, 'stream'>): boolean => event.stream.startsWith('inventory-');

/** Applies what was reserved, released and so on to the read model `carts`. */
export async function projectCarts(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const { facts, progress } = await unseen(tx, events.filter(isOfInventory));
  if (facts.length === 0) return;
  await byKeys(tx);
  await moveOn(tx, progress);
  for (const part of partsOf(facts)) {
    await hold(tx, allOf(part, 'CartReserved'));
    await expire(tx, allOf(part, 'CartExpired'));
    await release(tx, allOf(part, 'CartReleased'));
    await closeQuotas(tx, allOf(part, 'QuotaClosed'));
    await putBatches(tx, [...allOf(part, 'PlacesTaken'), ...allOf(part, 'PlacesRefused')]);
    await returnBatches(tx, allOf(part, 'PlacesReturned'));
    await changeTerms(tx, allOf(part, 'VoucherTermsChanged'));
  }
  await purge(tx);
}

/**
 * All that follows finds rows by keys. A rebuild fills tables of which PostgreSQL knows nothing yet: it would go on reading all of them, by
 * plans of the time when they were empty.
 */
const byKeys = (tx: Tx) =>
  tx.query({
    name: 'carts_by_keys',
    text: `select set_config(name, 'off', true) from unnest(array['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin']) as s(name)`,
  });

/** What was not applied yet, in its order, and where that brings each stream. */
async function unseen(
  tx: Tx,
  events: readonly Envelope[],
): Promise<{ facts: Of<InventoryEvent>[]; progress: Progress[] }> {
  const read = events.flatMap((stored) => {
    const fact = inventory.read(stored);
    if (!fact || fact.type === 'ReservationRefused') return [];
    return [{ stored, ...fact, event: `${fact.data.organizer}/${fact.data.event}` }];
  });
  const { rows } = await tx.query<{ event: string; revision: number }>({
    name: 'carts_progress',
    text: 'select event, revision from inventories where event = any($1::text[])',
    values: [[...new Set(read.map(({ event }) => event))]],
  });
  const applied = new Map(rows.map(({ event, revision }) => [event, revision]));
  const progress = new Map<string, Progress>();
  const facts = read.filter(({ stored, event }) => stored.revision >= (applied.get(event) ?? 0));
  for (const { stored, event, ...fact } of facts) {
    const start = { learned: 0, revision: applied.get(event) ?? 0, whole: true, newest: stored.time };
    const before = progress.get(event) ?? start;
    progress.set(event, {
      event,
      revision: stored.revision + 1,
      learned: Math.max(before.learned, 'facts_revision' in fact.data ? fact.data.facts_revision : 0),
      whole: before.whole && stored.revision === before.revision,
      newest: laterOf(before.newest, stored.time),
    });
  }
  return { facts, progress: [...progress.values()] };
}

/**
 * Events in parts within which their kinds may be applied one after the other: a cart is reserved before it expires, and expires or not
 * before it is released; the other kinds have nothing to do with each other. New terms of a voucher concern the carts before them only.
 */
function* partsOf(facts: readonly Of<InventoryEvent>[]): Iterable<readonly Of<InventoryEvent>[]> {
  let from = 0;
  for (const [i, { type }] of facts.entries()) {
    if (type !== 'VoucherTermsChanged') continue;
    yield facts.slice(from, i + 1);
    from = i + 1;
  }
  if (from < facts.length) yield facts.slice(from);
}

const allOf = <T extends InventoryEvent['type']>(facts: readonly Of<InventoryEvent>[], type: T) =>
  facts.filter((fact): fact is Of<Extract<InventoryEvent, { type: T }>> => fact.type === type);

const laterOf = (a: Instant, b: Instant): Instant => (earlier(a, b) ? b : a);
