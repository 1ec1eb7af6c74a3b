import type { CategoryFact, DateFact, EventFact, ItemFact, QuestionFact } from '@gatehouse/events/reference';
import { foldCase } from '@gatehouse/domain/fold';
import { productKey, type Product } from '@gatehouse/domain/ledger';
import type { FactOfKind, Kind } from './catalog-model';

/** One event with its products, dates and questions. */
export type Festival = {
  /** `organizer/slug`. */
  readonly key: string;
  readonly fact: EventFact;
  readonly dates: ReadonlyMap<number, DateFact>;
  readonly categories: ReadonlyMap<number, CategoryFact>;
  readonly items: ReadonlyMap<number, ItemFact>;
  /** In the order position, id. */
  readonly questions: readonly QuestionFact[];
  /** The check-in questions of each item, in the order in which they are asked. */
  readonly checkinQuestions: ReadonlyMap<number, readonly QuestionFact[]>;
  /** In the order in which a product's are asked: by name. */
  readonly quotas: ReadonlyMap<number, Quota>;
  /** The quotas that a product counts on (contract §2.7), by its `productKey`. */
  readonly quotasOf: ReadonlyMap<string, readonly Quota[]>;
};

export type Quota = FactOfKind['quota'];

/** The newest facts, by kind and then by the entity's id in its stream name. */
export type Facts = { readonly [K in Kind]: Map<string, FactOfKind[K]> };

/** Derived from all newest facts together, and recomputed whenever one changes. */
export type Derived = {
  readonly festivals: ReadonlyMap<string, Festival>;
  /** The item of each variation. */
  readonly variations: ReadonlyMap<number, ItemFact>;
  /** The question of each option. */
  readonly options: ReadonlyMap<number, QuestionFact>;
  /** Ids by code. */
  readonly vouchers: ReadonlyMap<string, number[]>;
  /** By organizer. */
  readonly channels: ReadonlyMap<string, ReadonlySet<string>>;
};

/** Groups the facts by event. */
export function derive(facts: Facts): Derived {
  const parts = new Map<string, Parts>();
  for (const key of facts.event.keys()) {
    parts.set(key, { dates: [], categories: [], items: [], questions: [], quotas: [] });
  }
  const of = (fact: { organizer: string; event: string }) => parts.get(`${fact.organizer}/${fact.event}`);
  for (const fact of facts.date.values()) of(fact)?.dates.push(fact);
  for (const fact of facts.category.values()) of(fact)?.categories.push(fact);
  for (const fact of facts.item.values()) of(fact)?.items.push(fact);
  for (const fact of facts.question.values()) of(fact)?.questions.push(fact);
  for (const fact of facts.quota.values()) of(fact)?.quotas.push(fact);
  const vouchers = new Map<string, number[]>();
  for (const { code, id } of facts.voucher.values()) vouchers.set(code, [...(vouchers.get(code) ?? []), id]);
  const channels = new Map<string, Set<string>>();
  for (const { organizer, identifier } of facts.channel.values()) {
    channels.set(organizer, (channels.get(organizer) ?? new Set<string>()).add(identifier));
  }
  return {
    festivals: new Map([...facts.event].map(([key, fact]) => [key, festivalOf(key, fact, parts.get(key)!)])),
    variations: new Map([...facts.item.values()].flatMap((item) => item.variations.map(({ id }) => [id, item]))),
    options: new Map([...facts.question.values()].flatMap((each) => each.options.map(({ id }) => [id, each]))),
    vouchers,
    channels,
  };
}

type Parts = {
  readonly dates: DateFact[];
  readonly categories: CategoryFact[];
  readonly items: ItemFact[];
  readonly questions: QuestionFact[];
  readonly quotas: Quota[];
};

function festivalOf(key: string, fact: EventFact, parts: Parts): Festival {
  const { dates, categories, items, questions } = parts;
  const quotas = byName(parts.quotas);
  const asked = questions.sort((a, b) => a.position - b.position || a.id - b.id);
  return {
    key,
    fact,
    dates: byId(dates),
    categories: byId(categories),
    items: byId(items),
    questions: asked,
    checkinQuestions: new Map(
      items.map((item) => [
        item.id,
        asked.filter((question) => question.ask_during_checkin && question.items.includes(item.id)),
      ]),
    ),
    quotas: byId(quotas),
    quotasOf: byProduct(quotas),
  };
}

function byName(quotas: readonly Quota[]): readonly Quota[] {
  const named = quotas.map((quota) => ({ quota, name: foldCase(quota.name) }));
  named.sort((a, b) => (a.name === b.name ? a.quota.id - b.quota.id : a.name < b.name ? -1 : 1));
  return named.map(({ quota }) => quota);
}

/** The products that count on a quota, by what it matches them with: of one with a variation the variation alone decides. */
export const productsOf = ({ items, variations, subevent: date }: Quota): readonly Product[] => [
  ...items.map((item) => ({ item, variation: null, date })),
  ...variations.map((variation) => ({ item: 0, variation, date })),
];

function byProduct(quotas: readonly Quota[]): Map<string, Quota[]> {
  const of = new Map<string, Quota[]>();
  for (const quota of quotas) {
    for (const key of new Set(productsOf(quota).map(productKey))) {
      const others = of.get(key);
      if (others) others.push(quota);
      else of.set(key, [quota]);
    }
  }
  return of;
}

const byId = <T extends { id: number }>(facts: readonly T[]): Map<number, T> =>
  new Map(facts.map((fact) => [fact.id, fact]));
