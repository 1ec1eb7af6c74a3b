import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { PathTable } from './path';
import { SERVICES, UPSTREAM_SETTINGS, upstreamsIn } from './services';

const root = resolve(__dirname, '../../..');
const rows = Object.values(SERVICES);

test('every service has its folder, and a script that starts it', () => {
  const { scripts } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  for (const { name } of rows) {
    expect([name, existsSync(resolve(root, 'services', name, 'src/main.ts'))]).toEqual([name, true]);
    expect(scripts[`start:${name}`]).toMatch(new RegExp(`infra/start\\.mjs ${name}$`));
  }
});

test('names of services, processes and settings are unique, and what gets requests has a process for them', () => {
  const names = [
    rows.map(({ name }) => name),
    rows.flatMap(({ processes }) => processes.map(({ name }) => name)),
    UPSTREAM_SETTINGS.map(([, setting]) => setting),
  ];
  for (const each of names) expect(new Set(each).size).toBe(each.length);
  for (const row of rows) expect(upstreamsIn(row).length > 0).toBe(row.requests !== undefined);
});

test('no two services claim the same paths, and one has all that no other claims', () => {
  const table = new PathTable<string>();
  for (const { name, requests } of rows) for (const path of requests?.paths ?? []) table.add(path, name);
  const served = (path: string) => table.find({ segments: path.split('/'), sent: path.split('/') })?.value;
  expect(served('nosuch')).toBe('checkin');
  const event = 'api/v1/organizers/demo/events/openair';
  expect(served(`${event}/cartpositions/bulk_create`)).toBe('cart');
  expect(served(`${event}/quotas/1/availability`)).toBe('cart');
  expect(served('api/v1/upload')).toBe('cart');
  for (const what of ['initialize', 'update', 'roll', 'revoke']) {
    expect(served(`api/v1/device/${what}`)).toBe('reference');
    expect(served(`api/v1/device/${what}/`)).toBe('reference');
  }
  expect(served('api/v1/device/info')).toBe('checkin');
  expect(served('api/v1/device/eventselection')).toBe('checkin');
  expect(served(`${event}/offlinesalesbatches/check/x`)).toBe('offline-sales');
  expect(served(`${event}/checkinlists/1`)).toBe('checkin');
  for (const path of ['', '/items', '/items/1', '/orders/ABCDE', '/settings']) {
    expect([path, served(`${event}${path}`)]).toEqual([path, 'sync']);
  }
  for (const path of ['events', 'subevents', 'reusablemedia']) {
    expect([path, served(`api/v1/organizers/demo/${path}`)]).toEqual([path, 'sync']);
  }
  expect(served('pretixdroid/api/demo/openair/redeem')).toBe('legacy-droid');
});
