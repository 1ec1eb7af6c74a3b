import { checkin } from '@gatehouse/checkin/service';
import { reference } from '@gatehouse/reference-service/service';
import { sync } from '@gatehouse/sync-service/service';
import { syncContext } from '@gatehouse/sync/context';
import { verifyReadModel } from '@gatehouse/eventing/read-model';
import { REAL_EXPORT, realFile, realToken } from '@gatehouse/test-support/real-export';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* Answers given at gates (contract §2.3, §2.4) in the orders that a scanner copies (issue 14). */

type Answer = Record<string, unknown> & { question: number; answer: string };
type Position = Record<string, unknown> & { id: number; item: number; answers: Answer[]; checkins: object[] };
type Order = Record<string, unknown> & { code: string; status: string; testmode: boolean; positions: Position[] };

let system: System;
let token: string;
const sent = realFile<Order[]>('events/openair/orders.ndjson');
beforeAll(async () => {
  system = await startSystem([checkin, sync, reference]);
  await system.import(REAL_EXPORT);
  token = realToken();
});
afterAll(() => system.close());

const OPENAIR = '/api/v1/organizers/demo/events/openair/';
const [MAIN, SINGLE, BOX_OFFICE] = [1, 5, 3];
/** Asked at check-in; and one that is not. */
const [MEAL, BAND] = [2, 4];

/** A pass that was never scanned, whose buyer has answered the question that is asked at check-in, and another one. */
const order = sent.find(
  ({ status, testmode, positions: [first] }) =>
    status === 'p' &&
    !testmode &&
    first?.item === 1 &&
    !first['canceled'] &&
    first['blocked'] === null &&
    first['valid_from'] === null &&
    first['valid_until'] === null &&
    first.checkins.length === 0 &&
    first.answers.some(({ question }) => question === MEAL) &&
    first.answers.some(({ question }) => question !== MEAL),
)!;
const ticket = order.positions[0]!;

const redeem = async (list: number, answers: Readonly<Record<string, unknown>>) => {
  const target = `${OPENAIR}checkinlists/${list}/positions/${ticket.id}/redeem/`;
  const { status } = await system.call('POST', target, { token, json: { force: true, answers } });
  expect(status).toBe(201);
  await system.settled();
};
async function copied(): Promise<Position> {
  const { body } = await system.call('GET', `${OPENAIR}orders/?code=${order.code}`, { token });
  return (body as { results: Order[] }).results[0]!.positions.find(({ id }) => id === ticket.id)!;
}
/** What a scanner that is online sees of the ticket. */
async function online(): Promise<Answer[]> {
  const { body } = await system.call('GET', `${OPENAIR}checkinlists/${MAIN}/positions/${ticket.id}/`, { token });
  return (body as Position).answers;
}
const answerTo = ({ answers }: Position, id: number) => answers.find(({ question }) => question === id);
const generated = async () =>
  (await system.call('GET', `${OPENAIR}orders/?page_size=1`, { token })).headers['x-page-generated']!;

test('the answers of the buyer stay as the shop sent them', async () => {
  expect((await copied()).answers).toEqual(ticket.answers);
});

test('an answer at a gate replaces them for its question, with the identifiers of question and options', async () => {
  const before = await generated();
  await redeem(MAIN, { [MEAL]: '3', [BAND]: 'ignored' });
  const shown = await copied();
  expect(answerTo(shown, MEAL)).toEqual({
    ...{ question: MEAL, answer: expect.stringMatching(/./) as string, question_identifier: 'MEAL' },
    ...{ options: [3], option_identifiers: ['MEALFISH'] },
  });
  const kept = ticket.answers.filter(({ question }) => question !== MEAL);
  expect(kept.length).toBeGreaterThan(0);
  expect(shown.answers).toEqual(expect.arrayContaining(kept));
  expect(shown.answers).toEqual(await online());
  // It is news to a scanner.
  const { body } = await system.call('GET', `${OPENAIR}orders/?modified_since=${encodeURIComponent(before)}`, {
    token,
  });
  expect((body as { results: Order[] }).results.map(({ code }) => code)).toEqual([order.code]);
});

test('or takes it back, and the next gate answers again', async () => {
  await redeem(SINGLE, { [MEAL]: '' });
  const without = await copied();
  expect(answerTo(without, MEAL)).toBeUndefined();
  expect(without.answers).toEqual(await online());
  await redeem(BOX_OFFICE, { [MEAL]: 'MEALVEGAN' });
  const shown = await copied();
  expect(answerTo(shown, MEAL)).toMatchObject({ options: [1], option_identifiers: ['MEALVEGAN'] });
  expect(shown.answers).toEqual(await online());
});

test('stands when the shop states the order anew, as it does at the gates', async () => {
  const answers = [
    ...ticket.answers.filter(({ question }) => question !== BAND),
    { question: BAND, answer: 'Anew', question_identifier: 'BAND', options: [], option_identifiers: [] },
  ];
  await system.import({
    'organizer.json': realFile('organizer.json'),
    'events/openair/event.json': realFile('events/openair/event.json'),
    'events/openair/settings.json': realFile('events/openair/settings.json'),
    'events/openair/orders.ndjson': [{ ...order, positions: [{ ...ticket, answers }, ...order.positions.slice(1)] }],
  });
  const shown = await copied();
  expect(answerTo(shown, BAND)).toMatchObject({ answer: 'Anew' });
  expect(answerTo(shown, MEAL)).toMatchObject({ options: [1] });
  expect(shown.answers).toEqual(await online());
});

test('a question that is renamed is named so in copied answers, too', async () => {
  const questions = realFile<{ id: number }[]>('events/openair/questions.json');
  await system.import({
    'organizer.json': realFile('organizer.json'),
    'events/openair/event.json': realFile('events/openair/event.json'),
    'events/openair/settings.json': realFile('events/openair/settings.json'),
    'events/openair/questions.json': questions.map((each) =>
      each.id === MEAL ? { ...each, identifier: 'DISH' } : each,
    ),
  });
  expect(answerTo(await copied(), MEAL)).toMatchObject({ question_identifier: 'DISH', options: [1] });
});

test('the read models equal a replay of history', async () => {
  for (const model of syncContext.readModels) {
    expect([model.name, await verifyReadModel(model, system.feedsOf('sync'), () => undefined)]).toEqual([
      model.name,
      [],
    ]);
  }
});
