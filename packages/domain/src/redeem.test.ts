import type { AnswersGiven, CheckinImported, PositionRedeemed, TicketEvent } from '@gatehouse/events/admission';
import fc from 'fast-check';
import type { Answered, CheckinQuestion } from './answers';
import { fold } from './decider';
import { sortable } from './instant';
import { autoCheckin, importCheckins, redeem, undo, type ListFacts, type Scan, type TicketFacts } from './redeem';
import { spec } from './spec';
import { ticket, type Admissions } from './ticket';

const given = spec(ticket);

const list: ListFacts = {
  organizer: 'demo',
  event: 'openair',
  id: 1,
  all_products: true,
  limit_products: [],
  subevent: null,
  include_pending: false,
};
const pass: TicketFacts = {
  position: 7,
  item: 3,
  variation: null,
  date: null,
  status: 'p',
  canceled: false,
  answered: new Set(),
};
const scan: Scan = {
  datetime: '2027-07-16T12:00:00Z',
  force: false,
  ignoreUnpaid: false,
  nonce: 'n1',
  questionsSupported: true,
  canceledSupported: false,
  questions: [],
  given: [],
  restrictedTo: null,
};
const about = { organizer: 'demo', event: 'openair', list: 1, position: 7, item: 3, variation: null, date: null };

const redeemed = (data: Partial<PositionRedeemed['data']> = {}): PositionRedeemed => ({
  type: 'PositionRedeemed',
  data: {
    ...about,
    first: true,
    forced: false,
    auto: false,
    datetime: '2027-07-16T12:00:00Z',
    nonce: 'n1',
    nonce_present: true,
    ...data,
  },
});
const answersGiven = (...answers: AnswersGiven['data']['answers']): AnswersGiven => ({
  type: 'AnswersGiven',
  data: { ...about, questions: answers.map((answer) => answer.question), answers },
});
const imported = (data: Partial<CheckinImported['data']> = {}): CheckinImported => ({
  type: 'CheckinImported',
  data: {
    ...about,
    kind: 'entry',
    auto: false,
    forced: false,
    datetime: '2027-07-15T09:00:00Z',
    nonce: null,
    row: '7/61',
    ...data,
  },
});
const question = (id: number, required = false): CheckinQuestion => ({
  id,
  type: 'S',
  required,
  position: id,
  options: [],
});
const answer = (question: number, text: string | null = 'x', falsy = text === null): Answered => ({
  question,
  text,
  options: [],
  falsy,
});

const OK = { outcome: 'ok', first: true } as const;
const OK_AGAIN = { outcome: 'ok', first: false } as const;
const error = (reason: 'canceled' | 'product' | 'unpaid' | 'already_redeemed') =>
  ({ outcome: 'error', reason }) as const;

describe('paid, pending, expired and canceled (contract §6.4)', () => {
  const both = [false, true];
  const rows = (['p', 'n', 'e', 'c'] as const).flatMap((status) =>
    both.flatMap((pending) =>
      both.flatMap((ignore) =>
        both.flatMap((force) => both.map((supported) => ({ status, pending, ignore, force, supported }))),
      ),
    ),
  );
  /** The table of §6.4, read row by row. */
  const expected = ({ status, pending, ignore, force, supported }: (typeof rows)[number]) => {
    if (status === 'p') return 'ok';
    if (status === 'n') return force || (pending && ignore) ? 'ok' : 'unpaid';
    return supported ? 'canceled' : 'unpaid';
  };

  test.each(rows.map((row) => ({ ...row, result: expected(row) })))(
    '$status, include_pending $pending, ignore_unpaid $ignore, force $force, canceled_supported $supported: $result',
    ({ status, pending, ignore, force, supported, result }) => {
      const decide = redeem(
        { ...list, include_pending: pending },
        { ...pass, status },
        { ...scan, ignoreUnpaid: ignore, force, canceledSupported: supported },
      );
      if (result === 'ok') {
        const overridden = status === 'n' && !(pending && ignore);
        given()
          .when(decide)
          .then(OK, redeemed({ forced: overridden }));
      } else {
        given()
          .when(decide)
          .then(error(result as 'unpaid' | 'canceled'));
      }
    },
  );
});

