import { cart } from '@gatehouse/cart/service';
import { until } from '@gatehouse/eventing/history-in-test';
import { call, type Ask } from '@gatehouse/service/testing';
import { batchesOf, batchShop, ended, LAYOUTS, linkIn, made, targetOf } from '@gatehouse/test-support/batches';
import { HALL, TOKENS } from '@gatehouse/test-support/cart-shop';
import { placedTexts } from '@gatehouse/test-support/seen-pdf';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { startMain, type GateProcess } from './gate-process';

/* The service itself is killed while it renders: another replica of it gives the client its file (contract §9.4). */

const AMOUNT = 3_000;
const CODE = { type: 'textarea', left: 10, bottom: 100, width: 90, fontsize: 12, content: 'order' };

let system: System;
const replicas: GateProcess[] = [];
beforeAll(async () => {
  system = await startSystem([cart]);
  const layout = { id: LAYOUTS.hall, name: 'Codes', default: true, layout: [CODE] };
  await system.import({ ...batchShop(), 'demo/events/hall/ticketlayouts.json': [layout] });
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.kill()));
  await system.close();
});

async function replica() {
  const started = await startMain('services/offline-sales/src/main.ts', { DATABASE_URL: system.databaseUrl });
  replicas.push(started);
  // It listens before its read models have the shop's facts.
  await until(async () => (await fetch(`${started.url}/readyz`)).ok);
  return { ...started, call: (method: string, target: string, ask?: Ask) => call(started.url, method, target, ask) };
}

test('kill -9 of the replica that renders: the other one says 409 until it has rendered all pages, then 200', async () => {
  const one = await replica();
  const batch = await made(one, { amount: AMOUNT });
  const answer = await one.call('POST', `${batchesOf(HALL)}${batch.id}/render/`, { token: TOKENS.admin });
  const link = linkIn(answer, 'download');
  await until(async () => {
    const { body } = await one.call('GET', targetOf(link), { token: TOKENS.admin });
    return ((body as { percentage?: number } | null)?.percentage ?? 0) >= 10;
  });
  await one.kill();
  const other = await replica();

  const { before } = await ended(other, link);
  expect(new Set(before.map(({ status }) => status))).toEqual(new Set([409]));
  const got = await fetch(other.url + targetOf(link), { headers: { authorization: `Token ${TOKENS.admin}` } });
  expect(got.status).toBe(200);
  const pdf = Buffer.from(await got.arrayBuffer());
  expect(placedTexts(pdf).map(({ text }) => text)).toEqual(batch.orders);
});
