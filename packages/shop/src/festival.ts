import type { CategoryFact, DateFact, EventFact, ItemFact, QuestionFact } from '@gatehouse/events/reference';
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
};

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
  const parts = new Map<
    string,
    { dates: DateFact[]; categories: CategoryFact[]; items: ItemFact[]; questions: QuestionFact[] }
  >();
  for (const key of facts.event.keys()) parts.set(key, { dates: [], categories: [], items: [], questions: [] });
  const of = (fact: { organizer: string; event: string }) => parts.get(`${fact.organizer}/${fact.event}`);
  for (const fact of facts.date.values()) of(fact)?.dates.push(fact);
  for (const fact of facts.category.values()) of(fact)?.categories.push(fact);
  for (const fact of facts.item.values()) of(fact)?.items.push(fact);
  for (const fact of facts.question.values()) of(fact)?.questions.push(fact);
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

function festivalOf(
  key: string,
  fact: EventFact,
  {
    dates,
    categories,
    items,
    questions,
  }: { dates: DateFact[]; categories: CategoryFact[]; items: ItemFact[]; questions: QuestionFact[] },
): Festival {
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
  };
}

const byId = <T extends { id: number }>(facts: readonly T[]): Map<number, T> =>
  new Map(facts.map((fact) => [fact.id, fact]));