describe('one check fails (contract §2.5)', () => {
  const entered = [redeemed({ nonce: 'other' })];
  type Row = {
    name: string;
    history?: TicketEvent[];
    list?: Partial<ListFacts>;
    ticket?: Partial<TicketFacts>;
    scan?: Partial<Scan>;
    refused: ReturnType<typeof error> | { outcome: 'incomplete'; missing: CheckinQuestion[] };
    forced: ReturnType<typeof error> | 'enters' | 'told again';
  };
  const rows: Row[] = [
    {
      name: 'the scanner may not admit the product',
      scan: { restrictedTo: new Set([4]) },
      refused: error('product'),
      forced: error('product'),
    },
    {
      name: 'the position is canceled',
      ticket: { canceled: true },
      refused: error('unpaid'),
      forced: error('unpaid'),
    },
    {
      name: 'the position is canceled, and the client knows the word',
      ticket: { canceled: true },
      scan: { canceledSupported: true },
      refused: error('canceled'),
      forced: error('canceled'),
    },
    {
      name: 'the product is not on the list',
      list: { all_products: false, limit_products: [4, 5] },
      refused: error('product'),
      forced: error('product'),
    },
    { name: 'the order is pending', ticket: { status: 'n' }, refused: error('unpaid'), forced: 'enters' },
    {
      name: 'a question is open',
      scan: { questions: [question(1)] },
      refused: { outcome: 'incomplete', missing: [question(1)] },
      forced: 'enters',
    },
    { name: 'the ticket has entered', history: entered, refused: error('already_redeemed'), forced: 'told again' },
    {
      name: 'the ticket has entered, and no nonce is sent',
      history: [redeemed({ nonce: null, nonce_present: false })],
      scan: { nonce: null },
      refused: error('already_redeemed'),
      forced: 'told again',
    },
  ];
  const decide = (row: Row, force: boolean) =>
    redeem({ ...list, ...row.list }, { ...pass, ...row.ticket }, { ...scan, ...row.scan, force });

  test.each(rows)('$name: refused', (row) => {
    given(...(row.history ?? []))
      .when(decide(row, false))
      .then(row.refused);
  });

  test.each(rows)('$name: forced', (row) => {
    const nonce = row.scan?.nonce === null ? { nonce: null, nonce_present: false } : {};
    const then = given(...(row.history ?? [])).when(decide(row, true));
    if (row.forced === 'enters') then.then(OK, redeemed({ forced: true, ...nonce }));
    else if (row.forced === 'told again') then.then(OK_AGAIN, redeemed({ first: false, forced: true, ...nonce }));
    else then.then(row.forced);
  });
});

describe('the order of the outcomes (contract, decisions)', () => {
  const everything = {
    list: { ...list, all_products: false },
    ticket: { ...pass, canceled: true, status: 'n' as const },
    scan: { ...scan, canceledSupported: true, questions: [question(1)] },
    history: [redeemed({ nonce: 'other' })],
  };
  // Each row fixes what the row before it was refused for.
  const steps: [string, Parameters<typeof redeem>][] = [
    ['product', [everything.list, everything.ticket, { ...everything.scan, restrictedTo: new Set() }]],
    ['canceled', [everything.list, everything.ticket, everything.scan]],
    ['product', [everything.list, { ...everything.ticket, canceled: false }, everything.scan]],
    ['unpaid', [list, { ...everything.ticket, canceled: false }, everything.scan]],
    ['incomplete', [list, pass, everything.scan]],
    ['already_redeemed', [list, pass, scan]],
  ];
  test.each(steps)('%s', (expected, args) => {
    const { result, events } = redeem(...args)(fold(ticket, everything.history));
    expect('reason' in result ? result.reason : result.outcome).toBe(expected);
    expect(events).toEqual([]);
  });
});

