import { problemOfRules, type RuleFacts } from '@gatehouse/domain/rules';
import fc from 'fast-check';
import { allows } from './rules';

/* Rules of check-in lists, as pretix's editor makes them: contract §10, 3.9. */

const facts: RuleFacts = {
  now: '2020-01-02T22:10:00Z',
  timeZone: 'Europe/Berlin',
  product: 2,
  variation: null,
  entries: [],
  isInside: false,
  dates: { date_from: '2020-01-02T20:00:00+01:00', date_to: null, date_admission: '2020-01-02T18:00:00+01:00' },
};
const v = (name: string) => ({ var: name });
const time = (...args: unknown[]) => ({ buildTime: args });
const products = (...ids: (string | number)[]) => ({
  objectList: ids.map((id) => ({ lookup: ['product', id, 'Pass'] })),
});
const on = (...entries: string[]): Partial<RuleFacts> => ({ entries, isInside: entries.length > 0 });

type Row = [name: string, rules: object, more: Partial<RuleFacts>, result: boolean];
const rows: Row[] = [
  ['product on the list', { inList: [v('product'), products('1', '2')] }, {}, true],
  ['product not on the list', { inList: [v('product'), products(1, '3')] }, {}, false],
  ['no variation', { inList: [v('variation'), { objectList: [{ lookup: ['variation', '5', 'x'] }] }] }, {}, false],
  [
    'a variation',
    { inList: [v('variation'), { objectList: [{ lookup: ['variation', '5', 'x'] }] }] },
    { variation: 5 },
    true,
  ],
  ['no entry yet', { '<': [v('entries_number'), 1] }, {}, true],
  ['one entry', { '<': [v('entries_number'), 1] }, on('2020-01-01T10:00:00Z'), false],
  ['yesterday is not today', { '==': [v('entries_today'), 0] }, on('2020-01-01T22:59:59.999999Z'), true],
  ['today begins at midnight there', { '==': [v('entries_today'), 0] }, on('2020-01-01T23:00:00Z'), false],
  [
    'two entries on one day',
    { '<=': [v('entries_days'), 1] },
    on('2020-01-01T10:00:00Z', '2020-01-01T22:59:00Z'),
    true,
  ],
  [
    'entries on two days there',
    { '<=': [v('entries_days'), 1] },
    on('2020-01-01T22:59:00Z', '2020-01-01T23:00:00Z'),
    false,
  ],
  [
    'minutes since the last entry',
    { '==': [v('minutes_since_last_entry'), 9] },
    on('2020-01-01T10:00:00Z', '2020-01-02T22:00:00.000001Z'),
    true,
  ],
  [
    'minutes since the first entry',
    { '==': [v('minutes_since_first_entry'), 10] },
    on('2020-01-02T22:00:00Z', '2020-01-02T22:09:00Z'),
    true,
  ],
  ['no entry: minus one', { '==': [v('minutes_since_last_entry'), -1] }, {}, true],
  ['Thursday', { '==': [v('now_isoweekday'), 4] }, {}, true],
  ['Friday there, Thursday in UTC', { '==': [v('now_isoweekday'), 5] }, { now: '2020-01-02T23:00:00Z' }, true],
  ['Sunday', { '==': [v('now_isoweekday'), 7] }, { now: '2020-01-05T12:00:00Z' }, true],
  ['outside', { '==': [v('entry_status'), 'absent'] }, {}, true],
  ['inside', { '==': [v('entry_status'), 'present'] }, on('2020-01-01T10:00:00Z'), true],
  ['after a time', { isAfter: [v('now'), time('custom', '2020-01-02T23:09:59.000+01:00'), null] }, {}, true],
  ['not after the same time', { isAfter: [v('now'), time('custom', '2020-01-02T22:10:00Z')] }, {}, false],
  ['after a time, within the tolerance', { isAfter: [v('now'), time('custom', '2020-01-02T22:20:00Z'), 11] }, {}, true],
  [
    'after a time, beyond the tolerance',
    { isAfter: [v('now'), time('custom', '2020-01-02T22:20:00Z'), '10'] },
    {},
    false,
  ],
  [
    'before a time, within the tolerance',
    { isBefore: [v('now'), time('custom', '2020-01-02T22:00:00Z'), 11] },
    {},
    true,
  ],
  ['before a time', { isBefore: [v('now'), time('custom', '2020-01-02T22:00:00Z'), 0] }, {}, false],
  [
    'after the beginning',
    { isAfter: [v('now'), time('date_from'), null] },
    { now: '2020-01-02T19:00:00.000001Z' },
    true,
  ],
  [
    'an event without an end ends when it begins',
    { isBefore: [v('now'), time('date_to'), null] },
    { now: '2020-01-02T18:59:59Z' },
    true,
  ],
  ['after admission', { isAfter: [v('now'), time('date_admission'), null] }, { now: '2020-01-02T17:00:00Z' }, false],
  ['a time of the day', { isBefore: [v('now'), time('customtime', '23:10:01'), null] }, {}, true],
  ['a time of the day, past', { isBefore: [v('now'), time('customtime', '23:10'), null] }, {}, false],
  [
    'entries since',
    { '<=': [{ entries_since: [time('custom', '2020-01-01T10:00:00Z')] }, 0] },
    on('2020-01-01T10:00:00Z'),
    false,
  ],
  [
    'entries before',
    { '<=': [{ entries_before: [time('custom', '2020-01-01T10:00:00Z')] }, 0] },
    on('2020-01-01T10:00:00Z'),
    true,
  ],
  [
    'days since',
    { '==': [{ entries_days_since: [time('custom', '2020-01-01T10:00:00Z')] }, 1] },
    on('2020-01-01T09:00:00Z', '2020-01-01T11:00:00Z', '2020-01-01T12:00:00Z'),
    true,
  ],
  [
    'days before',
    { '==': [{ entries_days_before: [time('custom', '2020-01-01T10:00:00Z')] }, 0] },
    on('2020-01-01T11:00:00Z'),
    true,
  ],
  ['and', { and: [{ '==': [1, 1] }, { '==': [1, 2] }] }, {}, false],
  ['or', { or: [{ '==': [1, 2] }, { '!=': [1, 2] }] }, {}, true],
  ['an empty and', { and: [] }, {}, true],
  ['an empty or', { or: [] }, {}, false],
  ['nested, empty', { and: [{ and: [] }, { or: [{ and: [] }] }] }, {}, true],
  ['variables with a list', { '>=': [{ var: ['entries_number'] }, 0] }, {}, true],
  ['a number that is a text', { '==': [v('product'), String(facts.product)] }, {}, true],
  ['numbers as texts, by their value', { '<': ['9', 10] }, {}, true],
  ['no variation is not 0', { '==': [v('variation'), 0] }, { variation: null }, false],
  ['no variation is not less than 1', { '<': [v('variation'), 1] }, { variation: null }, false],
  ['a text is not equal to a number', { '==': [v('entry_status'), 0] }, {}, false],
  ['a text differs from a number', { '!=': [v('entry_status'), 0] }, {}, true],
  ['a text is not less than a number', { '<': [v('entry_status'), 0] }, {}, false],
  ['a text is not at least a number', { '>=': [v('entry_status'), 0] }, {}, false],
  ['another way in beside such a comparison', { or: [{ '==': [v('entry_status'), 0] }, true] }, {}, true],
];
test.each(rows)('%s', (_name, rules, more, result) => {
  expect(problemOfRules(rules)).toBeNull();
  expect(allows(rules as Record<string, unknown>, { ...facts, ...more })).toBe(result);
});

