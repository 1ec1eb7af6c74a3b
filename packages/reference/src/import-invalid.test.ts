import { InvalidExport } from './import';
import { importInTest, order, ORDERS, position, type Order, type Extra } from './import-in-test';

const { folder, reference, run, events, newest, small } = importInTest();

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
    const printed: string[] = [];
    const report = await run({ skipInvalid: true, onProblem: (problem) => printed.push(problem) });
    expect(printed).toEqual([
      'events/fest/items.json[1] name: is neither a text nor texts by language',
      'events/fest/orders.ndjson:2 positions[0].item: 2 is no product of this event',
    ]);
    expect(report).toMatchObject({ problemCount: 2, problems: printed });
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
