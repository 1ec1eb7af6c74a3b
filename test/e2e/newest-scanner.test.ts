import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { call } from '@gatehouse/service/testing';
import { sync } from '@gatehouse/sync-service/service';
import { scanned } from '@gatehouse/test-support/camera';
import { gatehouse } from '@gatehouse/test-support/command';
import {
  flag,
  instant,
  listOf,
  object,
  oneOf,
  optional,
  pageOf,
  sent,
  text,
  whole,
} from '@gatehouse/test-support/decoder';
import { Phone, type Listed } from '@gatehouse/test-support/phone';
import { REAL_EXPORT, realFile } from '@gatehouse/test-support/real-export';
import { newNonce } from '@gatehouse/test-support/scanner-app';
import { SCANNER_APPS } from '@gatehouse/test-support/scanner-apps';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { startMain, type GateProcess } from '../races/gate-process';

/*
 * Gatehouse announces a version of pretix of today, so that the newest library scans by several lists at once (clients.md §2): a
 * phone at the entrance of two events, and a turnstile that takes back what nobody went through on. And the two programs of
 * clients.md §3 that only know these routes.
 */

const [MAIN, TOUR_1] = [1, 9];
const ITEM = { pass: 1, day: 3, crew: 10, tour: 18 };
const LISTS = [MAIN, TOUR_1];

type Position = { id: number; secret: string; item: number; subevent: number | null; canceled: boolean } & Listed;
type Order = { status: string; testmode: boolean; positions: Position[] } & Listed;

const unscanned = (event: string, item: number): Position[] =>
  realFile<Order[]>(`events/${event}/orders.ndjson`)
    .filter(({ testmode, status, ...order }) => !testmode && status === 'p' && order['require_approval'] !== true)
    .flatMap(({ positions }) => positions)
    .filter(
      (each) => each.item === item && !each.canceled && !each['blocked'] && (each['checkins'] as object[]).length === 0,
    );
const asks = unscanned('openair', ITEM.pass).find(
  (each) => (each['answers'] as object[]).length === 0 && each['valid_from'] === null && each['valid_until'] === null,
)!;
const [crew, zupass] = unscanned('openair', ITEM.crew);
const [queued, turnstile, openpos] = unscanned('openair', ITEM.day);
const tour = unscanned('tours', ITEM.tour).find(({ subevent }) => subevent === 1)!;

const library = SCANNER_APPS.find(({ name }) => name === 'libpretixsync of July 2026')!;
/** What the library's decoder insists on. */
const position = object({
  ...{ item: whole, order: text, positionid: whole, order__status: oneOf('n', 'p', 'e', 'c'), order__locale: text },
  ...{ checkins: listOf(object({ list: whole, datetime: instant })), pdf_data: sent },
  answers: listOf(object({ answer: text, question: object({ id: whole, type: text, show_during_checkin: flag }) })),
});
const reply = object({
  ...{ status: oneOf('ok', 'incomplete', 'error'), reason: optional(text), require_attention: flag },
  ...{ checkin_texts: listOf(text), position: optional(position) },
  list: object({ id: whole, name: text, event: text, subevent: sent, include_pending: flag }),
  questions: optional(
    listOf(
      object({ id: whole, required: flag, position: whole, type: text, options: sent, show_during_checkin: flag }),
    ),
  ),
});
const found = pageOf(
  object({
    ...{ item: whole, variation: sent, attendee_name: sent, seat: sent, order: text, positionid: whole, secret: text },
    ...{ checkins: listOf(sent), order__status: text, require_attention: flag },
  }),
);

let system: System;
let server: GateProcess;
let folder: string;
let settings: Readonly<Record<string, string>>;
const phone = new Phone(library);

beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid, cart, offlineSales, sync, reference]);
  await system.import(REAL_EXPORT);
  folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-newest-'));
  settings = {
    ...{ DATABASE_URL: system.databaseUrl, GATEHOUSE_DATA: folder, GATEHOUSE_DEMO: 'off' },
    ANNOUNCED_VERSION: '2026.8.0',
  };
  server = await startMain('services/all-in-one/src/main.ts', settings);
  const png = path.join(folder, 'gate.png');
  const create = ['device', 'create', '--organizer', 'demo', '--name', 'Entrance', '--url', server.url, '--png', png];
  expect((await gatehouse(settings, ...create)).code).toBe(0);
  await phone.setUp(scanned(png));
});
afterAll(async () => {
  await server.kill();
  await system.close();
  rmSync(folder, { recursive: true });
});

