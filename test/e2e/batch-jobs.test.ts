import { until } from '@gatehouse/eventing/history-in-test';
import { gatehouse } from '@gatehouse/test-support/command';
import { HALL, hall } from '@gatehouse/test-support/hall';
import { startSales, WANTED, type SalesSystem } from '@gatehouse/test-support/sales';

/* `batch list` and `batch cancel`, beside a running system. */

let system: SalesSystem;
beforeAll(async () => {
  system = await startSales();
  await system.import(hall({ size: 5 }));
});
afterAll(() => system.close());

const batch = (...args: readonly string[]) => gatehouse({ DATABASE_URL: system.databaseUrl }, 'batch', ...args);
const request = (amount: number) =>
  system.sales.request(HALL.where, { ...WANTED, amount }, { actor: 'token:1', trace: null });
const jobIs = (job: string, status: string) =>
  until(async () => (await system.sales.finder.job(HALL.where, job))?.status === status);
const left = async () => {
  const states = await system.inventory.reservations.availability(HALL.where, [HALL.quota]);
  return states.get(HALL.quota)!.availability.left;
};

test('a batch without tickets is canceled, and its places are free; the others are not', async () => {
  const made = await request(2);
  await jobIs(made, 'succeeded');
  // The subscriber that issues tickets is held up.
  const consumer = await system.salesFeeds.pool.connect();
  await consumer.query('begin');
  await consumer.query("select from checkpoints where name = 'tickets' and topic = 'inventory' for update");
  const stuck = await request(3);
  try {
    await until(async () => (await left()) === 0);

    const listed = await batch('list');
    expect(listed).toMatchObject({ code: 0, err: '' });
    expect(listed.out.split('\n')).toEqual([
      expect.stringMatching(
        new RegExp(`^${stuck}  batch 2  .*Z  ${HALL.where.organizer}/fest  3 of product .*  open$`),
      ),
      expect.stringMatching(new RegExp(`^${made}  batch 1  .*  created$`)),
      '',
    ]);
    expect(await batch('cancel', stuck.toUpperCase(), '--reason', 'The box office is closed.')).toEqual({
      code: 0,
      out: 'The batch is canceled. A running Gatehouse returns the places that it has taken.\n',
      err: '',
    });
    await until(async () => (await left()) === 3);
  } finally {
    await consumer.query('commit');
    consumer.release();
  }
  await jobIs(stuck, 'failed');
  expect(await system.sales.finder.job(HALL.where, stuck)).toMatchObject({ message: 'The box office is closed.' });
  expect((await batch('list', '--limit', '1')).out).toMatch(/ {2}failed: The box office is closed\.\n$/);

  expect(await batch('cancel', stuck)).toMatchObject({ code: 0, out: 'The batch has failed already.\n' });
  expect(await batch('cancel', made)).toMatchObject({ code: 1, err: 'Its tickets exist, and are valid.\n' });
  const unknown = '29891ede-196f-4942-9e26-d055a36e98b8';
  expect(await batch('cancel', unknown)).toMatchObject({
    code: 1,
    err: `There is no batch with the job ${unknown}.\n`,
  });
  expect((await batch('cancel', '1')).err).toContain('It is a UUID.');
  expect(await left()).toBe(3);
});
