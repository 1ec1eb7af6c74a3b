import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { check, type Checked } from './check';
import { openFolder } from './folder';
import { openSpool, type Unspooled } from './spool';
import { owners } from './stored';
import { exportFolder, type ExportFolder } from './testing';

/* The check of an export before anything is written: it needs no store. */

let folder: ExportFolder;
beforeEach(() => {
  folder = exportFolder();
  folder.write('organizer.json', { slug: 'demo', name: 'Demo' });
  folder.write('events/fest/event.json', { slug: 'fest', name: { en: 'Fest' } });
  folder.write('events/fest/items.json', [{ id: 1, name: 'Pass' }]);
  folder.write('events/fest/checkinlists.json', [{ id: 1, name: 'Gate' }]);
});
afterEach(() => folder.drop());

type Looked = Checked & { readonly taken: readonly Unspooled[]; readonly messages: readonly string[] };

async function look(skipInvalid = false): Promise<Looked> {
  const spool = await openSpool();
  const messages: string[] = [];
  try {
    const checked = await check(await openFolder(folder.path), {
      stored: { events: new Map(), owners: owners() },
      secrets: { tokens: new Map(), droidKeys: new Map() },
      skipInvalid,
      keep: 50,
      spool,
      onBytes: () => undefined,
      onObjects: () => undefined,
      onProblem: (problem) => messages.push(problem),
    });
    const taken: Unspooled[] = [];
    for await (const { objects } of spool.read()) {
      taken.push(...objects.filter(({ stream }) => !checked.leftOut.has(stream)));
    }
    return { ...checked, taken, messages };
  } finally {
    await spool.close();
  }
}

const ORDERS = 'events/fest/orders.ndjson';
const ARRAY = 'events/fest/orders.json';
const position = (id: number, more: object = {}) => ({
  id,
  positionid: 1,
  item: 1,
  price: '10.00',
  secret: `s${id}`,
  ...more,
});
const order = (n: number, more: object = {}) => ({
  code: `ORDER${n}`,
  status: 'p',
  datetime: '2026-06-24T04:32:22Z',
  positions: [position(n)],
  ...more,
});
const orders = (...numbers: number[]) => numbers.map((n) => order(n));
const page = (number: number, of: { pages: number; count: number }, results: unknown[]) => {
  const link = (n: number) => `https://shop.example.org/api/v1/orders/${n === 1 ? '' : `?page=${n}`}`;
  return {
    count: of.count,
    next: number < of.pages ? link(number + 1) : null,
    previous: number > 1 ? link(number - 1) : null,
    results,
  };
};

