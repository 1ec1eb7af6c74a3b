import { checkin } from '@gatehouse/checkin/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { batchWriter } from '@gatehouse/test-support/batch-writer';
import { festivalWith, ITEMS, LISTS, OPENAIR, order, position, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/*
 * A ticket or a credential may be in an event that is not applied yet: gates wait for it, up to a limit, before they refuse
 * it (design §8).
 */

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin, offlineSales]);
  await system.import(festivalWith([]));
});
afterAll(() => system.close());

const scan = (secret: string, token: string = TOKENS.admin) =>
  system.call('POST', `${OPENAIR}checkinlists/${LISTS.main}/positions/${secret}/redeem/`, { token, json: {} });

/** Suspends one consumer of a context until `release`. */
async function hold(consumer: string, topic = 'reference'): Promise<() => Promise<void>> {
  const client = await system.pool.connect();
  await client.query('begin');
  await client.query('select from checkpoints where name = $1 and topic = $2 for update', [consumer, topic]);
  return async () => {
    await client.query('commit');
    client.release();
  };
}

const imports = async (): Promise<number> => {
  const { rows } = await system.pool.query<{ imports: number }>(
    "select count(*)::integer as imports from reference.events where type = 'ImportFinished'",
  );
  return rows[0]!.imports;
};

/** Whether the read model of tickets has a secret. */
const isShown = async (secret: string): Promise<boolean> => {
  const { rowCount } = await system.pool.query('select from admission.tickets where secret = $1', [secret]);
  return rowCount === 1;
};

/** Imports a new ticket, and scans it while no read model has it yet, but gets it soon. Whether it is let in. */
async function scannedInTime(ticket: { id: number; secret: string; code: string }): Promise<boolean> {
  const before = await imports();
  const release = await hold('tickets');
  const importing = system.import(festivalWith([order(ticket.code, {}, [position(ticket, { item: ITEMS.pass })])]));
  while ((await imports()) === before) await new Promise((resolve) => setTimeout(resolve, 5));
  const scanning = scan(ticket.secret);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await isShown(ticket.secret)).toBe(false);
  await release();
  const { status } = await scanning;
  await importing;
  expect([201, 404]).toContain(status);
  return status === 201;
}

test('a ticket that the shop has told of, but that no read model has yet, is let in', async () => {
  // A busy machine may need longer to apply it than a gate waits: then the next one.
  const late = Array.from({ length: 20 }, (_, n) => ({ id: 88_010 + n, secret: `at-the-door-${n}`, code: `DOOR${n}` }));
  while (!(await scannedInTime(late.shift()!))) expect(late).not.toEqual([]);
});

test('a read model that is held up for long refuses what it does not know, and then without waiting', async () => {
  const before = await imports();
  const late = { id: 88_002, secret: 'bought-too-late', code: 'LATE2' };
  const release = await hold('tickets');
  const importing = system.import(festivalWith([order(late.code, {}, [position(late, { item: ITEMS.pass })])]));
  while ((await imports()) === before) await new Promise((resolve) => setTimeout(resolve, 5));
  expect((await scan(late.secret)).status).toBe(404);
  expect((await scan('nobody-has-this')).status).toBe(404);
  await release();
  await importing;
  expect((await scan(late.secret)).status).toBe(201);
});

test('an unknown token is refused when there is nothing to wait for', async () => {
  expect((await scan('nobody-has-this', 'x'.repeat(64))).status).toBe(401);
});

test('sales that are held up keep out their own tickets only', async () => {
  const release = await hold('tickets', 'sales');
  const { tickets } = await batchWriter(system).create({
    ...{ organizer: 'demo', event: 'openair', item: ITEMS.pass, amount: 2 },
  });
  const [held, later] = tickets.map(({ secret }) => secret) as [string, string];
  const bought = { id: 88_003, secret: 'bought-meanwhile', code: 'LATE3' };
  let importing: Promise<unknown> | undefined;
  try {
    expect((await scan(held)).status).toBe(404);
    // It ends when all consumers have caught up, so not before the release.
    importing = system.import(festivalWith([order(bought.code, {}, [position(bought, { item: ITEMS.pass })])]));
    // A busy machine may need longer for it than a gate waits.
    while (!(await isShown(bought.secret))) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await scan(bought.secret)).status).toBe(201);
    expect((await scan('x'.repeat(30), 'y'.repeat(64))).status).toBe(401);
  } finally {
    await release();
    await importing;
  }
  expect((await scan(later)).status).toBe(201);
});
