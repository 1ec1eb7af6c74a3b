import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { sync } from '@gatehouse/sync-service/service';
import { scanned } from '@gatehouse/test-support/camera';
import { gatehouse } from '@gatehouse/test-support/command';
import { Phone, type Listed } from '@gatehouse/test-support/phone';
import { REAL_EXPORT, realFile } from '@gatehouse/test-support/real-export';
import { newNonce } from '@gatehouse/test-support/scanner-app';
import { SCANNER_APPS } from '@gatehouse/test-support/scanner-apps';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { startMain, type GateProcess } from '../races/gate-process';

/*
 * A phone with an app of 2020, of today, of iOS, and Gatehouse alone (issue 14): from the QR code over set-up and synchronisation to
 * scans, the queue of a time without a network, and a server that dies while it is uploaded. The requests are those of the apps; what
 * their decoders insist on, the phone checks with every reply.
 */

const EVENT = 'openair';
const [MAIN, VIP, TOUR_1] = [1, 2, 9];
const ITEM = { pass: 1, day: 3, seat: 4, crew: 10, fridayNight: 12 };
/** Good scans of the queue, and the scan during which the server is killed. */
const [QUEUED, AT_THE_KILL] = [12, 8];

type Position = { id: number; secret: string; item: number; subevent: number | null; canceled: boolean } & Listed;
type Order = { code: string; status: string; testmode: boolean; positions: Position[] } & Listed;
type Checkins = readonly { list: number; type: string }[];

const orders = (event: string) =>
  realFile<Order[]>(`events/${event}/orders.ndjson`).filter(({ testmode }) => !testmode);
const shop = orders(EVENT);
const tours = orders('tours');

/** Tickets that nobody has scanned yet. */
const fresh = (from: readonly Order[], item: number, status: string): Position[] =>
  from
    .filter((order) => order.status === status && order['require_approval'] !== true)
    .flatMap(({ positions }) => positions)
    .filter(
      (each) => each.item === item && !each.canceled && !each['blocked'] && (each['checkins'] as object[]).length === 0,
    );

const unanswered = fresh(shop, ITEM.pass, 'p').filter(
  (each) => (each['answers'] as object[]).length === 0 && each['valid_from'] === null && each['valid_until'] === null,
);
const one = (from: readonly Order[], item: number, status: string): string => fresh(from, item, status)[0]!.secret;
const tickets = {
  good: one(shop, ITEM.crew, 'p'),
  unpaid: one(shop, ITEM.seat, 'n'),
  seat: one(shop, ITEM.seat, 'p'),
  asked: unanswered[0]!.secret,
  early: one(shop, ITEM.fridayNight, 'p'),
  otherDate: fresh(tours, 18, 'p').find(({ subevent }) => subevent === 2)!.secret,
  canceled: one(shop, ITEM.seat, 'c'),
};
const queued = fresh(shop, ITEM.day, 'p')
  .slice(0, QUEUED)
  .map(({ secret }) => secret);
const positionOf = new Map(shop.flatMap(({ positions }) => positions).map(({ secret, id }) => [secret, id]));

