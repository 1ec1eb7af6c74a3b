import { checkin } from '@gatehouse/checkin/service';
import { cart } from '@gatehouse/cart/service';
import { createDevice, revoke } from '@gatehouse/reference/credentials';
import { reference as referenceService } from '@gatehouse/reference-service/service';
import { referenceStoreAt } from '@gatehouse/reference/testing';
import type { Answer } from '@gatehouse/service/testing';
import { DEVICES, festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/*
 * Devices as apps see them: pretix's "Device authentication", with the words of its own server. Everything is asked over
 * HTTP, of the services together, as behind the gateway.
 */

let system: System;
let reference: Awaited<ReturnType<typeof referenceStoreAt>>;
beforeAll(async () => {
  system = await startSystem([checkin, cart, referenceService]);
  await system.import(festival());
  reference = await referenceStoreAt(system.databaseUrl);
});
afterAll(async () => {
  await reference.close();
  await system.close();
});

const APP = {
  hardware_brand: 'Zebra',
  hardware_model: 'TC26',
  os_name: 'Android',
  os_version: '14',
  software_brand: 'pretixSCAN',
  software_version: '2.11.2',
};
const everywhere = { all_events: true, limit_events: [] };

const made = (more: object = {}) =>
  createDevice(reference.store, { organizer: 'demo', name: 'Gate 7', ...everywhere, ...more });
const initialize = (token: unknown, { slash = false, ...more }: { slash?: boolean; json?: object } = {}) =>
  system.call('POST', `/api/v1/device/initialize${slash ? '/' : ''}`, { json: { token, ...APP, ...more.json } });
const as = (apiToken: unknown) => ({ headers: { authorization: `Device ${apiToken as string}` } });
const asDevice = (answer: Answer) => as((answer.body as { api_token: string }).api_token);
const state = async (id: number) => (await reference.store.load(`device-demo/${id}`)).at(-1)!.data as object;

/** A device that an app has set up. */
async function setUpDevice(more: object = {}): Promise<{ id: number; answer: Answer }> {
  const { id, setUpToken } = await made(more);
  const answer = await initialize(setUpToken);
  expect(answer.status).toBe(200);
  return { id, answer };
}

test('contract §10: an app that has set itself up sees what newer versions have, whatever the list states', async () => {
  const { answer } = await setUpDevice();
  const list = `${OPENAIR}checkinlists/${LISTS.main}/`;
  const shown = async (path: string) => (await system.call('GET', path, asDevice(answer))).body;
  const newer = { allow_multiple_entries: false, allow_entry_after_exit: true, rules: {}, exit_all_at: null };
  expect(await shown(list)).toMatchObject(newer);
  expect(await shown(`${list}status/`)).toMatchObject({ inside_count: expect.any(Number) });
});

test('contract §10, 3.9: check-ins have their type for such an app, which cannot read them without (clients.md §3)', async () => {
  const { answer } = await setUpDevice();
  const ticket = `${OPENAIR}checkinlists/${LISTS.main}/positions/${TICKETS.namelessInvoice.id}/`;
  const redeem = () => system.call('POST', `${ticket}redeem/`, { ...asDevice(answer), json: {} });
  expect((await redeem()).status).toBe(201);
  const again = (await redeem()).body as { position: { checkins: object[] } };
  const types = [{ list: LISTS.main, type: 'entry' }];
  expect(again.position.checkins).toMatchObject(types);
  const shown = async (ask: object) => (await system.call('GET', ticket, ask)).body as typeof again.position;
  expect((await shown(asDevice(answer))).checkins).toMatchObject(types);
  expect((await shown({ token: TOKENS.admin })).checkins).not.toHaveProperty('0.type');
});

describe('POST device/initialize', () => {
  test.each([false, true])(
    '200: the device and its API token, which is good at every service at once; slash: %s',
    async (slash) => {
      const { id, setUpToken } = await made();
      const answer = await initialize(setUpToken, { slash });
      expect(answer).toMatchObject({
        status: 200,
        body: { organizer: 'demo', device_id: id, name: 'Gate 7', security_profile: 'full', gate: null },
      });
      expect(Object.keys(answer.body as object)).toEqual([
      'organizer', 'device_id', 'unique_serial', 'api_token', 'name', 'security_profile', 'gate',
    ]); // prettier-ignore
      expect(answer.body).toMatchObject({
        unique_serial: expect.stringMatching(/^[A-Z0-9]{16}$/) as string,
        api_token: expect.stringMatching(/^[a-z0-9]{64}$/) as string,
      });
      const [lists, carts, info] = await Promise.all([
        system.call('GET', `${OPENAIR}checkinlists/`, asDevice(answer)),
        system.call('GET', `${OPENAIR}cartpositions/`, asDevice(answer)),
        system.call('GET', '/api/v1/device/info', asDevice(answer)),
      ]);
      expect([lists.status, carts.status, info.status]).toEqual([200, 200, 200]);
      expect(await state(id)).toMatchObject({ ...APP, initialized: true });
    },
  );

  test('the new device scans', async () => {
    const { answer } = await setUpDevice();
    const redeem = `${OPENAIR}checkinlists/${LISTS.main}/positions/${TICKETS.ada.secret}/redeem/`;
    expect(await system.call('POST', redeem, { ...asDevice(answer), json: {} })).toMatchObject({ status: 201 });
  });

  test('400: unknown, already used, revoked, expired, in the words of pretix', async () => {
    const told = (text: string) => ({ status: 400, body: { token: [text] } });
    expect(await initialize('nosuchtoken00000')).toMatchObject(told('Unknown initialization token.'));
    const used = await made();
    await initialize(used.setUpToken);
    expect(await initialize(used.setUpToken)).toMatchObject(told('This initialization token has already been used.'));
    const ended = await made();
    await revoke(reference.store, 'DeviceStated', `device-demo/${ended.id}`);
    expect(await initialize(ended.setUpToken)).toMatchObject(told('This initialization token has been revoked.'));
    const old = await made();
    const [first] = await reference.store.load(`device-demo/${old.id}`);
    const data = { ...(first!.data as object), setup_expires: '2026-01-01T00:00:00Z' };
    await reference.store.append(`device-demo/${old.id}`, 1, [
      {
        id: '4d0c8f1e-7a55-4c53-9c0e-0b9a5c0f4a5d',
        type: 'DeviceStated',
        version: 1,
        data,
        actor: 'test',
        trace: null,
      },
    ]);
    expect(await initialize(old.setUpToken)).toMatchObject(told('This initialization token has expired.'));
  });

  test('a used token stays used when its device was revoked', async () => {
    const { id, setUpToken } = await made();
    await initialize(setUpToken);
    await revoke(reference.store, 'DeviceStated', `device-demo/${id}`);
    expect(await initialize(setUpToken)).toMatchObject({
      status: 400,
      body: { token: ['This initialization token has already been used.'] },
    });
  });

  test('of many phones that scan one QR code at once, one sets the device up', async () => {
    for (const together of [2, 8]) {
      const { id, setUpToken } = await made();
      const answers = await Promise.all(
        Array.from({ length: together }, (_, n) => initialize(setUpToken, { json: { hardware_model: `phone ${n}` } })),
      );
      const winners = answers.filter(({ status }) => status === 200);
      expect(winners).toHaveLength(1);
      for (const answer of answers.filter((each) => each !== winners[0])) {
        expect(answer).toMatchObject({
          status: 400,
          body: { token: ['This initialization token has already been used.'] },
        });
      }
      expect(await reference.store.load(`device-demo/${id}`)).toHaveLength(2);
      expect(await state(id)).toMatchObject({ hardware_model: `phone ${answers.indexOf(winners[0]!)}` });
      expect((await system.call('GET', '/api/v1/device/info', asDevice(winners[0]!))).status).toBe(200);
    }
  });

  test('400: fields, as the shop checks them', async () => {
    const { setUpToken } = await made();
    const required = ['This field is required.'];
    expect(await system.call('POST', '/api/v1/device/initialize', { json: {} })).toMatchObject({
      status: 400,
      body: {
        token: required,
        hardware_brand: required,
        hardware_model: required,
        software_brand: required,
        software_version: required,
      },
    });
    const wrong = { hardware_brand: '', hardware_model: 'x'.repeat(191), software_brand: null, os_name: [] };
    expect(await initialize(setUpToken, { json: wrong })).toMatchObject({
      status: 400,
      body: {
        hardware_brand: ['This field may not be blank.'],
        hardware_model: ['Ensure this field has no more than 190 characters.'],
        software_brand: ['This field may not be null.'],
        os_name: ['Not a valid string.'],
      },
    });
    for (const token of ['', null, 'x'.repeat(191), 'a\u0000b', {}, true]) {
      expect(await initialize(token)).toMatchObject({ status: 400, body: { token: [expect.any(String)] } });
    }
    expect(await system.call('POST', '/api/v1/device/initialize', { body: '[', headers: { 'content-type': 'application/json' } })).toMatchObject({ status: 400 }); // prettier-ignore
    expect(await system.call('POST', '/api/v1/device/initialize', { body: 'x', headers: { 'content-type': 'text/plain' } })).toMatchObject({ status: 415 }); // prettier-ignore
    // None of it has used the token up, and what an app may leave out or send besides is fine.
    const answer = await system.call('POST', '/api/v1/device/initialize', {
      json: { token: ` ${setUpToken} `, hardware_brand: 'a', hardware_model: 'b', software_brand: 'c', software_version: 4, info: { x: [1] }, rsa_pubkey: null },
    }); // prettier-ignore
    expect(answer.status).toBe(200);
  });

  test('405 for other methods, with and without a slash', async () => {
    for (const target of ['/api/v1/device/initialize', '/api/v1/device/initialize/']) {
      expect(await system.call('GET', target)).toMatchObject({ status: 405, headers: { allow: 'POST, OPTIONS' } });
    }
  });

  test('neither secret is stored or published, only their hashes', async () => {
    const { id, setUpToken } = await made();
    const answer = await initialize(setUpToken);
    const stored = JSON.stringify(await reference.store.load(`device-demo/${id}`));
    expect(stored).not.toContain(setUpToken);
    expect(stored).not.toContain((answer.body as { api_token: string }).api_token);
  });
});

describe('device/info, version', () => {
  const VERSION = { pretix: '4.11.0', pretix_numeric: 40_110_005_000 };

  test.each(['', '/'])(
    '200: the device and a version below 4.12, so that apps scan by the routes that we have; "%s"',
    async (slash) => {
      const { id, answer } = await setUpDevice();
      expect(await system.call('GET', `/api/v1/device/info${slash}`, asDevice(answer))).toMatchObject({
        status: 200,
        body: { device: answer.body as object, server: { version: VERSION }, medium_key_sets: [] },
      });
      expect((answer.body as { device_id: number }).device_id).toBe(id);
      for (const headers of [asDevice(answer), { token: TOKENS.nothing }]) {
        expect(await system.call('GET', `/api/v1/version${slash}`, headers)).toMatchObject({
          status: 200,
          body: VERSION,
        });
      }
      expect((await system.call('GET', `/api/v1/version${slash}`)).status).toBe(401);
    },
  );

  test('an app reads which security profile its device has', async () => {
    const { answer } = await setUpDevice({ security_profile: 'pretixscan_online_kiosk' });
    expect(answer.body).toMatchObject({ security_profile: 'pretixscan_online_kiosk' });
    expect(await system.call('GET', '/api/v1/device/info', asDevice(answer))).toMatchObject({
      body: { device: { security_profile: 'pretixscan_online_kiosk' } },
    });
  });

  test('an imported device goes on working, and always has the same serial number', async () => {
    const first = await system.call('GET', '/api/v1/device/info', as(DEVICES.gate));
    expect(first).toMatchObject({
      status: 200,
      body: { device: { device_id: 1, name: 'Device 1', api_token: DEVICES.gate, security_profile: 'full' } },
    });
    expect(first.body).toEqual((await system.call('GET', '/api/v1/device/info', as(DEVICES.gate))).body);
  });
});

describe('GET device/eventselection', () => {
  const HOUR = 3_600_000;
  const at = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString();
  const select = (device: Answer, query = '', slash = '') =>
    system.call('GET', `/api/v1/device/eventselection${slash}${query}`, asDevice(device));

  /** An organizer of its own, whose events take place now. */
  const town = (events: Record<string, object>) => ({
    ...festival(),
    'town/organizer.json': { slug: 'town', name: 'Town' },
    ...Object.fromEntries(
      Object.entries(events).flatMap(
        ([slug, { lists, dates, ...event }]: [string, { lists?: object; dates?: object }]) => [
          [
            `town/events/${slug}/event.json`,
            { slug, name: { en: slug, de: `${slug} (de)` }, timezone: 'UTC', ...event },
          ],
          [`town/events/${slug}/settings.json`, { locale: 'en', locales: ['en', 'de'] }],
          [`town/events/${slug}/checkinlists.json`, lists ?? []],
          [`town/events/${slug}/subevents.json`, dates ?? []],
        ],
      ),
    ),
  });
  const SOON = {
    date_from: at(5),
    date_to: at(8),
    lists: [
      { id: 7011, name: 'VIP' },
      { id: 7012, name: 'Gate' },
    ],
  };
  const NOW = {
    date_from: at(-2),
    date_to: at(3),
    lists: [
      { id: 7001, name: 'Gate' },
      { id: 7002, name: 'Back' },
    ],
  };
  const TOURS = {
    has_subevents: true,
    date_from: at(-100),
    dates: [
      { id: 7601, name: 'Now', active: true, date_from: at(-1), date_to: at(1) },
      { id: 7602, name: 'Later', active: true, date_from: at(30), date_to: at(31) },
    ],
    lists: [
      { id: 7021, name: 'Later', subevent: 7602 },
      { id: 7022, name: 'Now', subevent: 7601 },
    ],
  };

  test.each(['', '/'])('200, 304, 404: the event that runs, with a list; "%s"', async (slash) => {
    await system.import(town({ now: NOW, soon: SOON, tours: TOURS }));
    const { answer } = await setUpDevice({ organizer: 'town', all_events: false, limit_events: ['now', 'soon'] });
    const running = { event: { slug: 'now', name: 'now' }, subevent: null, checkinlist: 7002 };
    expect(await select(answer, '', slash)).toMatchObject({ status: 200, body: running });
    expect((await select(answer, '?current_event=now&current_checkinlist=7001', slash)).status).toBe(304);
    // A list of the same name, where there is one.
    const moved = await select(answer, '?current_event=soon&current_checkinlist=7012', slash);
    expect(moved).toMatchObject({ status: 200, body: { ...running, checkinlist: 7001 } });
    for (const odd of ['?current_event=nosuch', '?current_event=now&current_subevent=x', '?current_checkinlist=-1']) {
      expect([200, 304]).toContain((await select(answer, odd, slash)).status);
    }
    const german = await system.call('GET', `/api/v1/device/eventselection${slash}`, {
      headers: { ...asDevice(answer).headers, 'accept-language': 'de' },
    });
    expect(german).toMatchObject({ body: { event: { slug: 'now', name: 'now (de)' } } });
    const nothing = await setUpDevice({ all_events: false, limit_events: [] });
    expect(await select(nothing.answer, '', slash)).toMatchObject({ status: 404, text: '' });
  });

  test('of a series the date that runs, with a list for it', async () => {
    await system.import(town({ now: NOW, soon: SOON, tours: TOURS }));
    const { answer } = await setUpDevice({ organizer: 'town', all_events: false, limit_events: ['tours'] });
    const running = { event: { slug: 'tours' }, subevent: 7601, checkinlist: 7022 };
    expect(await select(answer)).toMatchObject({ status: 200, body: running });
    expect((await select(answer, '?current_event=tours&current_subevent=7601&current_checkinlist=7022')).status).toBe(
      304,
    );
    const later = await select(answer, '?current_event=tours&current_subevent=7602&current_checkinlist=7021');
    expect(later).toMatchObject({ status: 200, body: running });
  });
});

const CHANGES = ['update', 'roll', 'revoke'] as const;

describe('who may change a device', () => {
  test.each([...CHANGES.map((what) => ['POST', what]), ['GET', 'info'], ['GET', 'eventselection']])(
    '%s device/%s 401: nobody, a team, an unknown, a revoked and a fresh device',
    async (method, what) => {
      for (const slash of ['', '/']) {
        const ask = (authorization?: string) =>
          system.call(
            method,
            `/api/v1/device/${what}${slash}`,
            authorization === undefined ? {} : { headers: { authorization } },
          );
        const refused = (detail: string) => ({ status: 401, body: { detail } });
        expect(await ask()).toMatchObject(refused('Authentication credentials were not provided.'));
        expect(await ask(`Token ${TOKENS.admin}`)).toMatchObject(
          refused('Authentication credentials were not provided.'),
        );
        expect(await ask('Device nobody')).toMatchObject(refused('Invalid token.'));
        expect(await ask(`Device ${DEVICES.revoked}`)).toMatchObject(refused('Device access has been revoked.'));
        expect(await ask(`Device ${DEVICES.fresh}`)).toMatchObject(refused('Device has not been initialized.'));
      }
    },
  );
});

describe('POST device/update', () => {
  test.each(['', '/'])(
    '200: keeps what the app tells of itself; the same again writes nothing; "%s"',
    async (slash) => {
      const { id, answer } = await setUpDevice();
      const newer = { ...APP, software_version: '2.12.0', os_name: undefined, os_version: null };
      const update = () => system.call('POST', `/api/v1/device/update${slash}`, { ...asDevice(answer), json: newer });
      expect(await update()).toMatchObject({ status: 200, body: answer.body as object });
      expect(await update()).toMatchObject({ status: 200, body: answer.body as object });
      expect(await reference.store.load(`device-demo/${id}`)).toHaveLength(3);
      expect(await state(id)).toMatchObject({ software_version: '2.12.0', os_name: null, hardware_brand: 'Zebra' });
    },
  );

  test('400: fields', async () => {
    const { answer } = await setUpDevice();
    expect(await system.call('POST', '/api/v1/device/update', { ...asDevice(answer), json: {} })).toMatchObject({
      status: 400,
      body: { software_version: ['This field is required.'] },
    });
  });

  test('of an imported device, and an import of the same folder does not undo it', async () => {
    const update = { ...as(DEVICES.gate), json: { ...APP, software_version: '9' } };
    expect((await system.call('POST', '/api/v1/device/update', update)).status).toBe(200);
    expect((await system.import(festival())).events).toBe(0);
    expect(await state(1)).toMatchObject({ software_version: '9' });
  });
});

describe('POST device/roll', () => {
  test.each(['', '/'])('200: a new API token, and the old one is invalid; "%s"', async (slash) => {
    const { answer } = await setUpDevice();
    const rolled = await system.call('POST', `/api/v1/device/roll${slash}`, asDevice(answer));
    expect(rolled.status).toBe(200);
    expect(rolled.body).toEqual({
      ...(answer.body as object),
      api_token: expect.stringMatching(/^[a-z0-9]{64}$/) as string,
    });
    expect((await system.call('GET', `${OPENAIR}checkinlists/`, asDevice(rolled))).status).toBe(200);
    expect(await system.call('GET', `${OPENAIR}checkinlists/`, asDevice(answer))).toMatchObject({
      status: 401,
      body: { detail: 'Invalid token.' },
    });
    expect(await system.call('POST', '/api/v1/device/roll', asDevice(answer))).toMatchObject({ status: 401 });
  });

  test('of two at once with one token, one gets a new one', async () => {
    const { answer } = await setUpDevice();
    const both = await Promise.all([1, 2].map(() => system.call('POST', '/api/v1/device/roll', asDevice(answer))));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401]);
    const winner = both.find(({ status }) => status === 200)!;
    expect((await system.call('GET', '/api/v1/device/info', asDevice(winner))).status).toBe(200);
  });

  test('no reply with a secret is stored for its idempotency key', async () => {
    const { answer } = await setUpDevice();
    const { headers } = asDevice(answer);
    const key = { 'x-idempotency-key': 'roll-once' };
    const rolled = await system.call('POST', '/api/v1/device/roll', { headers: { ...headers, ...key } });
    expect(rolled.status).toBe(200);
    const recalled = await system.call('GET', '/api/v1/idempotency_query?key=roll-once', { headers });
    expect(recalled).toMatchObject({ status: 404, body: { detail: 'Idempotency key not seen before.' } });
  });
});