test('once before a time, and on one day after it (a rule of the scanners’ own tests)', () => {
  const cutoff = time('custom', '2020-01-01T23:00:00.000+01:00');
  const rules = {
    or: [
      { '<=': [v('entries_number'), 0] },
      {
        and: [
          { isAfter: [v('now'), cutoff, 0] },
          { or: [{ '>': [v('entries_today'), 0] }, { '<=': [{ entries_days_since: [cutoff] }, 0] }] },
        ],
      },
    ],
  };
  const at = (now: string, ...entries: string[]) => allows(rules, { ...facts, now, entries });
  const [first, second, third] = ['2020-01-01T21:00:00Z', '2020-01-02T22:10:00Z', '2020-01-02T22:40:00Z'];
  expect([at(first), at('2020-01-01T21:30:00Z', first), at(second, first)]).toEqual([true, false, true]);
  expect([at(third, first, second), at('2020-01-03T22:10:00Z', first, second, third)]).toEqual([true, false]);
});

test('a time of the day is that of the scan, however often the rule was used', () => {
  const rules = { isAfter: [v('now'), time('customtime', '12:00'), null] };
  const told = ['2020-01-02T11:30:00Z', '2020-01-03T10:30:00Z', '2020-01-03T11:30:00Z'];
  expect(told.map((now) => allows(rules, { ...facts, now }))).toEqual([true, false, true]);
});