describe('nonces (contract §2.5, rows 7 to 9)', () => {
  test('a repeat is told ok, and nothing is written, its answers included', () => {
    given(redeemed())
      .when(redeem(list, pass, { ...scan, questions: [question(1)], given: [answer(1)] }))
      .then(OK_AGAIN);
  });
  test('a forced repeat with the first nonce writes nothing either', () => {
    given(redeemed())
      .when(redeem(list, pass, { ...scan, force: true }))
      .then(OK_AGAIN);
  });
  test('the nonce of a forced repeat does not count later', () => {
    given(redeemed(), redeemed({ first: false, forced: true, nonce: 'n2' }))
      .when(redeem(list, pass, { ...scan, nonce: 'n2' }))
      .then(error('already_redeemed'));
  });
  test('a forced repeat that is sent again is told again', () => {
    given(redeemed(), redeemed({ first: false, forced: true, nonce: 'n2' }))
      .when(redeem(list, pass, { ...scan, nonce: 'n2', force: true }))
      .then(OK_AGAIN, redeemed({ first: false, forced: true, nonce: 'n2' }));
  });
  test('a repeat fails unpaid when the order is no longer paid', () => {
    given(redeemed())
      .when(redeem(list, { ...pass, status: 'n' }, scan))
      .then(error('unpaid'));
  });
  test('an imported entry is recognised by its nonce', () => {
    given(imported({ nonce: 'n1' }))
      .when(redeem(list, pass, scan))
      .then(OK_AGAIN);
  });
  test('lists are independent', () => {
    given(redeemed())
      .when(redeem({ ...list, id: 2 }, pass, scan))
      .then(OK, redeemed({ list: 2 }));
  });
});

describe('questions (contract §2.4, §2.5)', () => {
  const asked = { ...scan, questions: [question(1, true), question(2), question(3)] };

  test('open ones are named in their order, optional ones too', () => {
    given()
      .when(redeem(list, { ...pass, answered: new Set([2]) }, asked))
      .then({ outcome: 'incomplete', missing: [question(1, true), question(3)] });
  });
  test('a client that knows no questions is not asked any, but its answers are kept', () => {
    given()
      .when(redeem(list, pass, { ...asked, questionsSupported: false, given: [answer(1)] }))
      .then(OK, redeemed(), answersGiven({ question: 1, answer: 'x', options: [] }));
  });
  test('answers are kept with the scan that lets the ticket in', () => {
    given()
      .when(redeem(list, pass, { ...asked, given: [answer(1), answer(2, 'y'), answer(3, null)] }))
      .then(
        OK,
        redeemed(),
        answersGiven({ question: 1, answer: 'x', options: [] }, { question: 2, answer: 'y', options: [] }),
      );
  });
  test('a falsy answer is not stored, so that the next list asks again', () => {
    const decide = (id: number) =>
      redeem({ ...list, id }, pass, { ...scan, questions: [question(1)], given: [answer(1, 'False', true)] });
    given().when(decide(1)).then(OK, redeemed());
    given(redeemed())
      .when(redeem({ ...list, id: 2 }, pass, { ...scan, questions: [question(1)] }))
      .then({ outcome: 'incomplete', missing: [question(1)] });
  });
  test('a falsy answer replaces the earlier one, here or with the order', () => {
    const falsy = { ...scan, questions: [question(1)], given: [answer(1, 'False', true)] };
    const replaced = answersGiven({ question: 1, answer: 'False', options: [] });
    given(answersGiven({ question: 1, answer: 'True', options: [] }))
      .when(redeem(list, pass, falsy))
      .then(OK, redeemed(), replaced);
    given()
      .when(redeem(list, { ...pass, answered: new Set([1]) }, falsy))
      .then(OK, redeemed(), replaced);
  });
  test('no answer takes the earlier one back, and the question is open again', () => {
    const back = answersGiven({ question: 1, answer: null, options: [] });
    const buyer = { ...pass, answered: new Set([1]) };
    given()
      .when(redeem(list, buyer, { ...scan, questions: [question(1)], given: [answer(1, null)] }))
      .then(OK, redeemed(), back);
    given(back)
      .when(redeem(list, buyer, { ...scan, questions: [question(1)] }))
      .then({ outcome: 'incomplete', missing: [question(1)] });
  });
  test('linked options are replaced', () => {
    given(answersGiven({ question: 1, answer: 'A', options: [11] }))
      .when(
        redeem(list, pass, {
          ...scan,
          questions: [question(1)],
          given: [{ question: 1, text: 'B', options: [12], falsy: false }],
        }),
      )
      .then(OK, redeemed(), answersGiven({ question: 1, answer: 'B', options: [12] }));
  });
  test.each([
    ['unpaid', { ...pass, status: 'n' as const }, { ...asked, given: [answer(1), answer(2), answer(3)] }],
    ['incomplete', pass, { ...asked, given: [answer(1)] }],
  ])('a refusal (%s) keeps no answer', (_reason, who, attempt) => {
    expect(redeem(list, who, attempt)(ticket.initial).events).toEqual([]);
  });
});

