import type { Envelope } from '@gatehouse/events/envelope';
import { inventory as catalog, inventoryStream, type InventoryEvent } from '@gatehouse/events/inventory';
import type { BatchEvent } from '@gatehouse/events/sales';
import { request } from '@gatehouse/domain/batch-in-test';
import { inTransaction } from '@gatehouse/eventing/postgres';
import { replay } from '@gatehouse/eventing/projection';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { openFeeds, type Feeds } from '@gatehouse/service/feeds';
import { installReadModels } from '@gatehouse/service/read-models';
import { testDatabase } from '@gatehouse/test-support/postgres';
import { randomUUID } from 'node:crypto';
import { batchesModel } from './batches/read-model';
import { salesContext } from './context';
import type { WantedBatch } from './request';
import { openSales, type SalesContext } from './sales';

export const where = { organizer: request.organizer, event: request.event };

/** What a request may want: three tickets, unless `more` says otherwise. */
export function wanted(more: Partial<WantedBatch> = {}): WantedBatch {
  const { organizer: _organizer, event: _event, batch: _batch, datetime: _datetime, id: _id, ...rest } = request;
  return { ...rest, ...more };
}

export type SalesInTest = SalesContext & {
  readonly feeds: Feeds;
  /** The context as another process has it. */
  another(): Promise<SalesContext>;
  /** Applies the history to the read model `batches`: nothing else runs here. */
  project(): Promise<void>;
  history(): Promise<(Envelope & BatchEvent)[]>;
};

/** The context over a new database, without consumers. */
export async function salesInTest(): Promise<SalesInTest> {
  const database = await testDatabase();
  const backends = openBackends(readConfig({}), database.url);
  const feeds = await openFeeds(salesContext, backends, { connections: 3 });
  await installReadModels(salesContext.readModels, feeds);
  const opened: SalesContext[] = [];
  const another = async () => {
    const sales = await openSales(backends, { bus: feeds.bus.bus });
    opened.push(sales);
    return sales;
  };
  const sales = await another();
  async function follow(handle: (events: readonly Envelope[]) => Promise<unknown>): Promise<void> {
    const range = { from: feeds.own.start, until: await feeds.own.head() };
    await replay(feeds.ownFeed, range, async (events) => void (await handle(events)));
  }
  return {
    ...sales,
    feeds,
    another,
    project: () => follow((events) => inTransaction(feeds.pool, (tx) => batchesModel.handles.sales!(tx, events))),
    async history() {
      const all: (Envelope & BatchEvent)[] = [];
      await follow((events) => Promise.resolve(all.push(...(events as (Envelope & BatchEvent)[]))));
      return all;
    },
    async close() {
      for (const each of opened) await each.close();
      await feeds.close();
      await backends.close();
      await database.drop();
    },
  };
}

/** As inventory delivers it. */
export const delivered = (event: InventoryEvent): Envelope => ({
  ...catalog.write(event),
  ...{ id: randomUUID(), stream: inventoryStream(where.organizer, where.event), revision: 0 },
  ...{ time: '2027-06-01T08:00:01Z', actor: 'token:1', trace: null },
});

const product = { item: request.item, variation: request.variation, date: request.date };
const datetime = '2027-06-01T08:00:00.500000Z';

export const taken = (batch: string, amount: number): Envelope =>
  delivered({ type: 'PlacesTaken', data: { ...where, batch, ...product, amount, datetime, quotas: [] } });

export const FULL = 'There is not enough quota available on quota "Passes" to perform the operation.';

export const refused = (batch: string, amount: number): Envelope =>
  delivered({
    type: 'PlacesRefused',
    data: { ...where, batch, ...product, amount, datetime, reason: 'quota_exhausted', quota: 1, message: FULL },
  });