describe('POST device/revoke', () => {
  test.each(['', '/'])(
    '200, and from then on the words that make an app wipe itself, everywhere; "%s"',
    async (slash) => {
      const { id, answer } = await setUpDevice();
      expect(await system.call('POST', `/api/v1/device/revoke${slash}`, asDevice(answer))).toMatchObject({
        status: 200,
        body: answer.body as object,
      });
      await system.settled();
      for (const [method, target] of [
        ['POST', '/api/v1/device/revoke'],
        ['POST', '/api/v1/device/roll'],
        ['GET', '/api/v1/device/info'],
        ['GET', `${OPENAIR}checkinlists/`],
        ['GET', `${OPENAIR}cartpositions/`],
      ] as const) {
        expect(await system.call(method, target, asDevice(answer))).toMatchObject({
          status: 401,
          body: { detail: 'Device access has been revoked.' },
        });
      }
      expect(await state(id)).toMatchObject({ revoked: true, import: 0 });
    },
  );
});

describe('a device of pretix that was not set up there', () => {
  const box = (more: object = {}) => ({
    ...festival(),
    'demo/devices.json': [
      ...(festival()['demo/devices.json'] as object[]),
      { device_id: 50, name: 'In its box', initialization_token: 'boxboxboxboxbox1', unique_serial: 'FLTB5GW42DR0AP4H', all_events: true, limit_events: [], initialized: null, revoked: false, security_profile: 'pretixscan', api_token: null, ...more },
    ],
  }); // prettier-ignore

  test('is set up here with its token, keeps its serial number, and no later import undoes that', async () => {
    await system.import(box());
    const answer = await initialize('boxboxboxboxbox1');
    expect(answer).toMatchObject({
      status: 200,
      body: { device_id: 50, unique_serial: 'FLTB5GW42DR0AP4H', security_profile: 'pretixscan' },
    });
    expect((await system.import(box())).events).toBe(0);
    await system.import(box({ name: 'At gate 3' }));
    expect(await system.call('GET', '/api/v1/device/info', asDevice(answer))).toMatchObject({
      status: 200,
      body: { device: { ...(answer.body as object), name: 'At gate 3' } },
    });
    expect(await state(50)).toMatchObject({ ...APP, initialized: true });
    await system.import(box({ name: 'At gate 3', revoked: true }));
    expect(await system.call('GET', '/api/v1/device/info', asDevice(answer))).toMatchObject({
      status: 401,
      body: { detail: 'Device access has been revoked.' },
    });
  });
});