describe('an export that is not whole is told with what is missing, and cannot be left out', () => {
  const six = { pages: 3, count: 6 };
  const [a, b, c] = [page(1, six, orders(1, 2)), page(2, six, orders(3, 4)), page(3, six, orders(5, 6))];

  test.each([
    ['the first page alone', a, 'pages 2 to 3 of 3 are missing; 2 of 6 objects are here'],
    ['a page between others alone', b, 'page 1 of 3 is missing; page 3 of 3 is missing; 2 of 6 objects are here'],
    ['one in the middle is missing', [a, c], 'page 2 of 3 is missing; 4 of 6 objects are here'],
    ['the last is missing', [a, b], 'page 3 of 3 is missing; 4 of 6 objects are here'],
    ['one is there twice', [a, b, b, c], 'page 2 is there twice; 8 of 6 objects are here'],
    [
      'one is there instead of another',
      [a, a, c],
      'page 1 is there twice; page 2 of 3 is missing; 6 of 6 objects are here',
    ],
    ['they are out of order', [a, c, b], 'page 3 comes before page 2; 6 of 6 objects are here'],
    ['one lost a row', [a, { ...b, results: orders(3) }, c], '5 of 6 objects are here'],
    ['a list of one page lost a row', page(1, { pages: 1, count: 2 }, orders(1)), '1 of 2 objects are here'],
    [
      'their links have no numbers',
      { count: 6, next: 'https://shop.example.org/?cursor=cD0', previous: null, results: orders(1, 2) },
      'its last page has a "next", which is not there; 2 of 6 objects are here',
    ],
    ['there is something else among them', [a, b, c, order(7)], 'holds pages, and objects that are in none of them'],
  ])('pages: %s', async (_, pages, problem) => {
    folder.write(ARRAY, pages);
    const checked = await look(true);
    expect(checked.incomplete).toContain(`${ARRAY}: ${problem}`);
  });

  test('pages that are all there, lists of one page each, and pages without numbers are read', async () => {
    for (const pages of [
      [a, b, c],
      [page(1, { pages: 1, count: 2 }, orders(1, 2)), page(1, { pages: 1, count: 1 }, orders(3))],
      { results: orders(1) },
      { count: 0, next: null, previous: null, results: [] },
      // A sale during the export.
      [{ ...a, count: 5 }, { ...b, count: 5 }, c],
    ]) {
      folder.write(ARRAY, pages);
      expect(await look()).toMatchObject({ problems: [] });
    }
  });

  const cut = (value: unknown) => JSON.stringify(value).slice(0, -7);
  test.each([
    'organizer.json',
    'teams.json',
    'devices.json',
    'seatingplans.json',
    'saleschannels.json',
    'events/fest/event.json',
    'events/fest/subevents.json',
    'events/fest/categories.json',
    'events/fest/items.json',
    'events/fest/quotas.json',
    'events/fest/questions.json',
    'events/fest/checkinlists.json',
    'events/fest/vouchers.json',
    'events/fest/waitinglistentries.json',
    'events/fest/cartpositions.json',
    'events/fest/seats.json',
    'events/fest/taxrules.json',
    'events/fest/ticketlayouts.json',
    'events/fest/checkins.json',
    'events/fest/droidkeys.json',
    'events/fest/orders.json',
  ])('%s that is cut off', async (name) => {
    folder.write(
      name,
      cut([
        { id: 1, name: 'first' },
        { id: 2, name: 'second' },
      ]),
    );
    const checked = await look(true);
    const what = /organizer|event\.json/.test(name) ? 'an object' : 'a list';
    expect(checked.incomplete).toContain(`${name}: is cut off: it ends in the middle of ${what}`);
  });

  test('settings and lines that are cut off', async () => {
    folder.write('events/fest/settings.json', '{"locale":"de","loc');
    folder.write(ORDERS, `${JSON.stringify(order(1))}\n${cut(order(2))}`);
    expect((await look(true)).incomplete).toEqual([
      'events/fest/event.json (settings.json): is cut off: it ends in the middle of an object',
      `${ORDERS}:2: is cut off: its line has no end`,
    ]);
  });

  test('a broken line between others is an object that can be left out; a whole last line needs no end', async () => {
    folder.write(ORDERS, `${JSON.stringify(order(1))}\n${cut(order(2))}\n${JSON.stringify(order(3))}`);
    const { incompleteCount, messages, taken } = await look(true);
    expect(incompleteCount).toBe(0);
    expect(messages).toEqual([`${ORDERS}:2: is not JSON`]);
    expect(taken.filter(({ kind }) => kind === 'order')).toHaveLength(2);
  });

  test('after that nothing is said to be left out, because nothing is imported', async () => {
    folder.write('events/fest/items.json', '[{"id":1,"na');
    folder.write(ORDERS, orders(1, 2, 3));
    const { messages, problemCount, incompleteCount } = await look(true);
    expect([messages.length, problemCount, incompleteCount]).toEqual([0, 4, 1]);
  });

  test('an order without its positions: it would end them all', async () => {
    const { positions: _, ...bare } = order(1);
    folder.write(ORDERS, [bare, { ...order(2), positions: [] }]);
    expect((await look()).problems).toEqual([`${ORDERS}:1 positions: is missing`]);
  });
});