describe('undo', () => {
  const taken = { type: 'RedemptionUndone' as const, data: { ...about, reason: 'wrong gate' } };
  test('takes a check-in back', () => {
    given(redeemed()).when(undo(about, 'wrong gate')).then({ undone: true }, taken);
  });
  test('does nothing the second time, nor on another list', () => {
    given(redeemed(), taken).when(undo(about, 'wrong gate')).then({ undone: false });
    given(redeemed({ list: 2 }))
      .when(undo(about, 'wrong gate'))
      .then({ undone: false });
  });
  test('afterwards the same scan enters again', () => {
    given(redeemed(), taken)
      .when(redeem(list, pass, scan))
      .then(OK, redeemed());
  });
  test('afterwards neither the order nor the import lets the ticket in again', () => {
    given(redeemed({ auto: true }), taken)
      .when(autoCheckin(about, scan.datetime))
      .then({ admitted: false });
    given(imported(), taken)
      .when(importCheckins([imported().data]))
      .then({ imported: 0 });
  });
});

describe('autoCheckin (contract §2.6)', () => {
  const auto = redeemed({ auto: true, nonce: null, nonce_present: false });
  test('lets in once', () => {
    given().when(autoCheckin(about, scan.datetime)).then({ admitted: true }, auto);
    given(auto).when(autoCheckin(about, scan.datetime)).then({ admitted: false });
  });
  test('not a ticket that has entered', () => {
    given(imported()).when(autoCheckin(about, scan.datetime)).then({ admitted: false });
  });
  test('a scan then finds the ticket redeemed', () => {
    given(auto)
      .when(redeem(list, pass, scan))
      .then(error('already_redeemed'));
  });
});

describe('importCheckins (import.md §3)', () => {
  const rows = [imported().data, imported({ row: '7/62', kind: 'exit', datetime: '2027-07-15T10:00:00Z' }).data];
  test('every row becomes history, exits too', () => {
    given()
      .when(importCheckins(rows))
      .then({ imported: 2 }, imported(), imported({ row: '7/62', kind: 'exit', datetime: '2027-07-15T10:00:00Z' }));
  });
  test('each of them once, also within one import', () => {
    given(imported())
      .when(importCheckins([...rows, ...rows]))
      .then({ imported: 1 }, imported({ row: '7/62', kind: 'exit', datetime: '2027-07-15T10:00:00Z' }));
  });
  test('an exit alone is no check-in', () => {
    given(imported({ kind: 'exit' }))
      .when(redeem(list, pass, scan))
      .then(OK, redeemed());
  });
});