type Scan = Parameters<typeof library.redeemBody>[0];
const rpc = (what: string) => `${phone.base}checkinrpc/${what}`;
async function redeem(secret: string, scan: Partial<Scan> = {}) {
  const body = library.redeemBody({ nonce: newNonce(), ...scan });
  const target = rpc('redeem/?expand=answers.question&pdf_data=true');
  const answer = await phone.post(target, { ...body, secret, lists: LISTS });
  expect([200, 201, 400, 404]).toContain(answer.status);
  reply(answer.body, 'body');
  return { status: answer.status, body: answer.body as Listed & { position: Position } };
}
async function search(words: string): Promise<readonly Listed[]> {
  const lists = LISTS.map((list) => `&list=${list}`).join('');
  const answer = await phone.get(rpc(`search/?ignore_status=true&page=1&search=${encodeURIComponent(words)}${lists}`));
  expect(answer.status).toBe(200);
  found(answer.body, 'body');
  return (answer.body as { results: Listed[] }).results;
}

test('the app is told a version by which it uses these routes', async () => {
  const { body } = await phone.get('/api/v1/device/info');
  expect(body).toMatchObject({ server: { version: { pretix: '2026.8.0', pretix_numeric: 20_260_080_005_000 } } });
  expect((await phone.sync('openair')).every(({ status }) => status === 200)).toBe(true);
});

test('search, and in at both events by one request each', async () => {
  expect(await search(tour.secret.slice(0, 10))).toMatchObject([{ secret: tour.secret, checkins: [] }]);
  expect(await redeem(tour.secret)).toMatchObject({
    status: 201,
    body: { list: { id: TOUR_1, event: 'tours', subevent: 1 } },
  });
  expect(await redeem(crew!.secret)).toMatchObject({ status: 201, body: { list: { id: MAIN, event: 'openair' } } });
  expect(await redeem(crew!.secret)).toMatchObject({ status: 400, body: { reason: 'already_redeemed' } });
  expect(await redeem('nobodysticket')).toMatchObject({ status: 404, body: { reason: 'invalid', list: { id: MAIN } } });
});

test('questions, with their answers as whole objects', async () => {
  expect(await redeem(asks.secret)).toMatchObject({
    status: 400,
    body: { status: 'incomplete', questions: [{ id: 2 }] },
  });
  expect(await redeem(asks.secret, { answers: { '2': '1' } })).toMatchObject({ status: 201 });
  const again = await redeem(asks.secret);
  expect(again.body.position['answers']).toMatchObject([{ question: { id: 2 } }]);
});

test('out and in again', async () => {
  expect(await redeem(crew!.secret, { type: 'exit' })).toMatchObject({ status: 201 });
  expect(await redeem(crew!.secret)).toMatchObject({ status: 201 });
});

test('a scan after a time-out: by force, with the nonce of then, once', async () => {
  const scan = { nonce: newNonce(), datetime: new Date() };
  for (let n = 0; n < 3; n++) expect(await redeem(queued!.secret, scan)).toMatchObject({ status: 201 });
  await system.settled();
  const events = (await system.events()).filter(({ stream }) => stream === `ticket-${queued!.id}`);
  expect(events).toHaveLength(1);
});

test('a turnstile that did not turn', async () => {
  const nonce = newNonce();
  expect(await redeem(turnstile!.secret, { nonce })).toMatchObject({ status: 201 });
  for (let n = 0; n < 2; n++) {
    const told = await phone.post(rpc('annul/'), { lists: LISTS, nonce, error_explanation: 'Did not turn' });
    expect(told).toMatchObject({ status: 200, body: { status: 'ok' } });
  }
  expect(await search(turnstile!.secret)).toMatchObject([{ checkins: [] }]);
  // Nor does the next copy of the orders show it.
  await system.settled();
  const { results } = (await phone.sync('openair')).find(({ path: read }) => read.endsWith('/orders/'))!;
  const copied = (results as unknown as Order[]).flatMap(({ positions }) => positions);
  expect(copied.find(({ id }) => id === turnstile!.id)).toMatchObject({ checkins: [] });
  expect(await redeem(turnstile!.secret)).toMatchObject({ status: 201 });
});

test('openpos and zupass scan by what they send', async () => {
  const pos = { secret: openpos!.secret, lists: [MAIN], questions_supported: false, nonce: newNonce(), force: false };
  const datetime = new Date().toISOString();
  expect(await phone.post(rpc('redeem/'), { ...pos, datetime })).toMatchObject({ status: 201 });
  expect(await phone.get(rpc(`search/?list=${MAIN}&search=${openpos!.secret}`))).toMatchObject({ body: { count: 1 } });
  const made = await gatehouse(settings, ...['token', 'create', '--organizer', 'demo', '--name', 'zupass']);
  expect([made.code, made.err]).toEqual([0, expect.any(String)]);
  const secret = /[a-z0-9]{64}/.exec(made.out)![0];
  const headers = { authorization: `Token ${secret}` };
  const json = { secret: zupass!.secret, lists: [MAIN], datetime };
  const told = await call(server.url, 'POST', rpc('redeem/'), { headers, json });
  expect([told.status, told.text]).toEqual([201, told.text]);
});
