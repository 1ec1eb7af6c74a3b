import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { until } from '@gatehouse/eventing/history-in-test';
import { openReference } from '@gatehouse/reference/context';
import { createDevice, deviceSetUp } from '@gatehouse/reference/credentials';
import { reference } from '@gatehouse/reference-service/service';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { call } from '@gatehouse/service/testing';
import { sync } from '@gatehouse/sync-service/service';
import { backendsInTest } from '@gatehouse/test-support/backends';
import { festival, LISTS, QUESTIONS, TOKENS } from '@gatehouse/test-support/festival';
import { startGateway } from '@gatehouse/test-support/gateway';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { Phone, type Listed } from '@gatehouse/test-support/phone';
import { startProcess } from '@gatehouse/test-support/process';
import { SCANNER_APPS } from '@gatehouse/test-support/scanner-apps';
import { startSystem, type ExportFiles } from '@gatehouse/test-support/system';

/*
 * What an app does beside the usual day (todays-scanners.test.ts): it tells of its new version, lets the server choose the event, goes
 * on with a first download that was interrupted, answers a question with a photo, and ends itself (clients.md §2). Once against one
 * process, and once against the split system behind its gateway, where five services have a part in it.
 */

type Order = { code: string; datetime: string; email: string | null } & Listed;
/** Where a phone finds the server, and what only an operator can do. */
type Server = {
  readonly url: string;
  import(files: ExportFiles): Promise<void>;
  createDevice(limits: { all_events: boolean; limit_events: string[] }): Promise<string>;
  close(): Promise<void>;
};

const app = SCANNER_APPS.find(({ name }) => name === 'libpretixsync of July 2026')!;
const ORDERS = 'demo/events/crowd/orders.ndjson';

/** The crowd's orders came in over hours, some of them in the same second. */
function shop(): ExportFiles & { readonly [ORDERS]: Order[] } {
  const files = festival();
  const orders = (files[ORDERS] as Order[]).map((order, n) => ({ ...order, datetime: minute(Math.floor(n / 3)) }));
  const events = Object.entries(files).filter(([name]) => name.endsWith('/event.json'));
  const live = events.map(([name, event]) => [name, { ...(event as Listed), live: true }]);
  return { ...files, ...Object.fromEntries(live), [ORDERS]: orders };
}
const minute = (n: number): string => new Date(Date.UTC(2026, 10, 1, 8, n)).toISOString().replace('.000', '');

async function oneProcess(): Promise<Server> {
  const system = await startSystem([checkin, cart, sync, reference]);
  const backends = openBackends(readConfig({}), system.databaseUrl);
  const history = await openReference(backends);
  return {
    url: system.url,
    import: async (files) => void (await system.import(files)),
    createDevice: async (limits) =>
      (await createDevice(history.store, { organizer: 'demo', name: 'Gate 7', ...limits })).setUpToken,
    async close() {
      await history.pool.end();
      await backends.close();
      await system.close();
    },
  };
}

async function splitSystem(): Promise<Server> {
  const { env, close } = await backendsInTest({ store: 'PostgreSQL', bus: 'Kafka' });
  const processes = [
    await startProcess([reference], env),
    await startProcess([cart], env),
    await startProcess([sync], env),
  ] as const;
  const system = await startSystem([checkin], env);
  const urls = { reference: [processes[0].url], cart: [processes[1].url], sync: [processes[2].url] };
  const through = await startGateway({ checkin: [system.url], ...urls });
  const backends = openBackends(readConfig(env), undefined);
  const history = await openReference(backends);
  return {
    url: through.url,
    async import(files) {
      await system.import(files);
      // The gates have applied it; the service sync has its own copy, which arrives over Kafka.
      const newest = (files[ORDERS] as Order[]).at(-1)!;
      const target = `/api/v1/organizers/demo/events/crowd/orders/${newest.code}/`;
      await until(async () => (await call(through.url, 'GET', target, { token: TOKENS.admin })).status === 200);
    },
    createDevice: async (limits) =>
      (await createDevice(history.store, { organizer: 'demo', name: 'Gate 7', ...limits })).setUpToken,
    async close() {
      await through.close();
      await history.pool.end();
      await backends.close();
      await system.close();
      for (const each of processes) await each.close();
      await close();
    },
  };
}

