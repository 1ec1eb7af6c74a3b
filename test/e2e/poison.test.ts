import { randomUUID } from 'node:crypto';
import { checkin } from '@gatehouse/checkin/service';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { openReference } from '@gatehouse/reference/context';
import { gatehouse, type Ran } from '@gatehouse/test-support/command';
import { festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* A poison event in a running system: health, metrics and commands show it, and a command skips it. */

let system: System;
const run = (...args: readonly string[]): Promise<Ran> => gatehouse({ DATABASE_URL: system.databaseUrl }, ...args);
const readiness = async () => (await system.call('GET', '/readyz')).text;

/** An order that no import would state: its position's id is too large for PostgreSQL. In its own stream. */
async function appendPoison(): Promise<string> {
  const backends = openBackends(readConfig({}), system.databaseUrl);
  const { store, pool } = await openReference(backends);
  const orders = await store.latest('order-');
  const id = randomUUID();
  const data = structuredClone(orders[0]!.data) as { code: string; positions: { id: number; secret: string }[] };
  data.code = 'POISN';
  data.positions[0]!.id = 2 ** 60;
  data.positions[0]!.secret = 'not-to-be-told';
  const { type, version } = orders[0]!;
  await store.append('order-demo/openair/POISN', 0, [{ id, type, version, data, actor: 'import', trace: null }]);
  await pool.end();
  await backends.close();
  return id;
}

beforeAll(async () => {
  system = await startSystem([checkin], { METRICS_PORT: '0' });
  await system.import(festival());
});
afterAll(() => system.close());

test('a poison event is seen everywhere, told without its content, and skipped for good', async () => {
  const id = await appendPoison();
  let shown = '';
  while (!shown.includes('the consumer admission.tickets of reference stands still')) {
    await new Promise((again) => setTimeout(again, 50));
    shown = await readiness();
  }
  expect((await system.call('GET', '/readyz')).status).toBe(200);
  const place = `OrderStated ${id} (revision 0 of order-demo/openair/POISN), position `;
  expect(shown).toMatch(new RegExp(`stands still since [^"]*Z at ${place.replace(/[()]/g, '\\$&')}\\d+: 22003`));
  expect(shown).not.toContain('not-to-be-told');
  const metrics = await (await fetch(`http://127.0.0.1:${system.metricsPort}/metrics`)).text();
  expect(metrics).toMatch(/^gatehouse_consumer_stuck\{context="admission",name="tickets",topic="reference"\} 1$/m);
  expect(metrics).toMatch(/^gatehouse_consumer_stuck\{context="admission",name="lists",topic="admission"\} 0$/m);

  const status = await run('consumer', 'status');
  expect(status.out).toMatch(/^tickets of reference: applied up to position \d+\n {2}stands still since .*22003$/m);
  expect(status.out).toMatch(/^tickets of admission: applied up to position \d+$/m);

  // A replay of history ends at it with a sentence that says what to do.
  const rebuilt = await run('rebuild', 'tickets');
  expect(rebuilt.code).toBe(1);
  expect(rebuilt.err).toContain(`tickets: ${place}`);
  expect(rebuilt.err).toContain(`consumer skip tickets --context admission --event ${id} --reason`);
  expect(rebuilt.err).not.toContain('    at ');

  // The gates are not affected.
  const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${TICKETS.ada.secret}/redeem/`;
  expect((await system.call('POST', target, { token: TOKENS.admin, json: {} })).status).toBe(201);

  expect((await run('consumer', 'skip', 'tickets')).code).toBe(1);
  // The subscriber is stuck there, too: the id is too large for its event as well.
  const names = [...(await readiness()).matchAll(/the consumer admission\.(\S+) of reference stands still/g)].map(
    ([, name]) => name!,
  );
  for (const name of names) {
    const skipped = await run('consumer', 'skip', name, '--reason', 'a test');
    expect(skipped).toMatchObject({ code: 0, out: expect.stringContaining(id) as string });
  }
  await system.settled();
  while ((await readiness()).includes('stands still')) await new Promise((again) => setTimeout(again, 50));
  expect(await run('verify')).toMatchObject({ code: 0 });
  expect(await run('rebuild', 'tickets')).toMatchObject({ code: 0 });
  expect(await run('consumer', 'skip', 'tickets', '--reason', 'x')).toMatchObject({
    code: 1,
    err: 'The consumer tickets does not stand still.\n',
  });
  // Eight commands, each a process of its own.
}, 180_000);
