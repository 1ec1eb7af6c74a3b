import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { WrongRevision } from '@gatehouse/eventing/event-store';
import { testDatabase, type TestDatabase } from '@gatehouse/test-support/postgres';
import { createToken, listTokens, revoke } from './credentials';
import { writeFestival } from './festival';
import { importFolder, ImportRunning, InvalidExport, type ImportOptions } from './import';
import { PART_BYTES } from './order-parts';
import type { Report } from './report';
import { newestFacts } from './stored';
import { exportFolder, referenceStoreAt, type ExportFolder } from './testing';

const REAL = path.resolve(__dirname, '../../../test/fixtures/pretix-export');

let database: TestDatabase;
let reference: Awaited<ReturnType<typeof referenceStoreAt>>;
let folder: ExportFolder;
beforeEach(async () => {
  database = await testDatabase();
  reference = await referenceStoreAt(database.url);
});
afterEach(async () => {
  folder?.drop();
  await reference.close();
  await database.drop();
});

type Extra = Partial<Pick<ImportOptions, 'skipInvalid' | 'onProgress' | 'onProblem' | 'store'>>;
const run = (extra: Extra = {}): Promise<Report> => importFolder({ ...reference, folder: folder.path, ...extra });
const events = async (): Promise<number> => {
  const { rows } = await reference.pool.query<{ count: number }>('select count(*)::int as count from events');
  return rows[0]!.count;
};
const newest = async (stream: string): Promise<Record<string, unknown>> =>
  (await reference.store.load(stream)).at(-1)!.data as Record<string, unknown>;

/** A small festival: one event with two products, a list, and two orders of one position each. */
function small(at = '', ids = 0): void {
  folder ??= exportFolder();
  const slug = at === '' ? 'demo' : at.slice(0, -1);
  folder.write(`${at}organizer.json`, { slug, name: slug });
  folder.write(`${at}events/fest/event.json`, { slug: 'fest', name: { en: 'Fest' } });
  folder.write(`${at}events/fest/items.json`, [
    { id: ids + 1, name: 'Pass' },
    { id: ids + 2, name: 'Parking' },
  ]);
  folder.write(`${at}events/fest/checkinlists.json`, [{ id: ids + 1, name: 'Gate' }]);
  folder.write(`${at}events/fest/orders.ndjson`, [order('AAAAA', ids + 1), order('BBBBB', ids + 2)]);
}
const position = (id: number, more: object = {}) => ({
  id,
  positionid: 1,
  item: id > 100 ? 101 : 1,
  price: '10.00',
  secret: `s${id}`,
  ...more,
});
const order = (code: string, id: number, more: object = {}) => ({
  code,
  status: 'p',
  datetime: '2026-06-24T04:32:22Z',
  sales_channel: 'web',
  positions: [position(id)],
  ...more,
});
type Order = ReturnType<typeof order>;
const ORDERS = 'events/fest/orders.ndjson';

beforeEach(() => (folder = exportFolder()));