function journey(start: () => Promise<Server>): void {
  let server: Server;
  const phone = new Phone(app);
  beforeAll(async () => {
    server = await start();
    await server.import(shop());
  });
  afterAll(() => server.close());

  test('is set up, finds its events, and tells when it was updated', async () => {
    const setUpToken = await server.createDevice({ all_events: true, limit_events: [] });
    await phone.setUp(deviceSetUp({ baseUrl: server.url, setUpToken }));
    expect((await phone.events()).map(({ slug }) => slug)).toEqual(
      expect.arrayContaining(['crowd', 'openair', 'survey']),
    );
    const json = { ...app.software, software_version: '99.1.0' };
    const updated = await phone.post('/api/v1/device/update', json);
    expect(updated).toMatchObject({ status: 200, body: { organizer: 'demo', name: 'Gate 7' } });
    // It tells what it has told already at every start.
    expect(await phone.post('/api/v1/device/update', json)).toMatchObject({
      status: 200,
      body: updated.body as object,
    });
    expect(await phone.get('/api/v1/device/info')).toMatchObject({ status: 200, body: { device: updated.body } });
  });

  test('is told which event to show: 200 with it, 304 while it shows that, 404 when there is none', async () => {
    const target = '/api/v1/device/eventselection';
    const chosen = await phone.get(target);
    expect(chosen.status).toBe(200);
    const { event, subevent, checkinlist } = chosen.body as {
      event: { slug: string };
      subevent: number | null;
      checkinlist: number | null;
    };
    const shown = new URLSearchParams({ current_event: event.slug });
    if (subevent !== null) shown.set('current_subevent', String(subevent));
    if (checkinlist !== null) shown.set('current_checkinlist', String(checkinlist));
    expect(await phone.get(`${target}?${shown}`)).toMatchObject({ status: 304, text: '' });
    const nowhere = new Phone(app);
    const setUpToken = await server.createDevice({ all_events: false, limit_events: [] });
    await nowhere.setUp(deviceSetUp({ baseUrl: server.url, setUpToken }));
    // Not JSON: an app takes a JSON 404 for an answer.
    expect(await nowhere.get(target)).toMatchObject({ status: 404, text: '' });
  });

  test('goes on with a first download that was interrupted, and misses nothing that happened meanwhile', async () => {
    const target = `${phone.base}events/crowd/orders/?testmode=false&pdf_data=true`;
    const copy = new Map<string, Order>();
    /** Copies pages until there are no more, or so many; resolves with the first one's header. */
    const download = async (more: string, most = Infinity): Promise<string> => {
      let next: string | null = `${target}&${more}`;
      let generated: string | undefined;
      for (let n = 0; next !== null && n < most; n++) {
        const answer = await phone.get(next);
        expect(answer.status).toBe(200);
        const page = answer.body as { results: Order[]; next: string | null };
        for (const order of page.results) copy.set(order.code, order);
        generated ??= answer.headers['x-page-generated'];
        const link: URL | null = page.next === null ? null : new URL(page.next);
        if (link) expect(link.origin).toBe(server.url);
        next = link && link.pathname + link.search;
      }
      return generated!;
    };
    const generated = await download('ordering=datetime', 1);
    const last = [...copy.values()].at(-1)!;
    expect(copy.size).toBe(50);

    // The network is gone. Meanwhile somebody changes an order that was copied, and buys another ticket.
    const files = shop();
    const orders = files[ORDERS].map((order, n) => (n === 3 ? { ...order, email: 'new@example.org' } : order));
    const late = {
      ...orders[0]!,
      code: 'LATE1',
      datetime: minute(600),
      positions: [{ ...(orders[0]!['positions'] as Listed[])[0], id: 990_001, secret: 'latecomer' }],
    };
    await server.import({ ...files, [ORDERS]: [...orders, late] });

    await download(`ordering=datetime&created_since=${encodeURIComponent(last.datetime)}`);
    expect([...copy.keys()].sort()).toEqual([...orders, late].map(({ code }) => code).sort());
    expect(copy.get(orders[3]!.code)!.email).toBeNull();
    await download(`ordering=-last_modified&modified_since=${encodeURIComponent(generated)}`);
    expect(copy.get(orders[3]!.code)!.email).toBe('new@example.org');
  });

  test('answers a question with a photo that it has uploaded, and every gate shows it', async () => {
    const { ticket, question } = QUESTIONS.F.required;
    const asked = await phone.redeem('survey', LISTS.survey, ticket.secret);
    expect(asked).toMatchObject({
      status: 400,
      body: { status: 'incomplete', questions: [{ id: question, type: 'F' }] },
    });
    const photo = Buffer.from('89504e470d0a1a0a', 'hex');
    const uploaded = await phone.uploadFile(photo, { type: 'image/png', name: 'photo.png' });
    expect(uploaded).toMatchObject({
      status: 201,
      body: { id: expect.stringMatching(/^file:[0-9a-f-]{36}$/) as string },
    });
    const { id: answer } = uploaded.body as { id: string };
    const answers = { [String(question)]: answer };
    const told = await phone.redeem('survey', LISTS.survey, ticket.secret, { answers });
    expect(told).toMatchObject({ status: 201, body: { status: 'ok' } });
    const [found] = await phone.search('survey', LISTS.survey, ticket.secret);
    expect(found).toMatchObject({ secret: ticket.secret, answers: [{ question, answer }] });
  });

  test('ends itself, and is told so by every service', async () => {
    expect((await phone.post('/api/v1/device/revoke', {})).status).toBe(200);
    const targets = ['/api/v1/device/info', `${phone.base}events/`, `${phone.base}events/crowd/quotas/`];
    for (const target of targets) {
      await until(async () => (await phone.get(target)).status === 401);
      expect((await phone.get(target)).text).toBe('{"detail":"Device access has been revoked."}');
    }
  });
}

describe('in one process', () => journey(oneProcess));
describeWithKafka('split: each service in a process and a database of its own, behind the gateway', () =>
  journey(splitSystem),
);
