import { checkin } from '@gatehouse/checkin/service';
import {
  LISTS,
  QUESTIONS,
  SURVEY,
  TOKENS,
  TWO_QUESTIONS,
  festival,
  type Asked,
  type QuestionType,
} from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { scan, ticketOffice, summaries, type FreshTicket, type Scanned, type Shown } from './scans';

/* Questions at check-in over REST: contract §2.3 (parsing of answers) and §2.4 (what is stored). */

let system: System;
const office = ticketOffice(50_000);

type Stored = string | readonly [text: string, ...options: number[]];
/** Given, but nothing is stored. */
const NOTHING = Symbol('nothing');
/** Not given: the question is still asked. */
const ASKED = Symbol('asked');
type Result = Stored | typeof NOTHING | typeof ASKED;

const [c1, c2, c3] = QUESTIONS.C.optional.options as [number, number, number];
const [m1, m2, m3] = QUESTIONS.M.optional.options as [number, number, number];
const [otherOption] = QUESTIONS.M.required.options as [number];
const day = (sent: string) => [sent, '2027-07-18'] as const;
const at = (sent: string, stored: string) => [sent, stored] as const;

/** The results of answers to optional questions of each type. The event is in Berlin, the language English. */
const ANSWERS: Readonly<Record<QuestionType, readonly (readonly [sent: unknown, result: Result])[]>> = {
  N: [
    ['3.24', '3.24'],
    ['3.240', '3.240'],
    ['-5', '-5'],
    [' 7 ', '7'],
    [3, '3'],
    [3.24, '3.24'],
    ['3,24', ASKED],
    ['many', ASKED],
    ['1e5', ASKED],
    ['NaN', ASKED],
    [true, ASKED],
    [['3'], ASKED],
    [{ a: 3 }, ASKED],
    ['0', NOTHING],
    ['0.00', NOTHING],
    [0, NOTHING],
  ],
  S: [
    ['XS', 'XS'],
    ['  spaced  ', '  spaced  '],
    ['Ærø 🎪', 'Ærø 🎪'],
    [5, '5'],
    [true, 'True'],
    [['a', 1], '["a",1]'],
  ],
  T: [
    ['none\nreally', 'none\nreally'],
    ['x'.repeat(5000), 'x'.repeat(5000)],
  ],
  B: [
    ['true', 'True'],
    ['True', 'True'],
    [true, 'True'],
    ['false', NOTHING],
    [false, NOTHING],
    ['TRUE', NOTHING],
    ['1', NOTHING],
    [1, NOTHING],
    ['anything', NOTHING],
  ],
  C: [
    [String(c1), ['Small', c1]],
    [c2, ['Medium', c2]],
    [`OPT${c3}`, ['Large', c3]],
    ['Small', ASKED],
    [`opt${c3}`, ASKED],
    ['999999', ASKED],
    [String(m1), ASKED],
    [`${c1},${c2}`, ASKED],
    [[c1], ASKED],
    [true, ASKED],
  ],
  M: [
    [String(m1), ['Small', m1]],
    [`${m3},${m1}`, ['Small, Large', m1, m3]],
    [`${m3}, ${m1}`, ['Small, Large', m1, m3]],
    [
      [m2, m1],
      ['Small, Medium', m1, m2],
    ],
    [
      [`OPT${m2}`, String(m3), m3],
      ['Medium, Large', m2, m3],
    ],
    [`OPT${m1},OPT${m2}`, ['Small, Medium', m1, m2]],
    [m2, ['Medium', m2]],
    [`${m1},999999`, ASKED],
    [`${m1},${otherOption}`, ASKED],
    [`${m1},x`, ASKED],
    [`${m1},`, ASKED],
    [[m1, null], ASKED],
    [[[m1]], ASKED],
    [{ a: m1 }, ASKED],
  ],
  F: [
    ['file:3fa85f64', 'file:3fa85f64'],
    ['anything', 'anything'],
  ],
  D: [
    ...['2027-07-18', '18.07.2027', '18.7.2027', '07/18/2027', '7/18/2027', '18 July 2027', 'July 18, 2027'].map(day),
    ...['18 Jul 2027', '2027-07-18T20:00', '2027-07-18T20:00:00Z', '18 July 2027 20:00'].map(day),
    ['2027-02-29', ASKED],
    ['31.06.2027', ASKED],
    ['soon', ASKED],
    ['2027', ASKED],
    [20270718.5, ASKED],
    [['2027-07-18'], ASKED],
  ],
  H: [
    at('18:30', '18:30:00'),
    at('18:30:15', '18:30:15'),
    at('6pm', '18:00:00'),
    at('6:30 PM', '18:30:00'),
    at('12am', '00:00:00'),
    at('00:00', '00:00:00'),
    ['25:00', ASKED],
    ['18:61', ASKED],
    ['noon-ish', ASKED],
    ['18', ASKED],
  ],
  W: [
    at('2027-07-18T20:00:00Z', '2027-07-18 20:00:00+00:00'),
    at('2027-07-18T20:00:00+02:00', '2027-07-18 20:00:00+02:00'),
    at('2027-07-18T20:00:00-05:30', '2027-07-18 20:00:00-05:30'),
    // Without a zone it is the event's, in summer and in winter.
    at('2027-07-18T20:00', '2027-07-18 20:00:00+02:00'),
    at('2027-12-18 20:00:30', '2027-12-18 20:00:30+01:00'),
    at('18 July 2027 20:00', '2027-07-18 20:00:00+02:00'),
    at('18.07.2027 20:00', '2027-07-18 20:00:00+02:00'),
    at('07/18/2027 8pm', '2027-07-18 20:00:00+02:00'),
    at('2027-07-18', '2027-07-18 00:00:00+02:00'),
    ['20:00', ASKED],
    ['2027-13-18T20:00', ASKED],
    ['later', ASKED],
  ],
  CC: [
    ['DE', 'DE'],
    ['de', 'de'],
    ['dE', 'dE'],
    ['XX', ASKED],
    ['DEU', ASKED],
    ['Germany', ASKED],
    [49, ASKED],
  ],
  TEL: [
    ['+49 30 1234', '+49 30 1234'],
    ['call me', 'call me'],
  ],
};

