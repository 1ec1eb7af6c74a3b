import type { PositionExited, PositionRedeemed, TicketEvent } from '@gatehouse/events/admission';
import fc from 'fast-check';
import { fold } from './decider';
import { sortable } from './instant';
import { redeem, undo, type ListFacts, type Scan, type TicketFacts } from './redeem';
import { spec } from './spec';
import { isInsideOf, passagesAt, ticket } from './ticket';

/* Entries and exits: contract §10, 3.9. */

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
const single: ListFacts = { ...list, allow_entry_after_exit: false };
const several: ListFacts = { ...list, allow_multiple_entries: true };
const pass: TicketFacts = {
  position: 7,
  item: 3,
  variation: null,
  date: null,
  status: 'p',
  canceled: false,
  answered: new Set(),
};
const about = { organizer: 'demo', event: 'openair', list: 1, position: 7, item: 3, variation: null, date: null };
const at = (hour: number, minute = 0) =>
  `2027-07-16T${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}:00Z`;
const scan = (datetime: string, more: Partial<Scan> = {}): Scan => ({
  datetime,
  force: false,
  ignoreUnpaid: false,
  nonce: null,
  questionsSupported: true,
  canceledSupported: true,
  questions: [],
  given: [],
  restrictedTo: null,
  ...more,
});
const exit = (datetime: string, more: Partial<Scan> = {}) => scan(datetime, { kind: 'exit', ...more });

const how = (datetime: string, nonce: string | null) => ({
  ...{ auto: false, datetime, nonce, nonce_present: nonce !== null },
});
const entered = (datetime: string, more: Partial<PositionRedeemed['data']> = {}): PositionRedeemed => ({
  type: 'PositionRedeemed',
  data: { ...about, first: true, forced: false, ...how(datetime, more.nonce ?? null), ...more },
});
const left = (datetime: string, more: Partial<PositionExited['data']> = {}): PositionExited => ({
  type: 'PositionExited',
  data: { ...about, forced: false, ...how(datetime, more.nonce ?? null), ...more },
});
const OK = { outcome: 'ok', first: true } as const;
const OK_AGAIN = { outcome: 'ok', first: false } as const;
const error = (reason: string) => ({ outcome: 'error', reason }) as never;

describe('contract §10: an exit', () => {
  test('is recorded, whether or not the ticket is inside', () => {
    given(entered(at(10)))
      .when(redeem(list, pass, exit(at(11), { nonce: 'x' })))
      .then(OK, left(at(11), { nonce: 'x' }));
    given()
      .when(redeem(list, pass, exit(at(11))))
      .then(OK, left(at(11)));
  });
  test('with a nonce that an exit had is a repeat; the nonce of an entry is not', () => {
    given(entered(at(10), { nonce: 'n' }), left(at(11), { nonce: 'x' }))
      .when(redeem(list, pass, exit(at(12), { nonce: 'x' })))
      .then(OK_AGAIN);
    given(entered(at(10), { nonce: 'n' }))
      .when(redeem(list, pass, exit(at(11), { nonce: 'n' })))
      .then(OK, left(at(11), { nonce: 'n' }));
  });
  test('asks no questions, keeps no answers, heeds no rules and no validity', () => {
    const question = { id: 1, type: 'S', required: true, position: 1, options: [] };
    const answers = [{ question: 1, text: 'x', options: [], falsy: false }];
    given(entered(at(10)))
      .when(
        redeem(
          list,
          { ...pass, validUntil: at(9) },
          exit(at(11), { questions: [question], given: answers, permitted: () => false }),
        ),
      )
      .then(OK, left(at(11)));
  });
  test.each<[string, Partial<TicketFacts>, Partial<Scan>]>([
    ['canceled', { status: 'c' }, {}],
    ['unpaid', { status: 'n' }, {}],
    ['blocked', { blocked: true }, {}],
  ])('is refused as an entry is: %s', (reason, facts, more) => {
    given(entered(at(10)))
      .when(redeem(list, { ...pass, ...facts }, exit(at(11), more)))
      .then(error(reason));
  });
});

