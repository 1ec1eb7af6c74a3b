import { taxIn } from '@gatehouse/domain/tax';
import type { ItemFact } from '@gatehouse/events/reference';
import type { Body } from '@gatehouse/service/body';
import {
  boolean,
  char,
  choice,
  integer,
  nullable,
  optional,
  pk,
  readObject,
  validate,
  withDefault,
  type Field,
  type Find,
} from '@gatehouse/service/drf';
import type { WantedBatch } from '@gatehouse/sales/request';
import { Invalid } from '@gatehouse/service/invalid';
import type { Festival } from '@gatehouse/shop/festival';

/** What a request is checked against. */
export type BatchPlace = {
  readonly festival: Festival;
  /** The sales channels that the organizer has stated; `web` always exists. */
  readonly channels: ReadonlySet<string>;
  /** A ticket layout of this event by its id. */
  readonly layout: Find<{ readonly id: number }>;
};

/** Most tickets of a batch (contract §9.3). */
const MAX_AMOUNT = 10_000;
/** In characters. It is part of an event, which must not become too large to be stored. */
const MAX_COMMENT = 10_000;

/**
 * Reads the body of a request for a batch (contract §9.3). Throws ValidationError with the errors of all its fields. Whether
 * there are places is not asked here: that is decided when they are taken.
 */
export async function readBatchRequest(body: Body, place: BatchPlace): Promise<WantedBatch> {
  const { festival, channels, layout } = place;
  const { fact, items, dates } = festival;
  const item = pk((id) => items.get(id));
  // Which variations there are depends on the product, so that is read first; a wrong one is reported below.
  const known = await readObject(body, { item });
  const sent = await validate(body, {
    item,
    variation: variationField(known instanceof Invalid ? undefined : known.item, items),
    subevent: fact.has_subevents ? date(dates) : optional(nullable(date(dates))),
    layout: pk(layout),
    amount: integer({ min: 1, max: MAX_AMOUNT }),
    sales_channel: withDefault(choice(...new Set(['web', ...channels])), 'web'),
    testmode: withDefault(boolean(), false),
    comment: withDefault(char({ max: MAX_COMMENT, blank: true }), ''),
  });
  return {
    item: sent.item.id,
    variation: sent.variation?.id ?? null,
    date: sent.subevent?.id ?? null,
    layout: sent.layout.id,
    amount: sent.amount,
    sales_channel: sent.sales_channel,
    testmode: sent.testmode,
    comment: sent.comment,
    locale: fact.locale,
    ...priceOf(sent.item, sent.variation ?? null),
  };
}

type Variation = ItemFact['variations'][number];

/** Required if the product has variations, and one of its own. Of a wrong product any variation is accepted. */
function variationField(item: ItemFact | undefined, items: Festival['items']): Field<Variation | null | undefined> {
  const variations = (item ? [item] : [...items.values()]).flatMap((each) => each.variations);
  const own = pk((id) => variations.find((variation) => variation.id === id));
  return item && item.variations.length > 0 ? own : optional(nullable(own));
}

const date = (dates: Festival['dates']) => pk((id) => dates.get(id));

/** The price of a ticket with the tax in it: that of the variation if it has its own. */
function priceOf(item: ItemFact, variation: Variation | null) {
  const price = variation?.default_price ?? item.default_price ?? '0.00';
  const tax_rate = item.tax_rate ?? '0.00';
  return { price, tax_rate, tax_value: taxIn(price, tax_rate), tax_rule: item.tax_rule };
}
