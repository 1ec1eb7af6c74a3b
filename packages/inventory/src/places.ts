import { setTimeout as sleep } from 'node:timers/promises';
import type { Envelope } from '@gatehouse/events/envelope';
import { inventoryStream, type InventoryEvent } from '@gatehouse/events/inventory';
import { sales, type BatchEvent, type BatchFailed, type BatchRequested } from '@gatehouse/events/sales';
import type { Decision } from '@gatehouse/domain/decider';
import { instantOf } from '@gatehouse/domain/instant';
import type { Inventory } from '@gatehouse/domain/inventory';
import {
  returnPlaces,
  takePlaces,
  type PlacesAsk,
  type PlacesFacts,
  type PlacesOutcome,
} from '@gatehouse/domain/places';
import { sideBySide } from '@gatehouse/eventing/bounded';
import { StoreUnavailable } from '@gatehouse/eventing/event-store';
import type { Catalog } from '@gatehouse/shop/catalog';
import type { News } from '@gatehouse/shop/news';
import { itemName } from '@gatehouse/shop/product-names';
import { decideOnFreshFacts, learnedRevisions } from './fresh-facts';
import type { InventoryStreams } from './inventory-streams';
import type { FactsReader } from './shop/facts';

/** Batches that are decided side by side. */
const AT_ONCE = 50;
/** How often, and with which pauses, a batch that would be refused waits for facts that the shop has stated before. */
const TRIES = 10;
const PAUSE_MS = 1_000;

type Parts = {
  readonly streams: InventoryStreams;
  readonly facts: FactsReader;
  readonly catalog: Pick<Catalog, 'festival' | 'refresh'>;
  /** Waits for what the shop has stated, bounded. */
  readonly news: News;
};

/**
 * The subscriber of inventory to sales: takes the places of a batch of offline tickets that was requested, all or none, and
 * returns them when it has failed (contract §9.3, §9.4). Every decision knows what was decided on the same batch before, so an
 * event may be delivered again.
 */
export function placesSubscriber({
  streams,
  facts: reader,
  catalog,
  news,
}: Parts): (delivered: readonly Envelope[]) => Promise<void> {
  const learned = learnedRevisions();

  /** What is to be decided on; undefined when the event or the product is unknown here. */
  async function factsOf({ data }: BatchRequested, stream: string): Promise<PlacesFacts | undefined> {
    const { organizer, event, item, variation, date, locale } = data;
    const festival = catalog.festival(organizer, event);
    const name = festival && itemName(festival, item, locale);
    if (!name) return undefined;
    return reader.hold({
      where: { organizer, event },
      product: { item, variation, date },
      productName: name,
      voucher: null,
      seat: null,
      learned: learned.of(stream),
    });
  }

  async function take({ event, source: { actor, trace } }: Caused<BatchRequested>): Promise<void> {
    const { organizer, event: slug, batch, item, variation, date, amount } = event.data;
    const stream = inventoryStream(organizer, slug);
    const ask: PlacesAsk = { batch, item, variation, date, amount };

    /** Undefined when the facts are older than what was decided meanwhile, or when they are not the newest and would refuse. */
    async function decide(areNewest: boolean): Promise<PlacesOutcome | 'unsure' | undefined> {
      const facts = await factsOf(event, stream);
      const { result, state } = await streams.transact(
        stream,
        (inventory): Decision<PlacesOutcome | 'unsure', InventoryEvent> => {
          const decision = takePlaces(facts ?? nothingKnown(event, inventory), ask)(inventory);
          const { result: decided } = decision;
          const isUnsure = decided.outcome === 'refused' && decided.first && !areNewest;
          return isUnsure ? { result: 'unsure', events: [] } : decision;
        },
        // The events get random ids: another process may decide the same otherwise, and the store must not take that for a repeat.
        { actor, trace },
      );
      learned.saw(stream, state);
      return result !== 'unsure' && result.outcome === 'stale' ? undefined : result;
    }

    const decided = await decideOnFreshFacts(() => decide(false));
    if (decided === 'unsure') await newestFacts();
    const last = decided === 'unsure' ? await decideOnFreshFacts(() => decide(true)) : decided;
    if (!last) throw new StoreUnavailable('the read model shop is behind what was decided');
  }

  /**
   * Waits until all that the shop has stated is applied, so that nothing is refused that was imported a moment ago. Goes on with
   * what is known when that takes long: other batches wait, too.
   */
  async function newestFacts(): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      if (await news()) return catalog.refresh();
      await sleep(PAUSE_MS);
    }
  }

  async function giveBack({ event, source: { actor, trace } }: Caused<BatchFailed>): Promise<void> {
    const { organizer, event: slug, batch } = event.data;
    const where = { organizer, event: slug };
    await streams.transact(inventoryStream(organizer, slug), returnPlaces(where, batch), { actor, trace });
  }

  async function follow({ event, source }: Caused<BatchEvent>): Promise<void> {
    if (event.type === 'BatchRequested') await take({ event, source });
    if (event.type === 'BatchFailed') await giveBack({ event, source });
  }

  const followAll = sideBySide(follow, { parallel: AT_ONCE, key: ({ event }) => event.data.batch });
  return (delivered) =>
    followAll(
      delivered.flatMap((source) => {
        const event = sales.read(source);
        return event ? [{ event, source }] : [];
      }),
    );
}

/** An event as this release reads it, and as it was stored. */
type Caused<E> = { readonly event: E; readonly source: Envelope };

/** Of an event or a product that is not known here: it has no quota. */
const nothingKnown = ({ data }: BatchRequested, { learnedRevision }: Inventory): PlacesFacts => ({
  organizer: data.organizer,
  event: data.event,
  now: instantOf(Date.now()),
  product: { name: String(data.item) },
  quotas: [],
  shop: { revision: learnedRevision, since: learnedRevision, changed: [] },
});
