import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { checkin } from '@gatehouse/checkin/service';
import { openPool } from '@gatehouse/eventing/postgres';
import { gateway, type Gateway } from '@gatehouse/gateway/gateway';
import { route } from '@gatehouse/service/http';
import { openIdempotency } from '@gatehouse/service/idempotency';
import { createLog } from '@gatehouse/service/log';
import { SERVICES, type ServiceRow } from '@gatehouse/service/services';
import { call, knownCredentials, startApp, tokenOf, type TestApp } from '@gatehouse/service/testing';
import { festival, LISTS, OPENAIR, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/*
 * Two REST services behind one gateway share their stored replies: a query for an idempotency key gets the stored reply,
 * whichever service stored it and whichever of them is asked.
 */

const token = TOKENS.admin;
const log = createLog('silent');
const services: Record<string, ServiceRow> = {
  ...SERVICES,
  seats: {
    name: 'seats',
    requests: {
      paths: ['api/v1/organizers/:organizer/events/:event/seats/*'],
      setting: 'SEATS_URLS',
      isRest: true,
    },
    processes: [],
  },
};

let system: System;
let seats: TestApp;
let through: string;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
  const pool = openPool(system.databaseUrl, 'transport', 2);
  const idempotency = openIdempotency(pool, log);
  seats = await startApp({
    routes: [
      route('organizers/:organizer/events/:event/seats', {
        name: 'seats',
        access: { safe: 'can_view_orders', unsafe: 'can_change_orders' },
        POST: async (request) => ({ status: 202, body: { seat: await request.body() } }),
      }),
    ],
    credentials: knownCredentials({ [token]: tokenOf('demo', ['can_view_orders', 'can_change_orders']) }),
    idempotency,
  });
  through = await gatewayTo({ checkin: system.url, seats: seats.url });
  closing.push(
    () => seats.close(),
    () => idempotency.close(),
    () => pool.end(),
    () => system.close(),
  );
});
afterAll(async () => {
  for (const close of closing) await close();
});

/** The address of a gateway to these services. */
async function gatewayTo(urls: { checkin: string; seats: string }): Promise<string> {
  const to = { checkin: [urls.checkin], legacyDroid: [urls.checkin], seats: [urls.seats] };
  const made: Gateway = gateway(to, { log, services });
  made.server.listen(0, '127.0.0.1');
  await once(made.server, 'listening');
  closing.unshift(async () => {
    made.server.closeAllConnections();
    await new Promise((resolve) => made.server.close(resolve));
    made.close();
  });
  return `http://127.0.0.1:${(made.server.address() as AddressInfo).port}`;
}

const post = (target: string, key: string, json: unknown) =>
  call(through, 'POST', target, { token, json, headers: { 'x-idempotency-key': key } });
const ask = (key: string, method = 'GET', as = token, at = through) =>
  call(at, method, `/api/v1/idempotency_query?key=${encodeURIComponent(key)}`, { token: as });

test('a key is found wherever its reply is stored', async () => {
  const list = await post(`${OPENAIR}checkinlists/`, 'of checkin', { name: 'Queried' });
  const seat = await post(`${OPENAIR}seats/`, 'of seats', { row: 'Ä 1' });
  expect([list.status, seat.status]).toEqual([201, 202]);
  for (const [key, first] of [
    ['of checkin', list],
    ['of seats', seat],
  ] as const) {
    const { status, text, headers } = await ask(key);
    expect({ status, text, allow: headers['allow'] }).toEqual({
      status: first.status,
      text: first.text,
      allow: first.headers['allow'],
    });
    expect(await ask(key, 'HEAD')).toMatchObject({ status: first.status, text: '' });
    expect(await ask(key, 'GET', TOKENS.viewer)).toMatchObject({ status: 404 });
  }
});

test('also a stored reply that is a 404', async () => {
  const first = await post(`${OPENAIR}checkinlists/${LISTS.main}/positions/nosuch/redeem/`, 'a 404', {});
  expect(first.status).toBe(404);
  expect(await ask('a 404')).toMatchObject({ status: 404, text: first.text });
});

test('what no service knows, and what no service is asked for', async () => {
  const unseen = { status: 404, text: '{"detail": "Idempotency key not seen before."}' };
  expect(await ask('nosuch')).toMatchObject(unseen);
  expect(await ask('nosuch', 'HEAD')).toMatchObject({ status: 404, text: '' });
  expect(await call(through, 'GET', '/api/v1/idempotency_query/', { token })).toMatchObject({
    status: 404,
    text: '{"detail": "No idempotency key given."}',
  });
  expect(await call(through, 'POST', '/api/v1/idempotency_query?key=x', { token })).toMatchObject({ status: 405 });
});

test('a key means the same at every service: the reply of the first use comes again, whatever is asked', async () => {
  const first = await post(`${OPENAIR}checkinlists/`, 'of both', { name: 'Once' });
  expect(first.status).toBe(201);
  expect(await post(`${OPENAIR}seats/`, 'of both', { row: 1 })).toMatchObject({ status: 201, text: first.text });
});

test('while a service is away the other one answers; 503 while none does', async () => {
  await post(`${OPENAIR}seats/`, 'still here', { row: 2 });
  const nowhere = 'http://127.0.0.1:1';
  const [withoutCheckin, without] = [
    await gatewayTo({ checkin: nowhere, seats: seats.url }),
    await gatewayTo({ checkin: nowhere, seats: nowhere }),
  ];
  expect(await ask('still here', 'GET', token, withoutCheckin)).toMatchObject({ status: 202 });
  expect(await ask('nosuch', 'GET', token, withoutCheckin)).toMatchObject({ status: 404 });
  expect(await ask('still here', 'GET', token, without)).toMatchObject({
    status: 503,
    headers: { 'retry-after': '1' },
  });
  await seats.close();
  expect(await ask('still here')).toMatchObject({ status: 202 });
});
