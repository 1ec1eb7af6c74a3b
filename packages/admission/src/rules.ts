import { isInside } from '@gatehouse/domain/passages';
import type { ListFacts, Scan } from '@gatehouse/domain/redeem';
import { entriesBy, problemOfRules, ruleTime, ruleVariables, type RuleFacts } from '@gatehouse/domain/rules';
import { passagesAt } from '@gatehouse/domain/ticket';
import type { Festival } from '@gatehouse/shop/festival';
import { defaultMethods, LogicEngine } from 'json-logic-engine';
import type { Ticket } from './tickets/lookup';

type Rules = NonNullable<ListFacts['rules']>;

/**
 * What a list's rules say about a scan, for the decision (contract §10, 3.9); undefined: the list has none. Rules that are
 * not understood, or that name a time which the shop has not stated, let nobody in.
 */
export function permittedBy(
  { id, rules }: ListFacts,
  { festival, ticket, datetime }: { festival: Festival; ticket: Ticket; datetime: string },
): Scan['permitted'] {
  if (rules === undefined || Object.keys(rules).length === 0) return undefined;
  const date = ticket.date === null ? undefined : festival.dates.get(ticket.date);
  return (history) => {
    const passages = passagesAt(history, id);
    return allows(rules, {
      now: datetime,
      timeZone: festival.fact.timezone,
      product: ticket.item,
      variation: ticket.variation,
      entries: passages.filter(({ kind }) => kind === 'entry').map((entry) => entry.datetime),
      isInside: isInside(passages),
      dates: date ?? festival.fact,
    });
  };
}

/** Whether rules let in a ticket about which these are the facts. Never throws. */
export function allows(rules: Rules, facts: RuleFacts): boolean {
  if (!isUnderstood(rules)) return false;
  try {
    return Boolean(engine.run(withoutEmpty(rules), { ...ruleVariables(facts), facts }));
  } catch (error) {
    if (error === NOT_STATED) return false;
    throw error;
  }
}

/** By the rules of lists as they are cached: most scans use the same few. */
const understood = new WeakMap<Rules, boolean>();

function isUnderstood(rules: Rules): boolean {
  const known = understood.get(rules) ?? problemOfRules(rules) === null;
  understood.set(rules, known);
  return known;
}

/** A time that the shop has not stated. */
const NOT_STATED = new Error('the event has no such time');

/** The library's own operators that rules may use; others would only be ways in for rules that nobody understands. */
const { and, or, var: variable } = defaultMethods;
const engine = new LogicEngine(
  { and, or, var: variable },
  // Else it might keep a time of today for tomorrow.
  { disableInterpretedOptimization: true },
);

/*
 * Comparisons as pretix's own evaluation has them. The library's take no variation for 0, and throw when a text that is no
 * number meets a number; here they are not equal, and neither is less.
 */
type Value = number | string | null;
const isText = (value: Value) => typeof value === 'string';
const isEqual = (a: Value, b: Value) => (isText(a) || isText(b) ? String(a) === String(b) : a === b);
const isLess = (a: Value, b: Value) =>
  isText(a) && isText(b) ? String(a) < String(b) : a !== null && b !== null && Number(a) < Number(b);
const comparisons: Record<string, (a: Value, b: Value) => boolean> = {
  '==': isEqual,
  '!=': (a, b) => !isEqual(a, b),
  '<': isLess,
  '<=': (a, b) => isLess(a, b) || isEqual(a, b),
  '>': (a, b) => isLess(b, a),
  '>=': (a, b) => isLess(b, a) || isEqual(a, b),
};
for (const [operator, compare] of Object.entries(comparisons)) {
  engine.addMethod(operator, ([a, b]: [Value, Value]) => compare(a, b));
}

type Data = { readonly facts: RuleFacts };
const isBefore = (first: number, second: number, minutes: unknown): boolean =>
  first < second + (minutes ? Number(minutes) * 60_000_000 : 0);

engine.addMethod('objectList', (ids: unknown[]) => ids);
engine.addMethod('lookup', ([, id]: unknown[]) => Number(id));
engine.addMethod('inList', ([value, ids]: [unknown, unknown[]]) => ids.includes(value));
engine.addMethod('isBefore', ([first, second, minutes]: [number, number, unknown]) => isBefore(first, second, minutes));
engine.addMethod('isAfter', ([first, second, minutes]: [number, number, unknown]) => isBefore(second, first, minutes));
engine.addMethod('buildTime', (args: unknown, { facts }: Data) => {
  const [kind, text] = [args].flat() as [string, unknown];
  const time = ruleTime(kind, text, facts);
  if (time === undefined) throw NOT_STATED;
  return time;
});
for (const operator of ['entries_since', 'entries_before', 'entries_days_since', 'entries_days_before']) {
  engine.addMethod(operator, (args: unknown, { facts }: Data) => entriesBy(operator, facts, Number([args].flat()[0])));
}

/** An empty `and` lets in, an empty `or` does not; the library takes both for nothing. */
function withoutEmpty(rule: unknown): unknown {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) return rule;
  const [[operator, args] = ['', []]] = Object.entries(rule);
  if (operator !== 'and' && operator !== 'or') return rule;
  const inner = ([args] as unknown[]).flat();
  return inner.length === 0 ? operator === 'and' : { [operator]: inner.map(withoutEmpty) };
}
