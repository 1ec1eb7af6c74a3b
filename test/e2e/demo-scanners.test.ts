import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { demoFestival, type Demo } from '@gatehouse/all-in-one/demo-festival';
import { checkin } from '@gatehouse/checkin/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { sync } from '@gatehouse/sync-service/service';
import { batchWriter } from '@gatehouse/test-support/batch-writer';
import { scanned } from '@gatehouse/test-support/camera';
import { gatehouse } from '@gatehouse/test-support/command';
import { Phone, type Listed } from '@gatehouse/test-support/phone';
import { SCANNER_APPS } from '@gatehouse/test-support/scanner-apps';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* Who tries Gatehouse holds a phone before the demo festival first: every app finds there what its decoder insists on (clients.md §3, §7). */

let system: System;
let folder: string;
let demo: Demo;
let batches: ReturnType<typeof batchWriter>;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-demo-'));
  demo = await demoFestival(path.join(folder, 'demo'));
  system = await startSystem([checkin, offlineSales, sync, reference]);
  await system.import(path.join(folder, 'demo'));
  batches = batchWriter(system);
});
afterAll(async () => {
  await system.close();
  rmSync(folder, { recursive: true });
});

/** The first one's decoder insists on less than the second's. */
const [, ...STRICTER] = SCANNER_APPS;

test.each(STRICTER.map((app) => [app.name, app] as const))(
  '%s copies the demo festival and scans its tickets',
  async (_name, app) => {
    const phone = new Phone(app);
    const png = path.join(folder, 'gate.png');
    const create = [
      'device',
      'create',
      '--organizer',
      demo.organizer,
      '--name',
      app.name,
      '--url',
      system.url,
      '--png',
      png,
    ];
    expect(await gatehouse({ DATABASE_URL: system.databaseUrl }, ...create)).toMatchObject({ code: 0 });
    await phone.setUp(scanned(png));
    // The dates of a series are chosen from `subevents/` instead.
    expect((await phone.events()).map(({ slug }) => slug)).toContain(demo.event);
    // Tickets of an offline batch are among its orders.
    const item = demo.printed!.item;
    const { tickets } = await batches.create({
      ...{ organizer: demo.organizer, event: demo.event, item, amount: 2 },
    });
    await system.settled();
    for (const event of [demo.event, 'city-tours']) {
      const copied = await phone.sync(event);
      expect(copied.map(({ status }) => status)).toEqual(app.sync(event).map(() => 200));
      const orders = copied.find(({ path: read }) => read.endsWith('/orders/'))!.results;
      expect(orders.length).toBeGreaterThanOrEqual(140);
      if (event !== demo.event) continue;
      const secrets = orders.flatMap(({ positions }) => positions as Listed[]).map(({ secret }) => secret);
      expect(secrets).toEqual(expect.arrayContaining([demo.secret, ...tickets.map(({ secret }) => secret)]));
    }
    expect(await phone.redeem(demo.event, demo.list, tickets[0]!.secret)).toMatchObject({ status: 201 });
    await phone.status(demo.event, demo.list);
    await phone.search(demo.event, demo.list, 'Jürgen');
  },
);