describe('two things where one is meant are told with both', () => {
  test('orders as lines and as a list', async () => {
    folder.write(ORDERS, orders(1));
    folder.write(ARRAY, orders(2));
    const both = `${ARRAY}: is there beside ${ORDERS}: two files for one thing; remove the one that is out of date`;
    expect((await look(true)).incomplete).toEqual([both]);
  });
  test.each([
    [
      'events/fest/Items.json',
      'is there beside events/fest/items.json: two files for one thing; remove the one that is out of date',
    ],
    [
      'events/fest/items.ndjson',
      'is there beside events/fest/items.json: two files for one thing; remove the one that is out of date',
    ],
    ['events/fest/orders.jsonl', 'is not read under this name: it must be orders.ndjson'],
    ['events/fest/Quotas.JSON', 'is not read under this name: it must be quotas.json'],
    ['events/fest/orders.ndjson.gz', 'is compressed: unpack it to orders.ndjson'],
    ['teams.json.zip', 'is compressed: unpack it to teams.json'],
  ])('%s', async (name, reason) => {
    folder.write(name, '[]');
    expect((await look(true)).incomplete).toEqual([`${name}: ${reason}`]);
  });
  test('what is ignored: other names, what archives leave behind, the archive beside what was in it', async () => {
    folder.write('version.json', '{');
    folder.write('events/fest/checkins-old.json', '[');
    folder.write('events/fest/items.json.gz', 'x');
    folder.write('events/__MACOSX/._fest', '');
    folder.write('events/.DS_Store', '');
    folder.write('events/fest/._items.json', '');
    folder.write('Thumbs.db', '');
    expect((await look()).problems).toEqual([]);
  });
  test('one event in two folders, one code in two events', async () => {
    folder.write('events/old/event.json', { slug: 'fest', name: 'Fest' });
    folder.write('events/other/event.json', { name: 'Other' });
    folder.write('events/other/items.json', [{ id: 2, name: 'Pass' }]);
    folder.write(ORDERS, orders(1));
    folder.write('events/other/orders.ndjson', [order(1, { positions: [position(2, { item: 2 })] })]);
    expect((await look()).problems).toEqual([
      'events/old/event.json slug: event demo/fest is in events/fest/event.json, too',
      'events/other/orders.ndjson:1 code: ORDER1 is in events/fest/orders.ndjson:1, too',
    ]);
  });
});

describe('one secret on two positions', () => {
  const same = { positions: [position(2, { secret: 's1' })] };
  const kept = ({ taken }: Looked) =>
    taken.filter(({ kind }) => kind === 'order').map(({ stream }) => stream.slice(-6));

  test('is an error that names both', async () => {
    folder.write(ORDERS, [order(1), order(2, same)]);
    expect((await look()).problems).toEqual([
      `${ORDERS}:2 positions[0].secret: position 1 (${ORDERS}:1) has the same secret`,
    ]);
  });
  test.each([
    ['paid before pending', { status: 'n' }, { status: 'p' }, 'ORDER2'],
    ['paid before pending, wherever it stands', { status: 'p' }, { status: 'n' }, 'ORDER1'],
    ['paid before expired', { status: 'e' }, { status: 'p' }, 'ORDER2'],
    ['pending before canceled', { status: 'c' }, { status: 'n' }, 'ORDER2'],
    ['the newer of two', { datetime: '2027-01-01T00:00:00Z' }, {}, 'ORDER1'],
    ['the newer of two, wherever it stands', {}, { datetime: '2027-01-01T00:00:00Z' }, 'ORDER2'],
  ])('stays with --skip-invalid where it lets in: %s', async (_, first, second, stays) => {
    folder.write(ORDERS, [order(1, first), order(2, { ...same, ...second }), order(3)]);
    const looked = await look(true);
    expect(kept(looked)).toEqual([stays, 'ORDER3']);
    const [line, mine, other] = stays === 'ORDER1' ? [2, 2, 1] : [1, 1, 2];
    expect(looked.messages).toEqual([
      `${ORDERS}:${line}: position ${mine} has the same secret as position ${other} (${ORDERS}:${other})`,
    ]);
    expect(looked).toMatchObject({ positions: 2, invalid: new Map([['order', 1]]) });
  });
  test('a chain of them: only those stay out that meet one that stays', async () => {
    const two = (n: number, ...secrets: string[]) => secrets.map((secret, i) => position(n + i * 10, { secret }));
    folder.write(ORDERS, [
      order(1, { status: 'n', positions: two(1, 'x') }),
      order(2, { status: 'n', datetime: '2027-01-01T00:00:00Z', positions: two(2, 'x', 'y') }),
      order(3, { positions: two(3, 'y') }),
    ]);
    expect(kept(await look(true))).toEqual(['ORDER1', 'ORDER3']);
  });
  test('what is left out for another reason holds no secret, id or code', async () => {
    folder.write(ORDERS, [order(1, { status: '?' }), order(1, { positions: [position(1, { item: 9 })] }), order(1)]);
    const looked = await look(true);
    expect(kept(looked)).toEqual(['ORDER1']);
    expect(looked.messages).toHaveLength(2);
  });
  test('of a canceled position is free', async () => {
    folder.write(ORDERS, [order(1, { positions: [position(1, { canceled: true })] }), order(2, same)]);
    expect((await look()).problems).toEqual([]);
  });
});

