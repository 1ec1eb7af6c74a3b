import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkin } from '@gatehouse/checkin/service';
import { reference } from '@gatehouse/reference-service/service';
import { scanned, type SetUpCode } from '@gatehouse/test-support/camera';
import { gatehouse } from '@gatehouse/test-support/command';
import { DATES, festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startProcess, type Process } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { DEVICE_PROFILES } from '@gatehouse/service/device-profiles';
import { call } from '@gatehouse/service/testing';

/* What a person does with a phone: a command shows a QR code, an app scans it, sets itself up and scans tickets. */

let system: System;
let replica: Process;
let folder: string;
beforeAll(async () => {
  system = await startSystem([checkin, reference]);
  replica = await startProcess([checkin, reference], system.databaseUrl);
  await system.import(festival());
  folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-device-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await replica.close();
  await system.close();
});

const run = (...args: string[]) => gatehouse({ DATABASE_URL: system.databaseUrl }, ...args);
const create = ['device', 'create', '--organizer', 'demo', '--name', 'Gate 7'];

const APP = {
  hardware_brand: 'Zebra',
  hardware_model: 'TC26',
  software_brand: 'pretixSCAN',
  software_version: '2.11.2',
};
const initialize = (url: string, token: string, more: object = {}) =>
  call(url, 'POST', '/api/v1/device/initialize', { json: { token, ...APP, ...more } });

test('a device from the command to the first scan, and to its end', async () => {
  const png = path.join(folder, 'code.png');
  const svg = path.join(folder, 'code.svg');
  const made = await run(...create, '--profile', 'pretixscan', '--url', `${system.url}/`, '--png', png, '--svg', svg);
  expect(made.code).toBe(0);
  const [, id] = /^Device (\d+) of demo\. Scan this with the app, on one phone, before .+ UTC;/.exec(made.err)!;
  const code = scanned(png);
  expect(JSON.parse(made.out)).toEqual(code);
  expect(code).toEqual({
    handshake_version: 1,
    url: system.url,
    token: expect.stringMatching(/^[a-z0-9]{16}$/) as string,
  });
  expect(readFileSync(svg, 'utf8')).toContain('<svg');
  expect((await run('device', 'list')).out).toMatch(
    new RegExp(`^demo +${id} +Gate 7 +not set up +pretixscan +all$`, 'm'),
  );

  const answer = await initialize(code.url, code.token);
  expect(answer.status).toBe(200);
  const { api_token } = answer.body as { api_token: string };
  const headers = { authorization: `Device ${api_token}` };
  const ticket = `${OPENAIR}checkinlists/${LISTS.main}/positions/${TICKETS.ada.secret}/redeem/`;
  expect((await replica.call('POST', ticket, { headers, json: {} })).status).toBe(201);
  const listed = await run('device', 'list');
  expect(listed.out).toMatch(
    new RegExp(`^demo +${id} +Gate 7 +active +pretixscan +pretixSCAN 2\\.11\\.2 +Zebra TC26 +all$`, 'm'),
  );
  expect(listed.out + listed.err).not.toContain(api_token);
  expect(await replica.call('GET', `${OPENAIR}checkinlists/${LISTS.main}/`, { headers })).toMatchObject({
    status: 403,
    body: { detail: 'Request denied by device security profile.' },
  });

  expect(await run('device', 'revoke', 'demo', id!)).toMatchObject({ code: 0 });
  for (const each of [system, replica]) {
    expect(await each.call('GET', '/api/v1/device/info', { headers })).toMatchObject({
      status: 401,
      body: { detail: 'Device access has been revoked.' },
    });
  }
});

test('two phones at two processes: one sets the device up', async () => {
  const made = await run(...create, '--url', 'https://gate.example.org', '--events', 'openair');
  const { token } = JSON.parse(made.out) as SetUpCode;
  const both = await Promise.all(
    [system, replica].map(({ url }, n) => initialize(url, token, { hardware_model: `${n}` })),
  );
  expect(both.map(({ status }) => status).sort()).toEqual([200, 400]);
  const winner = both.find(({ status }) => status === 200)!.body as { device_id: number; api_token: string };
  const headers = { authorization: `Device ${winner.api_token}` };
  for (const each of [system, replica]) {
    expect((await each.call('GET', `${OPENAIR}checkinlists/`, { headers })).status).toBe(200);
  }
});

test('an address that phones cannot reach is named, a wrong option refused', async () => {
  const made = await run(...create);
  expect(made.code).toBe(0);
  expect((JSON.parse(made.out) as SetUpCode).url).toBe('http://127.0.0.1:8080');
  expect(made.err).toContain('\nA phone cannot reach http://127.0.0.1:8080: that is this machine itself.');
  const before = (await run('device', 'list')).out;
  const profile = await run(...create, '--profile', 'doorbell');
  expect(profile).toMatchObject({ code: 1, out: '' });
  expect(profile.err).toContain(`Allowed choices are ${DEVICE_PROFILES.join(', ')}.`);
  const refused = await run(...create, '--url', 'https://me:pw@x');
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused.err).toMatch(/^--url must be an address as https:\/\/gate\.example\.org/);
  expect((await run('device', 'list')).out).toBe(before);
});

test('lists shows every list with its id: the shop’s, and those made through the API', async () => {
  const created = await system.call('POST', `${OPENAIR}checkinlists/`, { token: TOKENS.admin, json: { name: 'Ours' } });
  const { id } = created.body as { id: number };
  const all = (await run('lists')).out;
  expect(all).toMatch(new RegExp(`^demo +openair +${LISTS.main} +\\S.* all$`, 'm'));
  expect(all).toMatch(new RegExp(`^demo +openair +${id} +Ours +all$`, 'm'));
  expect(all).toMatch(new RegExp(`^demo +tours +${LISTS.morning} .* ${DATES.morning} \\(`, 'm'));
  expect(all).toMatch(new RegExp(`^other +fair +${LISTS.fair} `, 'm'));
  const tours = await run('lists', '--organizer', 'demo', '--event', 'tours');
  expect(tours.out.match(/^demo +tours /gm)).toHaveLength(3);
  expect(tours.out).not.toContain('openair');
  expect(await run('lists', '--event', 'nosuch')).toMatchObject({
    code: 1,
    err: 'There is no such event; known are: demo/crowd, demo/openair, demo/survey, demo/tours, other/fair.\n',
  });
});

test('a list that an event has not is told with those that it has', async () => {
  const wrong = await run(
    'droid-key',
    'create',
    '--organizer',
    'demo',
    '--event',
    'tours',
    '--list',
    '1',
    '--url',
    'http://x',
  );
  expect(wrong.code).toBe(1);
  expect(wrong.err).toMatch(new RegExp(`^tours has no check-in list 1; it has ${LISTS.morning} \\(.+\\), `));
});

test('token list shows ids and names', async () => {
  expect((await run('token', 'list')).out).toMatch(/^\d+ +demo +viewer +yes +all +can_view_orders$/m);
});
