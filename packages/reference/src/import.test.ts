import { cpSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { writeFestival } from './festival';
import { importInTest, order, ORDERS, position, type Order } from './import-in-test';
import { newestFacts } from './stored';

const REAL = path.resolve(__dirname, '../../../test/fixtures/pretix-export');

const { folder, reference, run, events, newest, small } = importInTest();

describe('a real export', () => {
  beforeEach(() => cpSync(REAL, folder.path, { recursive: true }));

  test('is imported whole, with what will not be enforced, and a second time writes nothing', async () => {
    const report = await run();
    expect(report).toMatchObject({ import: 1, positions: 732, problemCount: 0 });
    expect(Object.fromEntries([...report.counts].map(([kind, count]) => [kind, count.new]))).toEqual({
      organizer: 1,
      channel: 3,
      event: 2,
      date: 3,
      category: 4,
      taxrule: 2,
      item: 20,
      quota: 22,
      question: 13,
      layout: 2,
      list: 12,
      voucher: 16,
      waiting: 8,
      seat: 40,
      cartposition: 9,
      token: 6,
      device: 4,
      order: 360,
      blockedsecret: 2,
    });
    expect(report.notEnforced.map(({ count, text }) => `${count} ${text}`)).toEqual([
      '2 questions limit their answers',
    ]);
    expect(report.warnings).toEqual([{ count: 39, text: 'refused scans in checkins.json were not imported' }]);
    expect(report.notPrinted.lines).toEqual(
      ['openair', 'tours'].flatMap((event) => [
        `events/${event}/ticketlayouts.json[0] element 1 poweredby: it is the logo of another software`,
        `events/${event}/ticketlayouts.json[0] background: no file was given; the page is as large as the elements need it`,
      ]),
    );

    const before = await events();
    expect(before).toBe(report.events + 2);
    expect(await run()).toMatchObject({ import: null, events: 0 });
    expect(await events()).toBe(before);
  });

  test('no secret of a credential is stored', async () => {
    const teams = folder.read('teams.json') as { tokens: { token: string }[] }[];
    const devices = folder.read('devices.json') as { api_token: string | null }[];
    await run();
    const { rows } = await reference.pool.query<{ data: string }>('select data::text as data from events');
    const all = rows.map((row) => row.data).join('\n');
    for (const { token } of teams.flatMap((team) => team.tokens)) expect(all).not.toContain(token);
    for (const { api_token: token } of devices) if (token !== null) expect(all).not.toContain(token);
  });

  test('seats stand where their plan says, history keeps its exits', async () => {
    await run();
    expect(await newest('seat-1')).toMatchObject({ seat_guid: 'STAND-A-1', x: 35, y: 10, sorting_rank: 0 });
    const orders = await newestFacts(reference.store, 'order-', 'OrderStated');
    const checkins = orders.flatMap(({ fact }) => fact.positions.flatMap((each) => each.checkins));
    expect(checkins).toHaveLength(155);
    expect(new Set(checkins.map(({ type }) => type))).toEqual(new Set(['entry', 'exit']));
  });

  test('lists may be envelopes or arrays of pages, orders an array: the same facts', async () => {
    await run();
    const page = (results: unknown[]) => ({ count: results.length, next: null, previous: null, results });
    folder.edit<unknown[]>('events/openair/items.json', (items) => page(items) as never);
    folder.edit<unknown[]>('events/openair/vouchers.json', (all) => [page(all.slice(0, 3)), page(all.slice(3))]);
    folder.write('events/openair/orders.json', folder.read('events/openair/orders.ndjson'));
    folder.remove('events/openair/orders.ndjson');
    expect(await run()).toMatchObject({ import: null, events: 0, positions: 732 });
  });
});

test('rules of lists that are not understood are named', async () => {
  small();
  const rules = { and: [{ '==': [{ var: 'gate' }, 1] }] };
  folder.write('events/fest/checkinlists.json', [
    { id: 71, name: 'North', rules },
    { id: 72, name: 'South', rules: { map: [] } },
    { id: 73, name: 'East', rules: { '<': [{ var: 'entries_today' }, 1] } },
  ]);
  expect((await run()).notEnforced).toEqual([
    {
      count: 2,
      text: 'check-in lists have "rules" that are not understood; they let nobody in: "North" (71): the variable "gate" is not known; "South" (72): the operator "map" is not known',
    },
  ]);
});

describe('what changed', () => {
  test('one changed order is one event with its whole new state; what is absent is left alone', async () => {
    small();
    await run();
    const before = await events();
    folder.write(ORDERS, [order('AAAAA', 1, { status: 'c' })]);
    folder.remove('events/fest/checkinlists.json');
    expect((await run()).counts.get('order')).toEqual({ new: 0, changed: 1, unchanged: 0, invalid: 0 });
    // Import begun, order, import finished.
    expect(await events()).toBe(before + 3);
    expect(await newest('order-demo/AAAAA')).toMatchObject({
      import: 2,
      status: 'c',
      positions: [{ id: 1, secret: 's1' }],
    });
    expect(await reference.store.load('order-demo/BBBBB')).toHaveLength(1);
    expect(await reference.store.load('list-1')).toHaveLength(1);
  });

  test('keys that no rule reads change nothing, unless the object is given back', async () => {
    small();
    await run();
    folder.edit<object[]>('events/fest/checkinlists.json', (lists) =>
      lists.map((list) => ({ ...list, checkin_count: 9 })),
    );
    expect(await run()).toMatchObject({ import: null, events: 0 });
    folder.edit<Order[]>(
      ORDERS,
      ([first, ...others]) => [{ ...first!, comment: 'called twice' }, ...others] as Order[],
    );
    expect(await run()).toMatchObject({ import: 2, events: 1 });
    expect(await newest('order-demo/AAAAA')).toMatchObject({ given: { comment: 'called twice' } });
  });

  test('a folder of changed orders alone refers to what earlier imports brought', async () => {
    small();
    folder.write('events/fest/questions.json', [{ id: 1, question: 'Why?', type: 'S' }]);
    await run();
    for (const name of ['items', 'checkinlists', 'questions']) folder.remove(`events/fest/${name}.json`);
    folder.write(ORDERS, [
      order('CCCCC', 3, { positions: [position(3, { answers: [{ question: 1, answer: 'x' }] })] }),
    ]);
    expect((await run()).counts.get('order')).toMatchObject({ new: 1 });
  });

  test('channels are those of the folder, else web and every one that lists and orders name', async () => {
    small();
    folder.write('events/fest/checkinlists.json', [{ id: 1, name: 'Gate', auto_checkin_sales_channels: ['pos'] }]);
    folder.edit<Order[]>(ORDERS, (orders) => orders.map((each) => ({ ...each, sales_channel: 'resellers' })));
    await run();
    const channels = async () =>
      (await newestFacts(reference.store, 'channel-', 'SalesChannelStated')).map(({ fact }) => fact.identifier);
    expect(await channels()).toEqual(['pos', 'resellers', 'web']);
    folder.write('saleschannels.json', [{ identifier: 'web', label: 'Shop' }]);
    await run();
    expect(await newest('channel-demo/web')).toMatchObject({ label: { en: 'Shop' } });
    folder.remove('saleschannels.json');
    expect(await run()).toMatchObject({ events: 0 });
  });

  test('an order comes after everything it refers to', async () => {
    small();
    await run();
    const order = ['organizer', 'channel', 'event', 'item', 'list', 'order'];
    const { rows } = await reference.pool.query<{ kind: string }>(
      `select split_part(stream, '-', 1) as kind from events where stream <> 'imports' group by 1 order by min(position)`,
    );
    expect(rows.map(({ kind }) => kind)).toEqual(order);
  });
});

test('memory does not grow with the folder', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  writeFestival(folder, 8_000);
  const live: number[] = [];
  let seen = 0;
  await run({
    onProgress({ objects }) {
      if (objects < seen) seen = 0;
      if (objects - seen < 800) return;
      seen = objects;
      collect();
      live.push(process.memoryUsage().heapUsed / 2 ** 20);
    },
  });
  expect(live.length).toBeGreaterThan(6);
  // 4,000 orders are 14 MB of text and more as objects; ids of 8,000 positions are less than one.
  expect(Math.max(...live) - live[0]!).toBeLessThan(8);
}, 120_000);