/** Falsy answers: given, whatever the type, but not sufficient for a required question. */
const FALSY = ['', null, false, 0, [], {}];

type Case = { name: string; asked: Asked; ticket: FreshTicket; sent: unknown; result: Result };
const cases: Case[] = [];
for (const [type, answers] of Object.entries(ANSWERS) as [QuestionType, (typeof ANSWERS)[QuestionType]][]) {
  const put = (required: boolean, sent: unknown, result: Result) => {
    const asked = QUESTIONS[type][required ? 'required' : 'optional'];
    const shown = JSON.stringify(sent).slice(0, 60);
    const becomes = typeof result === 'symbol' ? result.description : JSON.stringify(result).slice(0, 60);
    const name = `${type}${required ? ' required' : ''}: ${shown} is ${becomes}`;
    cases.push({ name, asked, ticket: office.ticket({ item: asked.item }), sent, result });
  };
  for (const [sent, result] of answers) put(false, sent, result);
  for (const sent of FALSY) {
    put(false, sent, NOTHING);
    put(true, sent, ASKED);
  }
  if (type === 'B') {
    put(true, 'True', 'True');
    put(true, 'yes', ASKED);
    put(true, 'false', ASKED);
  } else if (type === 'N') put(true, '0', NOTHING);
  else if (type === 'S') put(true, 'XS', 'XS');
}

const german = {
  number: office.ticket({ item: QUESTIONS.N.optional.item }),
  choice: office.ticket({ item: QUESTIONS.C.optional.item }),
};
const bought = (asked: Asked, answer: string, options: readonly number[] = []) =>
  office.ticket({
    item: asked.item,
    answers: [
      {
        question: asked.question,
        answer,
        question_identifier: asked.identifier,
        options,
        option_identifiers: options.map((option) => `OPT${option}`),
      },
    ],
  });
const { S, B, N, M } = QUESTIONS;
const t = {
  answered: bought(S.required, 'XS'),
  replaced: bought(S.optional, 'XS'),
  cleared: bought(S.optional, 'XS'),
  falsified: bought(B.optional, 'True'),
  zeroed: bought(N.optional, '3'),
  emptied: bought(M.optional, 'Small', [M.optional.options[0]!]),
  unset: office.ticket({ item: B.optional.item }),
  refused: bought(S.required, 'XS'),
  unsupported: office.ticket({ item: S.required.item }),
  forced: office.ticket({ item: S.required.item }),
  forcedRepeat: office.ticket({ item: S.optional.item }),
  nonce: office.ticket({ item: S.optional.item }),
  notAnObject: [[], 'x', 7, true, null, undefined].map((answers) => ({
    answers,
    ticket: office.ticket({ item: S.optional.item }),
  })),
  long: office.ticket({ item: S.optional.item }),
};

const redeem = (ticket: FreshTicket, json: unknown, list: number = LISTS.survey): Promise<Scanned> =>
  scan(system, { event: SURVEY, list, ticket: ticket.id }, { token: TOKENS.admin, json });

async function shown(ticket: FreshTicket): Promise<Shown['answers']> {
  const target = `${SURVEY}checkinlists/${LISTS.survey}/positions/${ticket.id}/`;
  return ((await system.call('GET', target, { token: TOKENS.viewer })).body as Shown).answers;
}

async function secondList(): Promise<number> {
  const json = { name: 'Second gate' };
  return ((await system.call('POST', `${SURVEY}checkinlists/`, { token: TOKENS.admin, json })).body as { id: number })
    .id;
}