describe('contract §10: entry after exit', () => {
  test('is let in, and said to be another one', () => {
    given(entered(at(10)), left(at(11)))
      .when(redeem(list, pass, scan(at(12))))
      .then(OK, entered(at(12), { again: true }));
  });
  test('once for each exit', () => {
    given(entered(at(10)), left(at(11)), entered(at(12), { again: true }))
      .when(redeem(list, pass, scan(at(13))))
      .then(error('already_redeemed'));
  });
  test('not on a list that does not allow it, unless the ticket has never entered', () => {
    given(entered(at(10)), left(at(11)))
      .when(redeem(single, pass, scan(at(12))))
      .then(error('already_redeemed'));
    given(left(at(11)))
      .when(redeem(single, pass, scan(at(12))))
      .then(OK, entered(at(12)));
  });
  test('not by an exit at another list', () => {
    given(entered(at(10)), left(at(11), { list: 2 }))
      .when(redeem(list, pass, scan(at(12))))
      .then(error('already_redeemed'));
  });
  test('not by an exit of a clock that runs ahead', () => {
    given(entered(at(10)), left(at(15)))
      .when(redeem(list, pass, scan(at(12))))
      .then(error('already_redeemed'));
  });
  test('a forced scan of a ticket that is inside is recorded, and takes an exit before it from the next', () => {
    const repeat = entered(at(12), { first: false, forced: true });
    given(entered(at(10)))
      .when(redeem(list, pass, scan(at(12), { force: true })))
      .then(OK_AGAIN, repeat);
    given(entered(at(10)), repeat, left(at(11)))
      .when(redeem(list, pass, scan(at(13))))
      .then(error('already_redeemed'));
  });
  test('what a scanner uploads late takes its place in time', () => {
    // Offline: in at ten. Online: out at eleven. The upload comes last, and the ticket may enter again.
    const uploaded = entered(at(10));
    given(left(at(11)))
      .when(redeem(list, pass, scan(at(10), { force: true })))
      .then(OK, uploaded);
    given(left(at(11)), uploaded)
      .when(redeem(list, pass, scan(at(12))))
      .then(OK, entered(at(12), { again: true }));
  });
});

test('contract §10: a list may allow several entries; a nonce still counts once', () => {
  given(entered(at(10), { nonce: 'a' }))
    .when(redeem(several, pass, scan(at(10, 1), { nonce: 'b' })))
    .then(OK, entered(at(10, 1), { nonce: 'b', again: true }));
  given(entered(at(10), { nonce: 'a' }), entered(at(10, 1), { nonce: 'b', again: true }))
    .when(redeem(several, pass, scan(at(11), { nonce: 'a' })))
    .then(OK_AGAIN);
});

describe('contract §10: blocked, unapproved, invalid_time, rules', () => {
  const all: TicketFacts = {
    ...pass,
    blocked: true,
    unapproved: true,
    status: 'n',
    validFrom: at(11),
    validUntil: at(9),
  };
  const none = { ...list, all_products: false };
  const order: [reason: string, facts: TicketFacts, on: ListFacts][] = [
    ['canceled', { ...all, canceled: true }, none],
    ['blocked', all, none],
    ['unapproved', { ...all, blocked: false }, none],
    ['invalid_time', { ...all, blocked: false, unapproved: false }, none],
    ['product', { ...pass, status: 'n' }, none],
    ['unpaid', { ...pass, status: 'n' }, list],
    ['rules', pass, list],
  ];
  test.each(order)('%s comes in its place', (reason, facts, on) => {
    given()
      .when(redeem(on, facts, scan(at(10), { permitted: () => false })))
      .then(error(reason));
  });
  test.each<[string, Partial<TicketFacts>, Partial<Scan>]>([
    ['blocked', { blocked: true }, {}],
    ['unapproved', { unapproved: true, status: 'n' }, {}],
    ['too early', { validFrom: at(11) }, {}],
    ['too late', { validUntil: at(9) }, {}],
    ['rules', {}, { permitted: () => false }],
  ])('force overrides %s, and the event says so', (_name, facts, more) => {
    given()
      .when(redeem(list, { ...pass, ...facts }, scan(at(10), { force: true, ...more })))
      .then(OK, entered(at(10), { forced: true }));
  });
  test('a ticket is valid from its first to its last moment', () => {
    const valid = { ...pass, validFrom: at(10), validUntil: at(10) };
    given()
      .when(redeem(list, valid, scan(at(10))))
      .then(OK, entered(at(10)));
  });
  test('a pending order that is valid lets in as a paid one, once it is approved', () => {
    given()
      .when(redeem(list, { ...pass, status: 'v' }, scan(at(10))))
      .then(OK, entered(at(10)));
    given()
      .when(redeem(list, { ...pass, status: 'v', unapproved: true }, scan(at(10), { ignoreUnpaid: true })))
      .then(error('unapproved'));
  });
  test('ignore_unpaid does not let in what is not approved', () => {
    given()
      .when(
        redeem(
          { ...list, include_pending: true },
          { ...pass, status: 'n', unapproved: true },
          scan(at(10), { ignoreUnpaid: true }),
        ),
      )
      .then(error('unapproved'));
  });
  test('rules see the history, and do not refuse the repeat of what they let in', () => {
    const once = scan(at(10), { nonce: 'n', permitted: (history) => passagesAt(history, 1).length === 0 });
    given()
      .when(redeem(several, pass, once))
      .then(OK, entered(at(10), { nonce: 'n' }));
    given(entered(at(10), { nonce: 'n' }))
      .when(redeem(several, pass, once))
      .then(OK_AGAIN);
    given(entered(at(10), { nonce: 'n' }))
      .when(redeem(several, pass, { ...once, nonce: 'other' }))
      .then(error('rules'));
  });
});

