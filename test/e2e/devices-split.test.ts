import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { openReference } from '@gatehouse/reference/context';
import { createDevice } from '@gatehouse/reference/credentials';
import type { ReferenceStore } from '@gatehouse/reference/store';
import { reference } from '@gatehouse/reference-service/service';
import { openBackends, type Backends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { call } from '@gatehouse/service/testing';
import { backendsInTest, type BackendsInTest } from '@gatehouse/test-support/backends';
import { festival, OPENAIR } from '@gatehouse/test-support/festival';
import { startGateway, type RunningGateway } from '@gatehouse/test-support/gateway';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { startProcess, type Process } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';
import type { Pool } from 'pg';

/*
 * Devices in the split system: the service reference alone has the database of credentials, the others hear of a device over
 * Kafka, and an app talks to the gateway only.
 */

const APP = { hardware_brand: 'a', hardware_model: 'b', software_brand: 'pretixSCAN', software_version: '1' };

describeWithKafka('devices, each context in its own database, behind a gateway', () => {
  let backends: BackendsInTest;
  let system: System;
  let processes: Process[];
  let before: RunningGateway;
  let through: string;
  let opened: Backends;
  let history: { store: ReferenceStore; pool: Pool };
  beforeAll(async () => {
    backends = await backendsInTest({ store: 'PostgreSQL', bus: 'Kafka' });
    processes = [await startProcess([reference], backends.env)];
    system = await startSystem([checkin], backends.env);
    processes.push(await startProcess([cart], backends.env));
    await system.import(festival());
    const [credentials, carts] = processes as [Process, Process];
    before = await startGateway({ reference: [credentials.url], checkin: [system.url], cart: [carts.url] });
    through = before.url;
    opened = openBackends(readConfig(backends.env), undefined);
    history = await openReference(opened);
  });
  afterAll(async () => {
    await before.close();
    await history.pool.end();
    await opened.close();
    await system.close();
    for (const each of processes) await each.close();
    await backends.close();
  });

  const wanted = { organizer: 'demo', name: 'Gate 7', all_events: true, limit_events: [] };
  const as = (apiToken: string) => ({ headers: { authorization: `Device ${apiToken}` } });
  async function setUp(): Promise<string> {
    const { setUpToken } = await createDevice(history.store, wanted);
    const answer = await call(through, 'POST', '/api/v1/device/initialize', { json: { token: setUpToken, ...APP } });
    expect(answer.status).toBe(200);
    return (answer.body as { api_token: string }).api_token;
  }
  /** An app's requests to three services: what it reads of itself, the gates, the shop. */
  const statuses = async (apiToken: string) =>
    Promise.all(
      ['/api/v1/device/info', `${OPENAIR}checkinlists/`, `${OPENAIR}cartpositions/`].map(
        async (target) => (await call(through, 'GET', target, as(apiToken))).status,
      ),
    );

  test('a new API token is good at every service at once, ten times', async () => {
    for (let n = 0; n < 10; n++) expect(await statuses(await setUp())).toEqual([200, 200, 200]);
  });

  test('so is a rolled one, and a device that ends itself hears so from all', async () => {
    const first = await setUp();
    const rolled = await call(through, 'POST', '/api/v1/device/roll/', as(first));
    expect(rolled.status).toBe(200);
    const { api_token: second } = rolled.body as { api_token: string };
    expect(await statuses(second)).toEqual([200, 200, 200]);
    const update = { ...as(second), json: { ...APP, software_version: '2' } };
    expect((await call(through, 'POST', '/api/v1/device/update', update)).status).toBe(200);
    expect((await call(through, 'POST', '/api/v1/device/revoke', as(second))).status).toBe(200);
    await system.settled();
    expect(await call(through, 'GET', `${OPENAIR}checkinlists/`, as(second))).toMatchObject({
      status: 401,
      body: { detail: 'Device access has been revoked.' },
    });
  });

  test('without the service reference scanners go on, and only what changes a device is refused', async () => {
    const apiToken = await setUp();
    const [credentials] = processes.splice(0, 1);
    await credentials!.close();
    expect(await statuses(apiToken)).toEqual([200, 200, 200]);
    const answer = await call(through, 'POST', '/api/v1/device/initialize', { json: { token: 'x', ...APP } });
    expect([502, 503]).toContain(answer.status);
  });
});
