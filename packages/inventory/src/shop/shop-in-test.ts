import { randomUUID } from 'node:crypto';
import type { CartReleased } from '@gatehouse/events/inventory';
import type { Envelope } from '@gatehouse/events/envelope';
import { referenceStream, type OrderFact, type PositionFact, type ReferenceEvent } from '@gatehouse/events/reference';
import { inventoryStream } from '@gatehouse/events/inventory';
import type { Product } from '@gatehouse/domain/ledger';
import type { QuotaFacts } from '@gatehouse/domain/quota';
import { historyInTest } from '@gatehouse/eventing/history-in-test';
import { inTransaction, openKeyedPool } from '@gatehouse/eventing/postgres';
import { installReadModel, type ReadModel } from '@gatehouse/eventing/read-model';
import { openCatalog } from '@gatehouse/shop/catalog';
import { catalogModel } from '@gatehouse/shop/catalog-model';
import type { Pool } from 'pg';
import { factsReader, type Facts, type FactsReader } from './facts';
import { shopModel } from './read-model';

/* A shop, told fact by fact, and what decisions then know of it. */

export const where = { organizer: 'demo', event: 'fest' };
const catalog = catalogModel(['organizer', 'event', 'date', 'category', 'item', 'question', 'quota', 'channel']);
const fact = { import: 1, hash: '', ...where };

export const PAST = '2020-01-01T00:00:00Z';
export const FUTURE = '2100-01-01T00:00:00Z';

export type ShopInTest = {
  readonly pool: Pool;
  /** Gives each fact as the next event of its stream to the read models. */
  state(...facts: ReferenceEvent[]): Promise<void>;
  /** A client deletes a cart position of the shop. */
  release(cart: Partial<CartReleased['data']> & { id: number }): Promise<void>;
  /** Gives events that were given before, or will be, to the read models. */
  apply(topic: 'reference' | 'inventory', events: readonly Envelope[]): Promise<void>;
  /** What the read models say now, to new readers. */
  reader(): Promise<FactsReader>;
  /** A quota as decisions know it. */
  quota(id: number): Promise<QuotaFacts>;
  hold(ask?: Partial<Product> & { voucher?: string; seat?: string; learned?: number }): Promise<Facts>;
  /** Begins anew with an empty shop. */
  clear(): Promise<void>;
  close(): Promise<void>;
};

/** An empty shop in a database of its own. */
export async function shopInTest(): Promise<ShopInTest> {
  const history = await historyInTest({ context: 'inventory' });
  const { pool, listener } = history.open();
  const keyed = openKeyedPool(history.url, 'inventory', 1);
  const models: readonly ReadModel[] = [catalog, shopModel];
  for (const model of models) await installReadModel(model, { pool, schema: 'inventory', feeds: new Map() });
  let envelopes = numberedEnvelopes();

  const shop: ShopInTest = {
    pool,
    state: (...facts) =>
      shop.apply(
        'reference',
        facts.map((each) => envelopes.stated(each)),
      ),
    release: (cart) => shop.apply('inventory', [envelopes.released(cart)]),
    async apply(topic, events) {
      for (const { handles } of models) await inTransaction(pool, async (tx) => handles[topic]?.(tx, events));
    },
    async reader() {
      const opened = await openCatalog({ pool, schema: 'inventory', listener });
      opened.close();
      return factsReader(keyed, opened);
    },
    async quota(id) {
      const { quotas } = await (await shop.reader()).quotas(where, [id], 0);
      return quotas[0]!;
    },
    async hold({ voucher = null, seat = null, learned = 0, ...product } = {}) {
      const reader = await shop.reader();
      const wanted = { item: PASS, variation: null, date: null, ...product };
      return reader.hold({ where, product: wanted, productName: 'Pass', voucher, seat, learned });
    },
    async clear() {
      envelopes = numberedEnvelopes();
      const tables = models.flatMap((model) => model.tables.map(({ name }) => name));
      await pool.query(`truncate ${tables.join()}`);
    },
    async close() {
      await keyed.end();
      await history.close();
    },
  };
  return shop;
}

/** Makes envelopes of facts, each with the next revision of its stream. */
export function numberedEnvelopes() {
  const revisions = new Map<string, number>();
  const next = (stream: string, { type, data }: { type: string; data: unknown }): Envelope => {
    const revision = (revisions.get(stream) ?? -1) + 1;
    revisions.set(stream, revision);
    const time = '2027-01-01T00:00:00Z';
    return { id: randomUUID(), type, version: 1, data, stream, revision, time, actor: 'import:1', trace: null };
  };
  return {
    stated: (event: ReferenceEvent) => next(referenceStream(event), event),
    released: (cart: Partial<CartReleased['data']> & { id: number }) =>
      next(inventoryStream(where.organizer, where.event), { type: 'CartReleased', data: { ...RELEASED, ...cart } }),
  };
}

export const PASS = 1;
export const DAY = 2;
export const FRIDAY = 21;
export const SATURDAY = 22;

type Fact<T extends ReferenceEvent['type']> = Extract<ReferenceEvent, { type: T }>;