describe('who is inside', () => {
  const inside = (...history: TicketEvent[]) => isInsideOf(fold(ticket, history), 1);
  test('by the last passage in order of time, not of recording', () => {
    expect(inside()).toBe(false);
    expect(inside(entered(at(10)))).toBe(true);
    expect(inside(entered(at(10)), left(at(11)))).toBe(false);
    expect(inside(left(at(11)), entered(at(10)))).toBe(false);
    expect(inside(entered(at(10)), left(at(11)), entered(at(12)))).toBe(true);
    expect(inside(entered(at(10)), left(at(11)), entered(at(12), { first: false }))).toBe(true);
    expect(inside(left(at(11)))).toBe(false);
  });
  test('nobody whose check-in was taken back', () => {
    const undone = undo(about, 'wrong gate')(fold(ticket, [entered(at(10)), left(at(11))])).events;
    expect(inside(entered(at(10)), left(at(11)), ...undone)).toBe(false);
    given(entered(at(10)), left(at(11)), ...undone)
      .when(redeem(single, pass, scan(at(12))))
      .then(OK, entered(at(12)));
  });
});

describe('properties of entries and exits', () => {
  const time = fc.integer({ min: 0, max: 8 }).map((minute) => at(10, minute));
  const nonce = fc.constantFrom(null, 'a', 'b', 'c', 'd');
  const anyScan = fc
    .record({ kind: fc.constantFrom('entry' as const, 'exit' as const), datetime: time, force: fc.boolean(), nonce })
    .map(({ datetime, ...more }) => scan(datetime, more));
  const anyList = fc.constantFrom(list, single);
  type Step = { readonly on: ListFacts; readonly attempt: Scan };
  const anySteps = fc.array(fc.record({ on: anyList, attempt: anyScan }), { maxLength: 14 });

  /** All passages in order of time, by the events alone: of equal times the one recorded later comes later. */
  const inTime = (events: readonly TicketEvent[]) =>
    events
      .map((event) => event as PositionRedeemed | PositionExited)
      .map((event, n) => ({ event, n, key: sortable(event.data.datetime) }))
      .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.n - b.n))
      .map(({ event }) => event);
  const play = (steps: readonly Step[]): TicketEvent[] => {
    const events: TicketEvent[] = [];
    for (const { on, attempt } of steps) events.push(...redeem(on, pass, attempt)(fold(ticket, events)).events);
    return events;
  };

  test('between two entries there is an exit, whatever was uploaded in which order', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        let before: PositionRedeemed | PositionExited | undefined;
        for (const event of inTime(play(steps))) {
          if (event.type === 'PositionRedeemed' && event.data.first && before?.type === 'PositionRedeemed') {
            expect(before.data.first).toBe(false);
          }
          before = event;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('who comes in without force is outside after all that is known, or never came in', () => {
    fc.assert(
      fc.property(anySteps, anyList, anyScan, (steps, on, attempt) => {
        const events = play(steps);
        const plain = { ...attempt, kind: 'entry' as const, force: false, nonce: null };
        const { result } = redeem(on, pass, plain)(fold(ticket, events));
        fc.pre(result.outcome === 'ok');
        const cameIn = events.filter(({ type }) => type === 'PositionRedeemed');
        if (cameIn.length > 0) {
          expect(on).toBe(list);
          const last = inTime(events).at(-1)!;
          expect(last.type).toBe('PositionExited');
          expect(sortable(last.data.datetime) <= sortable(attempt.datetime)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('everything asked again with its nonce writes nothing', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const events = play(steps);
        const accepted = steps.filter(({ attempt }) => attempt.nonce !== null);
        for (const { on, attempt } of accepted) {
          const known = events.some(
            ({ type, data }) =>
              type === (attempt.kind === 'exit' ? 'PositionExited' : 'PositionRedeemed') &&
              'nonce' in data &&
              data.nonce === attempt.nonce &&
              (!('first' in data) || data.first),
          );
          if (known) expect(redeem(on, pass, attempt)(fold(ticket, events)).events).toEqual([]);
        }
      }),
    );
  });

  test('an upload that comes again writes nothing, whatever it was and whatever came in between', () => {
    fc.assert(
      fc.property(anySteps, anySteps, anyList, anyScan, (before, between, on, attempt) => {
        const upload = { ...attempt, force: true, isUpload: true, nonce: 'upload' };
        const events = play([...before, { on, attempt: upload }, ...between]);
        expect(redeem(on, pass, upload)(fold(ticket, events))).toEqual({ result: OK_AGAIN, events: [] });
      }),
    );
  });

  test('who is inside follows from the last passage, however many there were', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const events = play(steps);
        expect(isInsideOf(fold(ticket, events), 1)).toBe(inTime(events).at(-1)?.type === 'PositionRedeemed');
      }),
    );
  });

  test('a thousand exits in a row do not fill the state', () => {
    const exits = Array.from({ length: 1_000 }, (_, n) => left(at(11, n % 60)));
    expect(passagesAt(fold(ticket, [entered(at(10)), ...exits]), 1)).toHaveLength(3);
  });
});