describe('a real export', () => {
  beforeEach(() => {
    folder.drop();
    folder = exportFolder(REAL);
  });

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
    });
    expect(report.notEnforced.map(({ count, text }) => `${count} ${text}`)).toEqual([
      '2 positions are blocked',
      '11 positions have a "valid_from"',
      '12 positions have a "valid_until"',
      '1 check-in list has "rules"',
      '2 check-in lists have "allow_multiple_entries"; a ticket gets in once',
      '1 check-in list has "exit_all_at"',
      '1 check-in list has "addon_match"',
      '1 check-in list of a series has no date; no ticket is found on it',
      '1 order has "valid_if_pending"; until it is paid it counts as unpaid',
      '1 device has a security profile',
      '2 questions limit their answers',
    ]);
    expect(report.warnings).toEqual([{ count: 39, text: 'refused scans in checkins.json were not imported' }]);

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

  test('keys that no rule reads change nothing', async () => {
    small();
    await run();
    folder.edit<object[]>('events/fest/checkinlists.json', (lists) =>
      lists.map((list) => ({ ...list, checkin_count: 9 })),
    );
    folder.edit<Order[]>(ORDERS, (orders) => orders.map((each) => ({ ...each, comment: 'called twice' })));
    expect(await run()).toMatchObject({ import: null, events: 0 });
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

describe('invalid objects', () => {
  const rejected = async (extra: Extra = {}): Promise<InvalidExport> => {
    const error: unknown = await run(extra).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidExport);
    expect(await events()).toBe(0);
    return error as InvalidExport;
  };

  test('stop the import before anything is written, all of them told in one go with file, place, key and reason', async () => {
    small();
    folder.write('events/fest/items.json', [{ id: 1, name: 'Pass' }, { name: 'No id' }]);
    folder.write('events/fest/quotas.json', [{ id: 1, items: [4712] }]);
    folder.edit<Order[]>(ORDERS, (orders) => [
      ...orders,
      order('CCCCC', 3, { positions: [position(3, { item: 4711 })] }),
    ]);
    folder.write('events/fest/checkinlists.json', '[{"id":1,"name":"Gate"');
    expect((await rejected()).problems).toEqual([
      'events/fest/items.json[1] id: is missing',
      'events/fest/quotas.json[0] items: 4712 is no product of this event',
      'events/fest/checkinlists.json: is cut off: it ends in the middle of a list',
      'events/fest/orders.ndjson:3 positions[0].item: 4711 is no product of this event',
    ]);
  });

  test('of many the first 50 are told, and how many there are', async () => {
    small();
    folder.write(
      ORDERS,
      Array.from({ length: 70 }, (_, i) => order(`O${i}`, i + 1, { status: '?' })),
    );
    const { problems, count } = await rejected();
    expect([problems.length, count]).toEqual([50, 70]);
  });

  test('an event without event.json, and what is wrong below it', async () => {
    small();
    folder.remove('events/fest/event.json');
    folder.write('events/fest/settings.json', { timezone: 'Mars/Base' });
    folder.write(ORDERS, ['nothing']);
    expect((await rejected()).problems).toEqual([
      'events/fest/event.json: is missing',
      'events/fest/event.json (settings.json timezone): is no time zone',
      'events/fest/orders.ndjson:1: must be an object, not a text',
    ]);
  });

  test('ids, codes, secrets and guids that are there twice', async () => {
    small();
    folder.write('events/fest/items.json', [
      { id: 1, name: 'Pass' },
      { id: 1, name: 'Pass' },
    ]);
    folder.write('events/fest/seats.json', [
      { id: 1, seat_guid: 'A-1' },
      { id: 2, seat_guid: 'A-1' },
    ]);
    const same = { positions: [position(3, { secret: 's1' })] };
    folder.write(ORDERS, [order('AAAAA', 1), order('AAAAA', 2), order('CCCCC', 3, same), order('DDDDD', 4, same)]);
    expect((await rejected()).problems).toEqual([
      'events/fest/items.json[1] id: 1 is in events/fest/items.json[0], too',
      'events/fest/seats.json[1] seat_guid: A-1 is in events/fest/seats.json[0], too, for this date',
      'events/fest/orders.ndjson:2 code: AAAAA is in events/fest/orders.ndjson:1, too',
      'events/fest/orders.ndjson:3 positions[0].secret: position 1 (events/fest/orders.ndjson:1) has the same secret',
      'events/fest/orders.ndjson:4 positions[0].secret: position 1 (events/fest/orders.ndjson:1) has the same secret',
    ]);
  });

  test('what no store could keep: NUL, half a surrogate pair, a position too large for one append', async () => {
    small();
    const long = 'x'.repeat(1_000);
    const many = Array.from({ length: 900 }, (_, i) => ({ question: 1, answer: `${i} ${long}` }));
    folder.write(ORDERS, [
      order('AAAAA', 1, { email: 'a\u0000b' }),
      order('BBBBB', 2, { email: 'a\ud800b' }),
      order('CCCCC', 3, { email: '\\u0000 in words' }),
      order('DDDDD', 4, { positions: [position(4, { item: 1 }), position(5, { item: 1, answers: many })] }),
    ]);
    const { problems } = await rejected();
    expect(problems).toHaveLength(3);
    expect(problems.slice(0, 2)).toEqual([
      'events/fest/orders.ndjson:1 email: has a NUL or half a surrogate pair in a text',
      'events/fest/orders.ndjson:2 email: has a NUL or half a surrogate pair in a text',
    ]);
    expect(problems[2]).toMatch(
      /^events\/fest\/orders.ndjson:4 positions\[1\]: is too large: \d+ bytes of at most 899000$/,
    );
  });

  test('what is not divided and too large for one event: a product, a question, a team', async () => {
    small();
    const options = Array.from({ length: 9_000 }, (_, i) => ({
      id: i + 1,
      identifier: `${i}`,
      answer: `option ${i} `.repeat(6),
    }));
    folder.write('events/fest/questions.json', [{ id: 1, question: 'Which?', type: 'C', options }]);
    const products = Array.from({ length: 130_000 }, (_, i) => i + 1_000_000);
    folder.write('events/fest/items.json', [
      { id: 1, name: 'Pass' },
      { id: 2, name: 'Parking' },
      { id: 3, name: 'Many', variations: options.map(({ id, answer }) => ({ id, value: answer })) },
    ]);
    folder.write('teams.json', [
      { name: 'Team', limit_events: products.map(String), tokens: [{ name: 'a', token: 'a', active: true }] },
    ]);
    const { problems } = await rejected();
    expect(problems.map((problem) => problem.replace(/\d{5,}/g, 'N'))).toEqual([
      'events/fest/items.json[2]: is too large: N bytes of at most N',
      'events/fest/questions.json[0]: is too large: N bytes of at most N',
      'teams.json[0]: is too large: N bytes of at most N',
    ]);
  });

  test('--skip-invalid imports the rest, lists what it left out, and leaves out what depends on it', async () => {
    small();
    folder.write('events/fest/items.json', [{ id: 1, name: 'Pass' }, { id: 2 }]);
    folder.edit<Order[]>(ORDERS, ([a, b]) => [a!, { ...b!, positions: [position(2, { item: 2 })] }]);
    const told: string[] = [];
    const report = await run({ skipInvalid: true, onProblem: (problem) => told.push(problem) });
    expect(told).toEqual([
      'events/fest/items.json[1] name: is neither a text nor texts by language',
      'events/fest/orders.ndjson:2 positions[0].item: 2 is no product of this event',
    ]);
    expect(report).toMatchObject({ problemCount: 2, problems: told });
    expect(report.counts.get('order')).toEqual({ new: 1, changed: 0, unchanged: 0, invalid: 1 });
    expect(await reference.store.load('item-2')).toEqual([]);
    expect(await reference.store.load('order-demo/BBBBB')).toEqual([]);
    expect((await run({ skipInvalid: true })).events).toBe(0);
  });

  test('--skip-invalid leaves out an event with all it has', async () => {
    small();
    folder.write('events/broken/event.json', { name: 'x', timezone: 'Mars/Base' });
    folder.write('events/broken/items.json', [{ id: 9, name: 'Ghost' }]);
    const report = await run({ skipInvalid: true });
    expect(report.problems).toEqual(['events/broken/event.json timezone: is no time zone']);
    expect(await reference.store.load('item-9')).toEqual([]);
    expect(report.counts.get('event')).toMatchObject({ new: 1, invalid: 1 });
  });
});

describe('several organizers', () => {
  test('a folder of folders imports each', async () => {
    small('acme/');
    small('umbrella/', 100);
    expect((await run()).counts.get('order')).toMatchObject({ new: 4 });
    expect(await newest('organizer-umbrella')).toMatchObject({ name: 'umbrella' });
    // Order codes are per organizer.
    expect(await newest('order-umbrella/AAAAA')).toMatchObject({ positions: [{ id: 101 }] });
    expect((await run()).events).toBe(0);
  });

  test('one id in two folders is an error that names both', async () => {
    small('acme/');
    small('umbrella/');
    const error = (await run().catch((thrown: unknown) => thrown)) as InvalidExport;
    const twice = 'of umbrella/fest is an id of acme/fest, too; an installation of pretix gives an id once';
    expect(error.problems).toEqual([
      `umbrella/events/fest/items.json[0] id: 1 ${twice}`,
      `umbrella/events/fest/items.json[1] id: 2 ${twice}`,
      `umbrella/events/fest/checkinlists.json[0] id: 1 ${twice}`,
      'umbrella/events/fest/orders.ndjson:1 positions[0].item: 1 is no product of this event',
      `umbrella/events/fest/orders.ndjson:1 positions[0].id: 1 ${twice}`,
      'umbrella/events/fest/orders.ndjson:2 positions[0].item: 1 is no product of this event',
      `umbrella/events/fest/orders.ndjson:2 positions[0].id: 2 ${twice}`,
    ]);
  });

  test('so it is against what another organizer imported before, positions included', async () => {
    small('acme/');
    await run();
    folder.remove('acme');
    small('umbrella/', 100);
    folder.edit<Order[]>('umbrella/events/fest/orders.ndjson', (orders) => [
      orders[0]!,
      { ...orders[1]!, positions: [position(2, { item: 101 })] },
    ]);
    folder.write('umbrella/events/fest/vouchers.json', [{ id: 1, code: 'FREE' }]);
    const error = (await run().catch((thrown: unknown) => thrown)) as InvalidExport;
    expect(error.problems).toEqual([
      'umbrella/events/fest/orders.ndjson:2 positions[0].id: 2 of umbrella/fest is an id of acme/fest, too; ' +
        'an installation of pretix gives an id once',
    ]);
  });

  test('one slug in two folders', async () => {
    small('acme/');
    small('umbrella/', 100);
    folder.edit<{ slug: string }>('umbrella/organizer.json', (raw) => ({ ...raw, slug: 'acme' }));
    const error = (await run().catch((thrown: unknown) => thrown)) as InvalidExport;
    expect(error.problems).toContain('umbrella/organizer.json slug: organizer acme is in acme/organizer.json, too');
  });
});

describe('a position that moves', () => {
  test('may be named by two orders; that is told', async () => {
    small();
    folder.write(ORDERS, [order('AAAAA', 1), order('BBBBB', 1)]);
    expect((await run()).warnings).toEqual([
      { count: 1, text: 'position is named by two orders; it belongs to the last one' },
    ]);
  });
});

describe('credentials', () => {
  const team = (more: object = {}) => ({
    name: 'Scanners',
    all_events: true,
    limit_event_permissions: ['event.orders:checkin'],
    ...more,
  });
  const token = (name: string, more: object = {}) => ({ name, token: `${name}-token`, active: true, ...more });
  const tokens = async () =>
    Object.fromEntries(
      (await listTokens(reference.store)).map(({ fact }) => [fact.name, { id: fact.id, active: fact.active }]),
    );

  beforeEach(() => small());

  test('a token keeps its id, whatever comes before it later', async () => {
    folder.write('teams.json', [team({ tokens: [token('a'), token('b')] })]);
    await run();
    folder.write('teams.json', [team({ tokens: [token('c'), token('b', { active: false }), token('a')] })]);
    await run();
    expect(await tokens()).toEqual({
      a: { id: 1, active: true },
      b: { id: 2, active: false },
      c: { id: 3, active: true },
    });
  });

  test('one that is missing from a later teams.json stays valid, with a warning', async () => {
    folder.write('teams.json', [team({ tokens: [token('a'), token('b')] })]);
    await run();
    folder.write('teams.json', [team({ tokens: [token('a')] })]);
    const warning = { count: 1, text: 'token is missing from teams.json and stays valid: b (demo)' };
    expect(await run()).toMatchObject({ events: 0, warnings: [warning] });
    expect((await tokens())['b']).toEqual({ id: 2, active: true });
    folder.remove('teams.json');
    expect((await run()).warnings).toEqual([]);
  });

  test('one that was revoked here is not revived, neither by the same folder nor by a changed team', async () => {
    folder.write('teams.json', [team({ tokens: [token('a')] })]);
    await run();
    expect(await revoke(reference.store, 'TokenStated', 'token-1')).toBe('ended');
    expect(await run()).toMatchObject({ events: 0 });
    folder.write('teams.json', [team({ can_view_orders: true, tokens: [token('a')] })]);
    expect(await run()).toMatchObject({
      events: 0,
      warnings: [{ count: 1, text: 'token was revoked here and stays revoked' }],
    });
    expect(await tokens()).toEqual({ a: { id: 1, active: false } });
  });

  test('ids of tokens that were made here are out of the way', async () => {
    await run();
    const scope = { all_events: true, limit_events: [] };
    await createToken(reference.store, { organizer: 'demo', name: 'ours', permissions: ['can_view_orders'], ...scope });
    folder.write('teams.json', [team({ tokens: [token('a')] })]);
    expect((await run()).warnings).toEqual([]);
    expect(await tokens()).toEqual({ ours: { id: 1_000_000_000, active: true }, a: { id: 1, active: true } });
  });

  test('one token in two teams, or in two organizers, is an error that does not show it', async () => {
    folder.write('teams.json', [team({ tokens: [token('a')] }), team({ tokens: [token('b'), token('a')] })]);
    const error = (await run().catch((thrown: unknown) => thrown)) as InvalidExport;
    expect(error.problems).toEqual(['teams.json[1] tokens[1].token: the same one is in teams.json[0], too']);
  });

  test('a device keeps its token when a later export does not say it again', async () => {
    folder.write('devices.json', [
      { device_id: 1, name: 'Gate 1', initialized: '2026-11-21T03:00:00Z', api_token: 'hush' },
    ]);
    await run();
    folder.write('devices.json', [{ device_id: 1, name: 'Gate 2', initialized: '2026-11-21T03:00:00Z' }]);
    const before = await newest('device-demo/1');
    expect((await run()).warnings).toEqual([
      { count: 1, text: 'device has no "api_token" in the folder and keeps the one it had' },
    ]);
    expect(await newest('device-demo/1')).toMatchObject({
      name: 'Gate 2',
      token_hash: before['token_hash'],
      initialized: true,
    });
  });

  test('droid keys belong to a list of their event', async () => {
    folder.write('events/fest/droidkeys.json', [
      { key: 'k1', checkin_list: 1 },
      { key: 'k2', checkin_list: 2 },
    ]);
    const error = (await run().catch((thrown: unknown) => thrown)) as InvalidExport;
    expect(error.problems).toEqual(['events/fest/droidkeys.json[1] checkin_list: 2 is no check-in list of this event']);
    folder.write('events/fest/droidkeys.json', [{ key: 'k1', checkin_list: 1 }]);
    await run();
    expect(await newest('droidkey-1')).toMatchObject({ event: 'fest', list: 1, active: true });
    expect((await run()).events).toBe(0);
  });
});

describe('an order too large for one event', () => {
  const STREAM = 'order-demo/GROUP';
  const group = (more: object = {}) => {
    const positions = Array.from({ length: 600 }, (_, i) =>
      position(i + 10, { item: 1, attendee_email: `${'x'.repeat(900)}${i}@example.org` }),
    );
    return order('GROUP', 0, { positions, ...more });
  };
  type Fact = { hash: string; status: string; part?: object; positions: { id: number }[] };
  const stated = async (): Promise<Fact[]> => (await reference.store.load(STREAM)).map(({ data }) => data as Fact);
  const idsOf = (facts: readonly Fact[]) => facts.flatMap(({ positions }) => positions.map(({ id }) => id));

  /** Fails like a killed process: after so many single appends nothing is written any more. */
  function dying(appends: number): ImportOptions['store'] {
    let left = appends;
    return {
      ...reference.store,
      append: (stream, ...rest) =>
        stream !== STREAM || left-- > 0 ? reference.store.append(stream, ...rest) : Promise.reject(new Error('killed')),
    };
  }

  test('is stated in parts, recognised when it comes again, and stated whole when it has changed', async () => {
    small();
    folder.write(ORDERS, [group()]);
    expect((await run()).counts.get('order')).toMatchObject({ new: 1 });
    const first = await stated();
    expect(first.length).toBeGreaterThan(2);
    expect(first.map(({ part }) => part)).toEqual(
      first.map((_, i) => ({ number: i + 1, of: first.length, first: true })),
    );
    expect(idsOf(first)).toEqual(Array.from({ length: 600 }, (_, i) => i + 10));
    for (const data of first) expect(JSON.stringify(data).length).toBeLessThanOrEqual(PART_BYTES);
    expect(await run()).toMatchObject({ events: 0 });

    folder.write(ORDERS, [group({ status: 'c' })]);
    expect((await run()).counts.get('order')).toMatchObject({ new: 0, changed: 1 });
    const second = (await stated()).slice(first.length);
    expect(idsOf(second)).toEqual(idsOf(first));
    expect(second.every(({ status }) => status === 'c')).toBe(true);
    expect(second.at(-1)!.part).toEqual({ number: second.length, of: second.length, first: false });
  });

  test('that was killed between two parts begins anew; that it is its first state is still known', async () => {
    small();
    folder.write(ORDERS, [group()]);
    await expect(run({ store: dying(2) })).rejects.toThrow('killed');
    expect((await stated()).map(({ hash }) => hash)).toEqual(['', '']);
    expect((await run()).counts.get('order')).toMatchObject({ new: 1 });
    const parts = (await stated()).slice(2);
    expect(idsOf(parts)).toHaveLength(600);
    expect(new Set(parts.map(({ part }) => (part as { first: boolean }).first))).toEqual(new Set([true]));
    expect(await run()).toMatchObject({ events: 0 });
  });

  test('that was killed and is small when the import goes on is one event that says what it is', async () => {
    small();
    folder.write(ORDERS, [group()]);
    await expect(run({ store: dying(1) })).rejects.toThrow('killed');
    folder.write(ORDERS, [order('GROUP', 10)]);
    await run();
    expect((await stated()).at(-1)!.part).toEqual({ number: 1, of: 1, first: true });
    expect(await run()).toMatchObject({ events: 0 });
  });

  test('its tickets are known: those that end are counted, and those of another organizer', async () => {
    small();
    folder.write(ORDERS, [group()]);
    await run();
    folder.write(ORDERS, [group({ positions: group().positions.slice(0, 10) })]);
    expect((await run()).warnings).toEqual([
      { count: 590, text: 'tickets are no longer named by their orders and are canceled' },
    ]);
    folder.write(ORDERS, [group()]);
    await run();
    folder.drop();
    folder = exportFolder();
    small('umbrella/', 1_000);
    folder.edit<Order[]>('umbrella/events/fest/orders.ndjson', ([first]) => [
      { ...first!, positions: [position(12, { item: 1_001 })] },
    ]);
    const error = (await run().catch((thrown: unknown) => thrown)) as InvalidExport;
    expect(error.problems).toEqual([expect.stringContaining('12 of umbrella/fest is an id of demo/fest, too')]);
  });
});

describe('what an import says of tickets', () => {
  const ENDED = { count: 1, text: 'ticket is no longer named by its order and is canceled' };
  const two = { positions: [position(1), position(3, { item: 1 })] };

  test('those that end are told, whether another order has taken one long ago or takes it now', async () => {
    small();
    folder.write(ORDERS, [order('AAAAA', 1, two), order('BBBBB', 2)]);
    await run();
    folder.write(ORDERS, [order('CCCCC', 3, { positions: [position(3, { item: 1 })] })]);
    expect((await run()).warnings).toEqual([]);
    folder.write(ORDERS, [order('AAAAA', 0, { positions: [] })]);
    expect((await run()).warnings).toEqual([ENDED]);
  });

  test('of a history that is older than the table, too', async () => {
    small();
    folder.write(ORDERS, [order('AAAAA', 1, two), order('BBBBB', 2)]);
    await run();
    await reference.pool.query('truncate positions, positions_complete');
    folder.write(ORDERS, [
      order('AAAAA', 1),
      order('CCCCC', 4, { positions: [position(4, { item: 1, secret: 's2' })] }),
    ]);
    expect((await run()).warnings).toEqual([
      ENDED,
      {
        count: 1,
        text: expect.stringMatching(/^pair of tickets has one secret; .*: 2 \(BBBBB\) and 4 \(CCCCC\)$/) as string,
      },
    ]);
  });

  test('an import that was killed tells it when it is finished', async () => {
    small();
    folder.write(ORDERS, [order('AAAAA', 1, two), order('BBBBB', 2)]);
    await run();
    folder.write(ORDERS, [order('AAAAA', 1)]);
    const store: ImportOptions['store'] = {
      ...reference.store,
      appendMany: (appends) =>
        appends.some(({ stream }) => stream.startsWith('order-'))
          ? Promise.reject(new Error('killed'))
          : reference.store.appendMany(appends),
    };
    await expect(run({ store })).rejects.toThrow('killed');
    expect((await run()).warnings).toEqual([ENDED]);
  });
});

describe('interrupted and simultaneous imports', () => {
  /** Fails like a killed process: after so many groups nothing is written any more. */
  function dying(groups: number): ImportOptions['store'] {
    let left = groups;
    return {
      ...reference.store,
      appendMany: (appends) => (left-- > 0 ? reference.store.appendMany(appends) : Promise.reject(new Error('killed'))),
    };
  }

  test('a killed import is finished by running it again, under its old number', async () => {
    writeFestival(folder, 1_200);
    await expect(run({ store: dying(2) })).rejects.toThrow('killed');
    const half = await events();
    expect(half).toBeGreaterThan(200);
    const report = await run();
    // An order must not meet a list of its own import as one that was there before: it would be checked in automatically.
    expect(report.import).toBe(1);
    expect(report.counts.get('order')!.unchanged).toBeGreaterThan(0);
    const { rows } = await reference.pool.query<{ import: number; count: number }>(
      `select (data ->> 'import')::int as import, count(*)::int from events where stream like 'order-%' group by 1`,
    );
    expect(rows).toEqual([{ import: 1, count: 600 }]);
    expect((await run()).events).toBe(0);
    folder.write('organizer.json', { slug: 'big', name: 'Bigger' });
    expect((await run()).import).toBe(2);
  });

  test('says what has gone wrong, not what follows from it', async () => {
    writeFestival(folder, 1_200);
    await expect(run({ store: dying(0) })).rejects.toThrow('killed');
  });

  test('a second import at the same time is refused, and says why', async () => {
    writeFestival(folder, 400);
    let second: Promise<unknown> | undefined;
    await run({ onProgress: () => void (second ??= run().catch((error: unknown) => error)) });
    expect(await second).toBeInstanceOf(ImportRunning);
    expect(await run()).toMatchObject({ events: 0 });
  });

  test('a stream that somebody else wrote to meanwhile is looked at again', async () => {
    small();
    let raced = false;
    const store: ImportOptions['store'] = {
      ...reference.store,
      async appendMany(appends) {
        if (raced) return reference.store.appendMany(appends);
        raced = true;
        const [first, ...rest] = await reference.store.appendMany(appends);
        expect(first).not.toBeInstanceOf(WrongRevision);
        return [new WrongRevision(appends[0]!.stream, 0, 1), ...rest];
      },
    };
    await run({ store });
    expect(await reference.store.load('organizer-demo')).toHaveLength(1);
    expect((await run()).events).toBe(0);
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