const answerTo = ({ question, identifier }: Asked, [text, ...options]: readonly [string, ...number[]]) => ({
  question,
  answer: text,
  question_identifier: identifier,
  options,
  option_identifiers: options.map((option) => `OPT${option}`),
});

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(office.addTo(festival(), 'survey'));
});
afterAll(() => system.close());

describe('§2.3: how an answer is read', () => {
  test.each(cases)('$name', async ({ asked, ticket, sent, result }) => {
    const scanned = await redeem(ticket, { answers: { [asked.question]: sent } });
    if (result === ASKED) {
      expect(scanned).toMatchObject({
        status: 400,
        body: { status: 'incomplete', questions: [{ id: asked.question }] },
      });
      expect(summaries(scanned.events)).toEqual(['refused: incomplete']);
      expect(await shown(ticket)).toEqual([]);
      return;
    }
    expect(scanned).toMatchObject({ status: 201, body: { status: 'ok', position: { answers: [] } } });
    if (typeof result === 'symbol') {
      expect(summaries(scanned.events)).toEqual(['entry']);
      expect(await shown(ticket)).toEqual([]);
      return;
    }
    const stored = typeof result === 'string' ? ([result] as const) : result;
    expect(summaries(scanned.events)).toEqual(['entry', 'AnswersGiven']);
    expect(scanned.events[1]!.data).toMatchObject({
      position: ticket.id,
      questions: [asked.question],
      answers: [{ question: asked.question, answer: stored[0], options: stored.slice(1) }],
    });
    expect(await shown(ticket)).toEqual([answerTo(asked, stored)]);
  });

  test('an integer beyond every number', async () => {
    const body = `{"answers":{"${S.optional.question}":123456789012345678901234567890}}`;
    const target = `${SURVEY}checkinlists/${LISTS.survey}/positions/${t.long.id}/redeem/`;
    const headers = { 'content-type': 'application/json' };
    expect((await system.call('POST', target, { token: TOKENS.admin, headers, body })).status).toBe(201);
    expect(await shown(t.long)).toMatchObject([{ answer: '123456789012345678901234567890' }]);
  });

  test('a comma separates decimals where the language does it, and options are written in the language', async () => {
    const ask = (ticket: FreshTicket, question: number, answer: unknown) =>
      scan(
        system,
        { event: SURVEY, list: LISTS.survey, ticket: ticket.id },
        { token: TOKENS.admin, json: { answers: { [question]: answer } }, headers: { 'accept-language': 'de' } },
      );
    await ask(german.number, N.optional.question, '3,240');
    expect(await shown(german.number)).toMatchObject([{ answer: '3.240' }]);
    await ask(german.choice, QUESTIONS.C.optional.question, c1);
    expect(await shown(german.choice)).toMatchObject([{ answer: 'Klein', options: [c1] }]);
  });

  test.each(t.notAnObject)('answers $answers are as if absent', async ({ answers, ticket }) => {
    expect(await redeem(ticket, { answers })).toMatchObject({ status: 400, body: { status: 'incomplete' } });
  });

  test.each([
    ['a\u0000b', 'Null characters are not allowed.'],
    ['\ud800', 'Surrogate characters are not allowed: U+D800.'],
  ])('%j cannot be kept: 400', async (answer, message) => {
    const { status, body, events } = await redeem(t.refused, { answers: { [S.required.question]: answer } });
    expect({ status, body, events }).toEqual({ status: 400, body: { answers: [message] }, events: [] });
  });
});

describe('§2.5, step 2: which questions are missing', () => {
  const { ticket, first, second } = TWO_QUESTIONS;
  const missing = async (answers: unknown) =>
    (await redeem({ ...ticket, code: ticket.order }, { answers })).body.questions?.map(({ id }) => id);

  test('those of the product that are asked at check-in, optional ones, too, in the order position, id', async () => {
    expect(await missing({})).toEqual([first, second]);
    expect(await missing({ [first]: 'x' })).toEqual([second]);
    expect(await missing({ [second]: 'false' })).toEqual([first]);
    expect(await missing({ [first]: '', [second]: 'true' })).toEqual([first]);
    expect(await missing({ 999999: 'x', 392: 'x', x: 1 })).toEqual([first, second]);
  });

  test('answers that came with an incomplete scan are not kept', async () => {
    await missing({ [first]: 'kept?' });
    expect(await shown({ ...ticket, code: '' })).toEqual([]);
    expect(await missing({})).toEqual([first, second]);
  });

  test('a question that the buyer has answered is not asked', async () => {
    expect(await redeem(t.answered, {})).toMatchObject({ status: 201 });
  });

  test('the question as it is sent: its keys in order, its options in theirs', async () => {
    const { C } = QUESTIONS;
    const { body } = await redeem({ ...C.required.ticket, code: '' }, {});
    const [question] = body.questions as unknown as [Record<string, unknown>];
    expect(Object.keys(question).join(' ')).toBe(
      'id question type required items options position ask_during_checkin identifier dependency_question dependency_values hidden dependency_value print_on_invoice',
    );
    const [small, medium, large] = C.required.options;
    expect(question).toEqual({
      id: C.required.question,
      question: { en: `Question ${C.required.question}?`, de: `Frage ${C.required.question}?` },
      type: 'C',
      required: true,
      items: [C.required.item],
      options: [
        { id: small, identifier: `OPT${small}`, answer: { en: 'Small', de: 'Klein' }, position: 0 },
        { id: medium, identifier: `OPT${medium}`, answer: { en: 'Medium' }, position: 1 },
        { id: large, identifier: `OPT${large}`, answer: { en: 'Large' }, position: 2 },
      ],
      position: 0,
      ask_during_checkin: true,
      identifier: C.required.identifier,
      dependency_question: null,
      dependency_values: [],
      hidden: false,
      dependency_value: null,
      print_on_invoice: false,
    });
  });
});