export const eventStated = (settings: Partial<Fact<'EventStated'>['data']['settings']> = {}, more: object = {}) =>
  ({
    type: 'EventStated',
    data: {
      ...fact,
      name: { en: 'Fest' },
      has_subevents: true,
      date_from: null,
      date_to: null,
      date_admission: null,
      location: null,
      currency: 'EUR',
      timezone: 'UTC',
      locale: 'en',
      locales: ['en'],
      name_scheme: 'full',
      public_url: null,
      seat_category_mapping: {},
      settings: {
        ticket_download: false,
        ticket_download_pending: false,
        ticket_download_addons: false,
        ticket_download_nonadm: true,
        reservation_time: 30,
        seating_minimal_distance: 0,
        seating_distance_within_row: false,
        seating_allow_blocked_seats_for_channel: [],
        ...settings,
      },
      ...more,
    },
  }) satisfies Fact<'EventStated'>;

export const dateStated = (id: number, mapping: Record<string, unknown> = {}) =>
  ({
    type: 'DateStated',
    data: {
      ...fact,
      id,
      name: {},
      active: true,
      date_from: FUTURE,
      date_to: null,
      date_admission: null,
      location: null,
      seat_category_mapping: mapping,
    },
  }) satisfies Fact<'DateStated'>;

export const quotaStated = (id: number, more: Partial<Fact<'QuotaStated'>['data']> = {}) =>
  ({
    type: 'QuotaStated',
    data: {
      ...fact,
      id,
      name: `Quota ${id}`,
      size: 100,
      items: [PASS],
      variations: [],
      subevent: null,
      close_when_sold_out: false,
      closed: false,
      ...more,
    },
  }) satisfies Fact<'QuotaStated'>;

export const voucherStated = (id: number, more: Partial<Fact<'VoucherStated'>['data']> = {}) =>
  ({
    type: 'VoucherStated',
    data: {
      ...fact,
      id,
      code: `CODE${id}`,
      max_usages: 1,
      redeemed: 0,
      valid_until: null,
      block_quota: true,
      allow_ignore_quota: false,
      item: null,
      variation: null,
      quota: null,
      subevent: null,
      seat: null,
      ...more,
    },
  }) satisfies Fact<'VoucherStated'>;

export const waitingStated = (id: number, more: Partial<Fact<'WaitingListEntryStated'>['data']> = {}) =>
  ({
    type: 'WaitingListEntryStated',
    data: { ...fact, id, item: PASS, variation: null, subevent: null, voucher: null, ...more },
  }) satisfies Fact<'WaitingListEntryStated'>;

export const cartStated = (id: number, more: Partial<Fact<'CartPositionStated'>['data']> = {}) =>
  ({
    type: 'CartPositionStated',
    data: {
      ...fact,
      id,
      cart_id: `cart${id}@api`,
      item: PASS,
      variation: null,
      price: '10.00',
      attendee_name_parts: {},
      attendee_email: null,
      voucher: null,
      addon_to: null,
      subevent: null,
      datetime: '2027-01-01T00:00:00Z',
      expires: FUTURE,
      includes_tax: true,
      answers: [],
      seat: null,
      ...more,
    },
  }) satisfies Fact<'CartPositionStated'>;

const RELEASED: Omit<CartReleased['data'], 'id'> = {
  ...where,
  cart_id: 'cart@api',
  item: PASS,
  variation: null,
  date: null,
  voucher: null,
  seat: null,
  expires: FUTURE,
  imported: true,
  datetime: '2027-01-01T00:00:00Z',
};

export const seatStated = (id: number, more: Partial<Fact<'SeatStated'>['data']> = {}) =>
  ({
    type: 'SeatStated',
    data: {
      ...fact,
      id,
      subevent: null,
      seat_guid: `S-${id}`,
      zone_name: null,
      row_name: null,
      row_label: null,
      seat_number: null,
      seat_label: null,
      product: PASS,
      blocked: false,
      x: null,
      y: null,
      sorting_rank: null,
      ...more,
    },
  }) satisfies Fact<'SeatStated'>;

export const position = (id: number, more: Partial<PositionFact> = {}): PositionFact => ({
  id,
  positionid: id,
  item: PASS,
  variation: null,
  price: '10.00',
  attendee_name: null,
  attendee_name_parts: {},
  attendee_email: null,
  voucher: null,
  tax_rate: '0.00',
  tax_value: '0.00',
  tax_rule: null,
  secret: `secret${id}`,
  addon_to: null,
  subevent: null,
  pseudonymization_id: `P${id}`,
  seat: null,
  canceled: false,
  answers: [],
  checkins: [],
  ...more,
});

export const orderStated = (code: string, positions: readonly PositionFact[], more: Partial<OrderFact> = {}) =>
  ({
    type: 'OrderStated',
    data: {
      ...fact,
      code,
      status: 'p',
      testmode: false,
      email: null,
      datetime: '2027-01-01T00:00:00Z',
      sales_channel: 'web',
      locale: 'en',
      require_approval: false,
      checkin_attention: false,
      invoice_address: null,
      positions: [...positions],
      ...more,
    },
  }) satisfies Fact<'OrderStated'>;