describe.each(SCANNER_APPS.map((app) => [app.name, app] as const))('%s', (_name, app) => {
  let system: System;
  let server: GateProcess;
  let settings: Readonly<Record<string, string>>;
  let folder: string;
  const phone = new Phone(app);
  const before: { status?: Listed; synced?: Awaited<ReturnType<Phone['sync']>> } = {};
  beforeAll(async () => {
    system = await startSystem([checkin, legacyDroid, cart, offlineSales, sync, reference]);
    await system.import(REAL_EXPORT);
    folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-scanner-'));
    settings = { DATABASE_URL: system.databaseUrl, GATEHOUSE_DATA: folder, GATEHOUSE_DEMO: 'off' };
    server = await startMain('services/all-in-one/src/main.ts', settings);
  });
  afterAll(async () => {
    await server.kill();
    await system.close();
    rmSync(folder, { recursive: true });
  });

  const redeem = (secret: string, more: Parameters<Phone['redeem']>[3] = {}, list = MAIN) =>
    phone.redeem(EVENT, list, secret, more);

  test('is set up with the QR code of `device create`, and finds its event', async () => {
    const png = path.join(folder, 'gate.png');
    const create = ['device', 'create', '--organizer', 'demo', '--name', 'Gate 7'];
    const made = await gatehouse(settings, ...create, '--url', server.url, '--png', png);
    expect([made.code, made.err]).toEqual([0, expect.stringContaining('Scan this with the app')]);
    await phone.setUp(scanned(png));
    if (app.asksVersion) {
      const { body } = await phone.get('/api/v1/device/info');
      const { pretix_numeric: version } = (body as { server: { version: { pretix_numeric: number } } }).server.version;
      // From 4.12 on apps speak another API, before 3.9 they hide exits.
      expect(version).toBeLessThan(40_120_001_001);
      expect(version).toBeGreaterThanOrEqual(30_090_001_000);
    }
    expect((await phone.events()).map(({ slug }) => slug)).toContain(EVENT);
  });

  test('copies the event in its own order, as the shop sent it', async () => {
    before.synced = await phone.sync(EVENT);
    expect(before.synced.map(({ path: read, status }) => [read, status])).toEqual(
      app.sync(EVENT).map(({ path: read }) => [read, 200]),
    );
    const copied = resultsOf(before.synced, 'orders/') as Order[];
    const known = copied.flatMap(({ positions }) => positions).map(({ id, secret }) => [secret, id] as const);
    for (const secret of [...Object.values(tickets), ...queued]) {
      if (secret === tickets.otherDate) continue;
      expect([secret, new Map(known).get(secret)]).toEqual([secret, positionOf.get(secret)]);
    }
    const names = (results: readonly Listed[]) => results.map(({ id, name }) => ({ id, name }));
    expect(names(resultsOf(before.synced, 'items/'))).toEqual(names(realFile<Listed[]>(`events/${EVENT}/items.json`)));
    before.status = await phone.status(EVENT, MAIN);
  });

  test('scans: ok, repeated, unknown, unpaid, wrong product, questions, wrong time and date, canceled', async () => {
    expect(await redeem(tickets.good)).toMatchObject({ status: 201, body: { status: 'ok' } });
    const repeated = await redeem(tickets.good);
    expect(repeated).toMatchObject({ status: 400, reason: 'already_redeemed' });
    expect((repeated.body['position'] as Listed)['checkins']).toHaveLength(1);
    for (const nobodys of ['nobodysticket', 'no body/knows+it?ü%']) {
      const told = await redeem(app.asksVersion ? nobodys : nobodys.replace('ü%', ''));
      expect(told).toMatchObject({ status: 404, body: { detail: 'Not found.' } });
    }
    expect(await redeem(tickets.unpaid)).toMatchObject({ status: 400, reason: 'unpaid' });
    expect(await redeem(tickets.seat, {}, VIP)).toMatchObject({ status: 400, reason: 'product' });
    const asked = await redeem(tickets.asked);
    expect(asked).toMatchObject({ status: 400, body: { status: 'incomplete', questions: [{ id: 2 }] } });
    expect(await redeem(tickets.asked, { answers: { '2': '1' } })).toMatchObject({ status: 201 });
    // Its ticket is for a night in 2027.
    expect(await redeem(tickets.early)).toMatchObject({ status: 400, reason: 'invalid_time' });
    expect((await phone.redeem('tours', TOUR_1, tickets.otherDate)).status).toBe(404);
    expect(await redeem(tickets.canceled)).toMatchObject({ status: 400, reason: 'canceled' });
  });

  test('finds a ticket by its name, with what it needs to show', async () => {
    const { attendee_name: name } = shop
      .flatMap(({ positions }) => positions)
      .find(({ attendee_name, checkins }) => attendee_name !== null && (checkins as object[]).length > 0)!;
    const found = await phone.search(EVENT, MAIN, String(name));
    expect(found.map(({ attendee_name }) => attendee_name)).toContain(name);
  });

  test('lets out and in again, as the announced version says', async () => {
    if (!app.knowsExits) return;
    expect(await redeem(tickets.good, { type: 'exit' })).toMatchObject({ status: 201 });
    expect(await redeem(tickets.good)).toMatchObject({ status: 201 });
    expect(await redeem(tickets.good)).toMatchObject({ status: 400, reason: 'already_redeemed' });
  });

  test('uploads its queue while the server is killed: nothing is lost, nothing is doubled', async () => {
    const start = Date.now() - 3_600_000;
    const scans = [...queued.slice(0, 2), 'nobodysticket', ...queued.slice(2), tickets.canceled, queued[0]!];
    const queue = scans.map((secret, n) => ({ secret, nonce: newNonce(), datetime: new Date(start + n * 60_000) }));
    phone.queue = queue;
    const { port } = new URL(server.url);
    let killed: Promise<void> | undefined;
    await phone.upload(EVENT, MAIN, (scan) => {
      if (scan === queue[AT_THE_KILL]) killed = server.kill();
    });
    await killed;
    expect(phone.queue.length).toBeGreaterThan(0);
    await phone.upload(EVENT, MAIN);
    server = await startMain('services/all-in-one/src/main.ts', { ...settings, PORT: port });
    // As if no reply had come through: the phone has everything in its queue still.
    phone.queue = queue;
    await phone.upload(EVENT, MAIN);
    expect(phone.queue).toEqual([]);
    await system.settled();

    const events = (await system.events()).map(({ type, data }) => ({ type, ...(data as Listed) })) as Listed[];
    const entries = events.filter(({ type, first }) => type === 'PositionRedeemed' && first === true);
    for (const secret of queued) {
      const own = entries.filter(({ position }) => position === positionOf.get(secret));
      expect([secret, own.map(({ list }) => list)]).toEqual([secret, [MAIN]]);
    }
    // The second scan of the same ticket was let in by force: it is told, and is no second entry.
    const again = events.filter(({ type, first, position }) => {
      return type === 'PositionRedeemed' && first === false && position === positionOf.get(queued[0]!);
    });
    expect(again).toHaveLength(1);
    const refusals = events.filter(({ type, forced }) => type === 'RedemptionRefused' && forced === true);
    expect(refusals.map(({ reason }) => reason)).toEqual(['unknown_ticket', 'canceled']);
    // Nobody is in twice who has not left in between.
    const twice = entries.filter(({ position, list }, n) => {
      return entries.findIndex((each) => each['position'] === position && each['list'] === list) !== n;
    });
    expect(twice.map(({ position }) => position)).toEqual(app.knowsExits ? [positionOf.get(tickets.good)] : []);
  });

  test('tells what it refused without a network, once', async () => {
    if (!app.knowsExits) return;
    const refused = { raw_barcode: tickets.early, error_reason: 'invalid_time', type: 'entry', nonce: newNonce() };
    const target = `${phone.base}events/${EVENT}/checkinlists/${MAIN}/failed_checkins/`;
    const key = { 'x-idempotency-key': newNonce() };
    const json = { ...refused, datetime: '2026-11-28T15:00:00Z', raw_item: ITEM.fridayNight };
    const told = [await phone.post(target, json, key), await phone.post(target, json, key)];
    expect(told.map(({ status }) => status)).toEqual([201, 201]);
    await system.settled();
    const reported = (await system.events()).map(({ data }) => data as Listed).filter((data) => data['reported']);
    expect(reported).toMatchObject([{ reason: 'invalid_time', position: positionOf.get(tickets.early), list: MAIN }]);
  });

  test('counts everybody who is in, and copies what has changed since, no more', async () => {
    const entered = 2 + QUEUED;
    const now = await phone.status(EVENT, MAIN);
    expect(now['position_count']).toBe(before.status!['position_count']);
    expect(now['checkin_count']).toBe(Number(before.status!['checkin_count']) + entered);
    if ('inside_count' in now) {
      expect(now['inside_count']).toBe(Number(before.status!['inside_count']) + entered);
    }

    const synced = await phone.sync(EVENT);
    const conditional = ['/categories/', '/items/', '/questions/', `events/${EVENT}/`];
    for (const { path: read, status } of synced) {
      if (conditional.some((end) => read.endsWith(end))) expect([read, status]).toEqual([read, 304]);
    }
    const changed = resultsOf(synced, 'orders/') as Order[];
    const scannedHere = [tickets.good, tickets.asked, ...queued];
    const isScanned = ({ positions }: Order) => positions.some(({ secret }) => scannedHere.includes(secret));
    expect(changed.map(({ code }) => code).sort()).toEqual(
      shop
        .filter(isScanned)
        .map(({ code }) => code)
        .sort(),
    );
    const copied = new Map(changed.flatMap(({ positions }) => positions).map((each) => [each.secret, each]));
    for (const secret of scannedHere) {
      const entries = (copied.get(secret)!['checkins'] as Checkins).filter(({ type }) => type === 'entry');
      expect([secret, entries.every(({ list }) => list === MAIN) && entries.length > 0]).toEqual([secret, true]);
    }
    expect(resultsOf(await phone.sync(EVENT), 'orders/')).toEqual([]);
  });

  test('is told when it is revoked, in the words by which it wipes itself', async () => {
    const { body } = await phone.get('/api/v1/device/info');
    const { device } = body as { device: { device_id: number } };
    expect(await gatehouse(settings, 'device', 'revoke', 'demo', String(device.device_id))).toMatchObject({ code: 0 });
    const told = await phone.get(`${phone.base}events/${EVENT}/`);
    expect([told.status, told.text]).toEqual([401, '{"detail":"Device access has been revoked."}']);
  });
});

const resultsOf = (synced: Awaited<ReturnType<Phone['sync']>>, end: string): readonly Listed[] =>
  synced.find(({ path: read }) => read.endsWith(`/${end}`))!.results;
