import { settledWithin, within } from './within';

const never = new Promise<never>(() => undefined);
const failing = () => Promise.reject(new Error('broken'));
const tooLate = () => {
  throw new Error('too late');
};

test('what is in time is passed on, its failure too', async () => {
  expect(await within(60_000, Promise.resolve(1), tooLate)).toBe(1);
  await expect(within(60_000, failing(), () => 2)).rejects.toThrow('broken');
});

test('what is late is told by the caller, and its own failure is nobody’s', async () => {
  let fail: (error: Error) => void = () => undefined;
  const work = new Promise<never>((_resolve, reject) => (fail = reject));
  expect(await within(1, work, () => 'late')).toBe('late');
  await expect(within(1, never, tooLate)).rejects.toThrow('too late');
  fail(new Error('nobody waits'));
  await new Promise(setImmediate);
});

test('the end is waited for, whatever it is', async () => {
  await settledWithin(60_000, failing());
  await settledWithin(60_000, Promise.resolve());
  await settledWithin(1, never);
});
