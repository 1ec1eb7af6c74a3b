import { cart } from '@gatehouse/cart/service';
import { cartShop, DEVICE, HALL, ITEMS, OPTIONS, QUESTIONS, TOKENS } from '@gatehouse/test-support/cart-shop';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* The answers of a cart position: contract §8.3, "Answer rules". */

let system: System;
beforeAll(async () => {
  system = await startSystem([cart]);
  await system.import(cartShop());
});
afterAll(() => system.close());

const PASS = { item: ITEMS.pass, price: '10.00' };
const create = (answers: unknown, headers: Record<string, string> = {}) =>
  system.call('POST', `${HALL}cartpositions/`, { token: TOKENS.admin, json: { ...PASS, answers }, headers });
const pk = (id: unknown) => [`Invalid pk "${String(id)}" - object does not exist.`];
const REQUIRED = ['This field is required.'];
const wrong = (...texts: string[]) => ({ non_field_errors: texts });
const BAD_OPTION = wrong('The specified option does not belong to this question.');
const OPTIONLESS = wrong('You should not specify options if the question is not of a choice type.');

describe('contract §8.3 answers that are refused', () => {
  test.each<[what: string, answer: unknown, error: unknown]>([
    ['nothing', {}, { question: REQUIRED, answer: REQUIRED }],
    ['no object', 'x', wrong('Invalid data. Expected a dictionary, but got str.')],
    ['null', null, wrong('Invalid data. Expected a dictionary, but got NoneType.')],
    ['an unknown question', { question: 99999, answer: 'x' }, { question: pk(99999) }],
    ["another organizer's", { question: QUESTIONS.fair, answer: 'x' }, { question: pk(QUESTIONS.fair) }],
    [
      "another event's",
      { question: QUESTIONS.night, answer: 'x', options: [OPTIONS.night] },
      { question: ['The specified question does not belong to this event.'] },
    ],
    ['no answer to a choice', { question: QUESTIONS.C, options: [OPTIONS.C[0]] }, { answer: REQUIRED }],
    ['a blank answer', { question: QUESTIONS.S, answer: ' ' }, { answer: ['This field may not be blank.'] }],
    ['a boolean for a text', { question: QUESTIONS.S, answer: true }, { answer: ['Not a valid string.'] }],
    ['NUL', { question: QUESTIONS.S, answer: 'a\u0000' }, { answer: ['Null characters are not allowed.'] }],
    [
      'options that are no list',
      { question: QUESTIONS.C, answer: 'x', options: 'a' },
      { options: ['Expected a list of items but got type "str".'] },
    ],
    ['an unknown option', { question: QUESTIONS.C, answer: 'x', options: [99999] }, { options: pk(99999) }],
    [
      "an option of another organizer's",
      { question: QUESTIONS.C, answer: 'x', options: [OPTIONS.fair] },
      { options: pk(OPTIONS.fair) },
    ],
    [
      'C without options',
      { question: QUESTIONS.C, answer: 'x' },
      wrong('You need to specify options if the question is of a choice type.'),
    ],
    [
      'M without options',
      { question: QUESTIONS.M, answer: 'x', options: [] },
      wrong('You need to specify options if the question is of a choice type.'),
    ],
    [
      'C with two options, which are not its own either',
      { question: QUESTIONS.C, answer: 'x', options: OPTIONS.M.slice(0, 2) },
      wrong('You can specify at most one option for this question.'),
    ],
    ["C with M's option", { question: QUESTIONS.C, answer: 'x', options: [OPTIONS.M[0]] }, BAD_OPTION],
    ["M with one of C's", { question: QUESTIONS.M, answer: 'x', options: [OPTIONS.M[0], OPTIONS.C[0]] }, BAD_OPTION],
    ["M with another event's", { question: QUESTIONS.M, answer: 'x', options: [OPTIONS.night] }, BAD_OPTION],
    ...(['B', 'N', 'S', 'T', 'D', 'H', 'W', 'CC', 'TEL'] as const).map((type): [string, unknown, unknown] => [
      `${type} with an option`,
      { question: QUESTIONS[type], answer: 'x', options: [OPTIONS.C[0]] },
      OPTIONLESS,
    ]),
    ['B', { question: QUESTIONS.B, answer: 'maybe' }, wrong('Please specify "true" or "false" for boolean questions.')],
    ['N', { question: QUESTIONS.N, answer: 'big' }, wrong('A valid number is required.')],
    [
      'N with many digits',
      { question: QUESTIONS.N, answer: '1'.repeat(51) },
      wrong('Ensure that there are no more than 50 digits in total.'),
    ],
    [
      'N with many places',
      { question: QUESTIONS.N, answer: `0.${'1'.repeat(26)}` },
      wrong('Ensure that there are no more than 25 decimal places.'),
    ],
    [
      'D',
      { question: QUESTIONS.D, answer: '28.02.1990' },
      wrong('Date has wrong format. Use one of these formats instead: YYYY-MM-DD.'),
    ],
    [
      'H',
      { question: QUESTIONS.H, answer: 'late' },
      wrong('Time has wrong format. Use one of these formats instead: hh:mm[:ss[.uuuuuu]].'),
    ],
    [
      'W',
      { question: QUESTIONS.W, answer: '2027-07-17' },
      wrong(
        'Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].',
      ),
    ],
    ['F that is no upload', { question: QUESTIONS.F, answer: 'file:nosuch' }, wrong('“nosuch” is not a valid UUID.')],
    ['F without its beginning', { question: QUESTIONS.F, answer: 'x.png' }, wrong('“” is not a valid UUID.')],
    [
      'F that nobody has uploaded',
      { question: QUESTIONS.F, answer: 'file:3e4c1f0a-1111-4222-8333-444455556666' },
      wrong('The submitted file ID "file:3e4c1f0a-1111-4222-8333-444455556666" was not found.'),
    ],
  ])('%s', async (_what, answer, error) => {
    const good = { question: QUESTIONS.T, answer: 'x' };
    expect(await create([good, answer])).toMatchObject({ status: 400, body: { answers: [{}, error] } });
  });

  test('beside errors of other fields', async () => {
    const json = { item: ITEMS.pass, answers: [{ question: QUESTIONS.B, answer: 'maybe' }] };
    const answer = await system.call('POST', `${HALL}cartpositions/`, { token: TOKENS.admin, json });
    expect(answer.body).toEqual({
      price: REQUIRED,
      answers: [wrong('Please specify "true" or "false" for boolean questions.')],
    });
  });

  test('two for one question, on which the reference crashes', async () => {
    const twice = [1, 2].map((answer) => ({ question: QUESTIONS.S, answer }));
    expect(await create(twice)).toMatchObject({
      status: 400,
      body: { answers: ['A question can be answered only once.'] },
    });
  });
});

