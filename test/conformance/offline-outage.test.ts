import { connect } from 'node:net';
import { cart } from '@gatehouse/cart/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { batchesOf, batchShop, ended, linkIn, made, rendered, targetOf, WANTED } from '@gatehouse/test-support/batches';
import { HALL, TOKENS } from '@gatehouse/test-support/cart-shop';
import { startProcess, wireTo, untilStatus, type Process, type Wire } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* Batches (contract §9) while the database is down: 503 with Retry-After, nothing half done, and automatic recovery. */

const token = TOKENS.admin;
const batches = batchesOf(HALL);

let system: System;
let wire: Wire;
let there: Process;
beforeAll(async () => {
  system = await startSystem([offlineSales, cart]);
  await system.import(batchShop());
  wire = await wireTo(system.databaseUrl);
  there = await startProcess([offlineSales, cart], wire.url);
  await untilStatus(200, () => there.call('GET', '/readyz'));
});
afterAll(async () => {
  await there.close();
  await wire.close();
  await system.close();
});

test('every route answers 503, and the request that was not decided makes one batch afterwards', async () => {
  const { id } = await made(system);
  const link = targetOf(await rendered(system, id));
  const before = await system.events();
  const headers = { 'x-idempotency-key': 'meanwhile' };
  await wire.cut();
  for (const [method, target, json] of [
    ['GET', batches],
    ['GET', `${batches}${id}/`],
    ['GET', `${batches}check/29891ede-196f-4942-9e26-d055a36e98b8/`],
    ['GET', link],
    ['POST', batches, WANTED],
    ['POST', `${batches}${id}/render/`],
  ] as const) {
    const answer = await there.call(method, target, { token, json, headers });
    expect({ method, target, answer }).toMatchObject({
      answer: { status: 503, headers: { 'retry-after': expect.stringMatching(/^\d+$/) as unknown } },
    });
    expect(answer.text).not.toMatch(/connect|ECONN|postgres|terminat|sql/i);
  }
  expect(await system.events()).toEqual(before);
  await wire.mend();
  const again = await untilStatus(202, () => there.call('POST', batches, { token, json: WANTED, headers }));
  expect((await there.call('POST', batches, { token, json: WANTED, headers })).text).toBe(again.text);
  expect((await ended(there, linkIn(again, 'check'))).answer).toMatchObject({ status: 200 });
  expect((await there.call('GET', batches, { token })).body).toMatchObject({ count: 2 });
}, 60_000);

test('a download that loses the database is cut, so that nobody takes a part for the whole', async () => {
  // More than the buffers of both sockets hold.
  const { id } = await made(system, { amount: 10_000 });
  const link = targetOf(await rendered(system, id));
  const size = Number((await system.call('HEAD', link, { token })).headers['content-length']);
  const { hostname, port } = new URL(there.url);
  const client = connect({ host: hostname, port: Number(port) });
  let received = 0;
  client.on('data', (bytes: Buffer) => {
    if (received === 0) client.pause();
    received += bytes.length;
  });
  const closed = new Promise((resolve) => client.on('close', resolve));
  client.on('error', () => undefined);
  client.write(`GET ${link} HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${token}\r\n\r\n`);
  while (received === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await wire.cut();
  client.resume();
  await closed;
  await wire.mend();
  expect(received).toBeLessThan(size);
  await untilStatus(200, () => there.call('GET', '/readyz'));
  expect((await there.call('HEAD', link, { token })).headers['content-length']).toBe(String(size));
}, 120_000);