test('a time that the shop has not stated lets nobody in', () => {
  const dates = { date_from: null, date_to: null, date_admission: null };
  for (const operator of ['isBefore', 'isAfter']) {
    expect(allows({ [operator]: [v('now'), time('date_from'), null] }, { ...facts, dates })).toBe(false);
  }
});

const misunderstood: [rules: unknown, problem: string][] = [
  [{ '==': [v('gate'), 1] }, 'the variable "gate" is not known'],
  [{ and: [{ '!': [true] }] }, 'the operator "!" is not known'],
  [{ map: [[1], true] }, 'the operator "map" is not known'],
  [{ constructor: [1] }, 'the operator "constructor" is not known'],
  [{ '<': [{ '+': [1, 2] }, 3] }, 'the operator "+" is not known'],
  [{ '<': [1] }, 'the arguments of "<" are not understood'],
  [{ isBefore: [v('now'), time('noon')] }, 'the time ["noon"] is not known'],
  [{ isBefore: [v('now'), time('custom', 'soon')] }, 'the time ["custom","soon"] is not known'],
  [{ isBefore: [v('now'), 5] }, '5 is no time'],
  [{ isBefore: [v('now'), time('date_to'), {}] }, 'the arguments of "isBefore" are not understood'],
  [{ isBefore: [v('now'), time('date_to'), { toString: 1 }] }, 'the arguments of "isBefore" are not understood'],
  [
    { inList: [v('product'), { objectList: [{ lookup: ['product', { toString: 1 }, 'x'] }] }] },
    'the arguments of "objectList" are not understood',
  ],
  [{ inList: [v('product'), [1, 2]] }, 'the arguments of "inList" are not understood'],
  [
    { inList: [v('product'), { objectList: [{ lookup: ['product', 'one', 'x'] }] }] },
    'the arguments of "objectList" are not understood',
  ],
  [{ and: [], or: [] }, '{"and":[],"or":[]} is no condition'],
  [[], '[] is no condition'],
];
test.each(misunderstood)('%j is not understood, which is said, and lets nobody in', (rules, problem) => {
  expect(problemOfRules(rules)).toBe(problem);
  expect(allows(rules as Record<string, unknown>, facts)).toBe(false);
});

test('rules that are nested without end are not understood', () => {
  let deep: object = { and: [] };
  for (let n = 0; n < 10_000; n++) deep = { and: [deep] };
  expect(problemOfRules(deep)).toBe('it is nested too deeply');
});

test('whatever the rules, an answer comes and nothing is thrown', () => {
  const word = fc.constantFrom(
    'and',
    'or',
    '==',
    '<',
    'var',
    'inList',
    'objectList',
    'lookup',
    'isBefore',
    'buildTime',
    'now',
    'product',
    'custom',
    'entries_since',
    'toString',
    '__proto__',
  );
  const { rule } = fc.letrec((tie) => ({
    rule: fc.oneof({ maxDepth: 5 }, fc.integer(), word, fc.boolean(), fc.constant(null), tie('list'), tie('operation')),
    list: fc.array(tie('rule'), { maxLength: 3 }),
    operation: fc.dictionary(word, tie('rule'), { maxKeys: 2 }),
  }));
  fc.assert(
    fc.property(rule, (any) => {
      const problem = problemOfRules(any);
      expect(typeof problem === 'string' || problem === null).toBe(true);
      if (typeof any !== 'object' || any === null || Array.isArray(any)) return;
      const result = allows(any as Record<string, unknown>, facts);
      if (problem !== null) expect(result).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});