describe('contract §8.3 answers that are taken', () => {
  test.each<[type: keyof typeof QUESTIONS, sent: object, shown: string, options?: number[]]>([
    ['B', { answer: 'true' }, 'True'],
    ['B', { answer: 1 }, 'True'],
    ['B', { answer: 'FALSE' }, 'False'],
    ['B', { answer: '0' }, 'False'],
    ['N', { answer: ' 3.240 ' }, '3.240'],
    ['N', { answer: 43 }, '43'],
    ['S', { answer: ' a b ' }, 'a b'],
    ['T', { answer: 'a\nb' }, 'a\nb'],
    ['D', { answer: '1990-02-28' }, '1990-02-28'],
    ['H', { answer: '18:30' }, '18:30:00'],
    ['H', { answer: '18:30:01.5' }, '18:30:01.500000'],
    ['W', { answer: '2018-05-14T15:00:00+02:00' }, '2018-05-14 13:00:00+00:00'],
    ['W', { answer: '2018-05-14 13:00' }, '2018-05-14 13:00:00+00:00'],
    ['CC', { answer: 'XX' }, 'XX'],
    ['TEL', { answer: '123' }, '123'],
    ['C', { answer: 'anything', options: [402] }, 'Fish', [402]],
    ['C', { answer: 'x', options: ['402'] }, 'Fish', [402]],
    ['M', { answer: 'x', options: [413, 411] }, 'Three, One', [413, 411]],
    ['S', { answer: 'x', options: [], foo: 1 }, 'x'],
  ])('%s %j', async (type, sent, shown, options = []) => {
    const answer = await create([{ question: QUESTIONS[type], ...sent }]);
    expect(answer.status).toBe(201);
    expect((answer.body as { answers: unknown }).answers).toEqual([
      {
        question: QUESTIONS[type],
        answer: shown,
        question_identifier: `Q${type}${QUESTIONS[type]}`,
        options,
        option_identifiers: options.map((id) => `O${id}`),
      },
    ]);
  });

  test('contract §1.5 a choice is written in the language of the request', async () => {
    const answer = await create([{ question: QUESTIONS.M, answer: 'x', options: OPTIONS.M }], {
      'accept-language': 'de-AT',
    });
    expect(answer.body).toMatchObject({ answers: [{ answer: 'Eins, Zwei, Drei' }] });
  });

  test('required questions need no answer, and others may be answered', async () => {
    expect((await create([])).status).toBe(201);
    expect((await create([{ question: QUESTIONS.S, answer: 'x' }])).status).toBe(201);
  });
});

describe('contract §8.8 a file that was uploaded', () => {
  async function upload(authorization: string): Promise<string> {
    const answer = await system.call('POST', '/api/v1/upload', {
      body: Buffer.from([0x89, 0x50]),
      headers: { authorization, 'content-type': 'image/jpeg', 'content-disposition': 'attachment; filename="a.jpeg"' },
    });
    return (answer.body as { id: string }).id;
  }
  const notFound = (id: string) => ({
    status: 400,
    body: { answers: [wrong(`The submitted file ID "${id}" was not found.`)] },
  });
  const withFile = (answer: string) => create([{ question: QUESTIONS.F, answer, options: [] }]);

  test('is an answer, whose internal name is shown', async () => {
    const id = await upload(`Token ${TOKENS.admin}`);
    const uuid = id.slice('file:'.length);
    const shown = `file://uploads/${uuid}.jpeg`;
    for (const answer of [id, id.toUpperCase(), `file:{${uuid}}`, `file:${uuid.replaceAll('-', '')}`]) {
      expect(await withFile(answer)).toMatchObject({
        status: 201,
        body: { answers: [{ answer: shown, options: [] }] },
      });
    }
  });

  test("is nobody else's", async () => {
    for (const authorization of [`Token ${TOKENS.viewer}`, `Device ${DEVICE}`, `Token ${TOKENS.other}`]) {
      const id = await upload(authorization);
      expect(await withFile(id)).toMatchObject(notFound(id));
    }
  });

  test('is gone after its time', async () => {
    const id = await upload(`Token ${TOKENS.admin}`);
    await system.pool.query("update uploads set expires = now() - interval '1 second' where id = $1", [id.slice(5)]);
    expect(await withFile(id)).toMatchObject(notFound(id));
  });
});