describe('properties', () => {
  const anyScan = fc.record({
    datetime: fc.constantFrom('2027-07-16T12:00:00Z', '2027-07-16T12:00:00.000001Z', '2026-01-01T00:00:00Z'),
    force: fc.boolean(),
    ignoreUnpaid: fc.boolean(),
    nonce: fc.constantFrom(null, 'n1', 'n2', 'n3'),
    questionsSupported: fc.boolean(),
    canceledSupported: fc.boolean(),
    questions: fc.constantFrom([], [question(1)], [question(1), question(2)]),
    given: fc.constantFrom([], [answer(1)], [answer(1, null)], [answer(1), answer(2, '0', true)]),
    restrictedTo: fc.constantFrom(null, new Set([3]), new Set([4])),
  });
  const anyList = fc.record({
    organizer: fc.constant('demo'),
    event: fc.constant('openair'),
    id: fc.constantFrom(1, 2),
    all_products: fc.boolean(),
    limit_products: fc.constantFrom([], [3], [4]),
    subevent: fc.constant(null),
    include_pending: fc.boolean(),
  });
  const anyTicket = fc.record({
    position: fc.constant(7),
    item: fc.constant(3),
    variation: fc.constant(null),
    date: fc.constant(null),
    status: fc.constantFrom('n', 'p', 'p', 'p', 'e', 'c'),
    canceled: fc.constantFrom(false, false, false, true),
    answered: fc.constantFrom(new Set<number>(), new Set([1])),
  });
  type Step = (history: Admissions) => { events: readonly TicketEvent[] };
  const anyStep: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.tuple(anyList, anyTicket, anyScan).map((args): Step => redeem(...args)) },
    fc.constantFrom(1, 2).map((id): Step => undo({ ...about, list: id }, 'because')),
    fc.constantFrom(1, 2).map((id): Step => autoCheckin({ ...about, list: id }, scan.datetime)),
    fc
      .array(
        fc.record({
          row: fc.constantFrom('a', 'b', 'c'),
          list: fc.constantFrom(1, 2),
          kind: fc.constantFrom('entry', 'exit'),
        }),
      )
      .map((rows): Step => importCheckins(rows.map((row) => imported(row).data))),
  );
  const run = (steps: readonly Step[]): TicketEvent[] => {
    const history: TicketEvent[] = [];
    for (const step of steps) history.push(...step(fold(ticket, history)).events);
    return history;
  };
  const anyHistory = fc.array(anyStep, { maxLength: 12 }).map(run);

  test('what let a ticket in, asked again with its nonce, writes nothing and says ok', () => {
    fc.assert(
      fc.property(anyHistory, anyList, anyTicket, anyScan, (history, on, who, attempt) => {
        const first = redeem(on, who, attempt)(fold(ticket, history));
        fc.pre(first.result.outcome === 'ok' && first.result.first && attempt.nonce !== null);
        const again = redeem(on, who, attempt)(fold(ticket, [...history, ...first.events]));
        expect(again).toEqual({ result: OK_AGAIN, events: [] });
      }),
    );
  });

  test('what was refused is refused again, for the same reason', () => {
    fc.assert(
      fc.property(anyHistory, anyList, anyTicket, anyScan, (history, on, who, attempt) => {
        const first = redeem(on, who, attempt)(fold(ticket, history));
        fc.pre(first.result.outcome !== 'ok');
        expect(first.events).toEqual([]);
        expect(redeem(on, who, attempt)(fold(ticket, [...history, ...first.events])).result).toEqual(first.result);
      }),
    );
  });

  test('force never turns ok into an error', () => {
    fc.assert(
      fc.property(anyHistory, anyList, anyTicket, anyScan, (history, on, who, attempt) => {
        const state = fold(ticket, history);
        const plain = redeem(on, who, { ...attempt, force: false })(state);
        fc.pre(plain.result.outcome === 'ok');
        expect(redeem(on, who, { ...attempt, force: true })(state)).toEqual(plain);
      }),
    );
  });

  test('one first entry per list, and another one only after an exit, until it is taken back', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const passages = new Map<number, { time: string; cameIn: boolean }[]>();
        for (const event of history) {
          if (event.type === 'AnswersGiven') continue;
          const { list: id } = event.data;
          const before = passages.get(id) ?? [];
          if (event.type === 'RedemptionUndone') {
            passages.delete(id);
            continue;
          }
          const cameIn =
            event.type === 'PositionRedeemed' || (event.type === 'CheckinImported' && event.data.kind === 'entry');
          const time = sortable(event.data.datetime);
          const at = before.filter((each) => each.time <= time).length;
          if (event.type === 'PositionRedeemed' && event.data.first) {
            expect([before[at - 1]?.cameIn, before[at]?.cameIn]).not.toContain(true);
          }
          passages.set(id, [...before.slice(0, at), { time, cameIn }, ...before.slice(at)]);
        }
      }),
    );
  });

  test('imported rows that come again change nothing', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const rows = history.flatMap((event) => (event.type === 'CheckinImported' ? [event.data] : []));
        expect(importCheckins(rows)(fold(ticket, history))).toEqual({ result: { imported: 0 }, events: [] });
      }),
    );
  });

  test('the state is plain JSON', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const state = fold(ticket, history);
        expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      }),
    );
  });
});