describe('§2.4: what is kept', () => {
  const replace = (ticket: FreshTicket, { question }: Asked, answer: unknown, more: object = {}) =>
    redeem(ticket, { answers: { [question]: answer }, ...more });

  test('an earlier answer is replaced', async () => {
    expect((await replace(t.replaced, S.optional, 'XL')).body.position?.answers).toMatchObject([{ answer: 'XS' }]);
    expect(await shown(t.replaced)).toEqual([answerTo(S.optional, ['XL'])]);
  });
  test('no answer over an earlier one deletes it, and the question is asked again', async () => {
    const { events } = await replace(t.cleared, S.optional, '');
    expect(events[1]!.data).toMatchObject({ answers: [{ question: S.optional.question, answer: null, options: [] }] });
    expect(await shown(t.cleared)).toEqual([]);
    expect(await redeem(t.cleared, {}, await secondList())).toMatchObject({
      status: 400,
      body: { status: 'incomplete' },
    });
  });
  test('false over an earlier answer is stored', async () => {
    await replace(t.falsified, B.optional, 'false');
    expect(await shown(t.falsified)).toEqual([answerTo(B.optional, ['False'])]);
  });
  test('zero over an earlier answer is stored', async () => {
    await replace(t.zeroed, N.optional, '0');
    expect(await shown(t.zeroed)).toEqual([answerTo(N.optional, ['0'])]);
  });
  test('no option over earlier ones deletes them', async () => {
    await replace(t.emptied, M.optional, '');
    expect(await shown(t.emptied)).toEqual([]);
  });
  test('false without an earlier answer is not stored and asked again on the next list', async () => {
    expect(await replace(t.unset, B.optional, 'false')).toMatchObject({ status: 201 });
    expect(await redeem(t.unset, {}, await secondList())).toMatchObject({
      status: 400,
      body: { status: 'incomplete' },
    });
  });
  test('answers of a refused scan are not kept, those of one that questions do not concern are', async () => {
    expect(await replace(t.refused, S.required, 'first')).toMatchObject({ status: 201 });
    const refused = await replace(t.refused, S.required, 'second');
    expect(summaries(refused.events)).toEqual(['refused: already_redeemed']);
    expect(await shown(t.refused)).toMatchObject([{ answer: 'first' }]);
    expect(await replace(t.unsupported, S.required, 'unasked', { questions_supported: false })).toMatchObject({
      status: 201,
    });
    expect(await shown(t.unsupported)).toMatchObject([{ answer: 'unasked' }]);
  });
  test('force lets in without answers, and keeps those that are given', async () => {
    const { events } = await redeem(t.forced, { force: true, answers: { [S.required.question]: '' } });
    expect(summaries(events)).toEqual(['entry, forced']);
    expect(await shown(t.forced)).toEqual([]);
    expect(summaries((await replace(t.forced, S.required, 'late', { force: true })).events)).toEqual([
      'repeat, forced',
      'AnswersGiven',
    ]);
    expect(await shown(t.forced)).toMatchObject([{ answer: 'late' }]);
  });
  test('a nonce repeat writes nothing, its answers included', async () => {
    await replace(t.nonce, S.optional, 'first', { nonce: 'n' });
    const again = await replace(t.nonce, S.optional, 'second', { nonce: 'n' });
    expect({ status: again.status, events: again.events }).toEqual({ status: 201, events: [] });
    expect(await shown(t.nonce)).toMatchObject([{ answer: 'first' }]);
  });
  test('answers given here stand beside a later import, question by question', async () => {
    await system.import(office.addTo(festival(), 'survey'));
    expect(await shown(t.replaced)).toEqual([answerTo(S.optional, ['XL'])]);
  });
});