describe('odd folders', () => {
  test('blanks and letters beyond ASCII in names, links to folders and files', async () => {
    folder.write('events/Sømmer Fest/event.json', { slug: 'summer', name: 'Sømmer' });
    folder.write('elsewhere/items.json', [{ id: 7, name: 'Pass' }]);
    symlinkSync('../../elsewhere/items.json', join(folder.path, 'events/Sømmer Fest/items.json'));
    symlinkSync('fest', join(folder.path, 'events/linked'));
    expect((await look()).problems).toEqual(
      expect.arrayContaining(['events/linked/event.json slug: event demo/fest is in events/fest/event.json, too']),
    );
    folder.remove('events/linked');
    expect(await look()).toMatchObject({ problems: [] });
  });
  test('files that are folders, lead nowhere or may not be read; a file for a folder', async () => {
    mkdirSync(join(folder.path, 'events/fest/quotas.json'));
    symlinkSync('nowhere.json', join(folder.path, 'events/fest/seats.json'));
    symlinkSync('nowhere', join(folder.path, 'events/gone'));
    expect((await look(true)).incomplete).toEqual([
      'events/gone: cannot be read: it leads nowhere, or was removed',
      'events/fest/quotas.json: is a folder; it must be a file',
      'events/fest/seats.json: cannot be read: it leads nowhere, or was removed',
    ]);
    folder.remove('events');
    folder.write('events', 'x');
    expect((await look(true)).incomplete).toEqual(['events: is a file; it must be a folder']);
  });
  test('files that may not be read', async () => {
    chmodSync(join(folder.path, 'events/fest/items.json'), 0);
    // Root can read everything, so the check runs as another user, who must be able to enter the folder.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) chmodSync(folder.path, 0o755);
    if (isRoot) process.seteuid!(65_534);
    try {
      expect((await look(true)).incomplete).toEqual(['events/fest/items.json: cannot be read: permission denied']);
    } finally {
      if (isRoot) process.seteuid!(0);
    }
  });
  test('a folder whose name is no slug needs one in event.json', async () => {
    folder.write('events/back\\slash/event.json', { name: 'x' });
    expect((await look()).problems).toEqual([
      "events/back\\slash/event.json slug: is missing, and the folder's name is no slug",
    ]);
  });
  test('bytes that are not UTF-8 are not taken for others', async () => {
    folder.write(ORDERS, Buffer.from(`${JSON.stringify(order(1, { email: 'jürgen' }))}\n`, 'latin1'));
    expect((await look(true)).incomplete).toEqual([`${ORDERS}:1: is not UTF-8; save it as UTF-8`]);
  });
  test('what is told holds nothing that a terminal obeys', async () => {
    folder.write(ORDERS, [order(1, { code: 'A\u001b[2J' }), order(2, { code: 'A\u001b[2J' })]);
    expect((await look()).problems).toEqual([`${ORDERS}:2 code: A\\u{1b}[2J is in ${ORDERS}:1, too`]);
  });
});
