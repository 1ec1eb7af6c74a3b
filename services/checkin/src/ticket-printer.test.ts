import { ApiError } from '@gatehouse/service/errors';
import { createLog } from '@gatehouse/service/log';
import { openTicketPrinter } from './ticket-printer';

const printer = openTicketPrinter(createLog('silent'));
afterAll(() => printer.close());

const batch = { layout: null, locale: 'en', title: 'Ticket' };
const ticket = { secret: 'abcdefgh', values: { order: 'ABCDE', item: 'Pass' } };
const prepare = () => Promise.resolve({ batch, ticket });
const isPdf = (bytes: Buffer) => bytes.subarray(0, 5).toString() === '%PDF-';

test('whatever happens to one ticket, the next one is printed', async () => {
  for (let n = 0; n < 5; n++) {
    await expect(printer.print(() => Promise.reject(new Error('no facts')))).rejects.toThrow('no facts');
  }
  expect(isPdf(await printer.print(prepare))).toBe(true);
});

test('a ticket whose thread has ended is answered with 503, and the next one has a new thread', async () => {
  const begun = printer.print(prepare);
  const closing = new Promise((resolve) => setImmediate(resolve)).then(() => printer.close());
  await expect(begun).rejects.toMatchObject({ status: 503, headers: { 'Retry-After': '2' } });
  await expect(begun).rejects.toBeInstanceOf(ApiError);
  await closing;
  expect(isPdf(await printer.print(prepare))).toBe(true);
});

test('two are printed at a time and 64 wait; the rest is told to come again', async () => {
  let atOnce = 0;
  let most = 0;
  const watched = async () => {
    most = Math.max(most, ++atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    atOnce--;
    return { batch, ticket };
  };
  const answers = await Promise.allSettled(Array.from({ length: 70 }, () => printer.print(watched)));
  expect(answers.map(({ status }) => status)).toEqual([...Array(66).fill('fulfilled'), ...Array(4).fill('rejected')]);
  expect(most).toBe(2);
  for (const answer of answers.slice(66)) expect(answer).toMatchObject({ reason: { status: 503 } });
});
