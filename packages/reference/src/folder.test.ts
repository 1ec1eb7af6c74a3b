import { NoExport, openFolder, type SourceFile } from './folder';
import { place, readPieces, readRows, rowsOf as rowsOfPiece, type Row } from './rows';
import { exportFolder, type ExportFolder } from './testing';

let folder: ExportFolder;
beforeEach(() => (folder = exportFolder()));
afterEach(() => folder.drop());

async function rowsOf(name: string, content: unknown): Promise<Row[]> {
  folder.write(`events/fest/${name}`, content);
  folder.write('organizer.json', {});
  const [organizer] = await openFolder(folder.path);
  const rows: Row[] = [];
  const file = organizer!.events[0]!.files.get(name)!;
  if (name.endsWith('.ndjson')) {
    for await (const piece of readPieces(file, () => undefined)) rows.push(...rowsOfPiece(piece));
  } else {
    for await (const some of readRows(file, () => undefined)) rows.push(...some);
  }
  return rows;
}
const values = (rows: readonly Row[]) => rows.map((row) => row.value);
const page = (...results: unknown[]) => ({ count: results.length, next: null, previous: null, results });

test('a list is read as an array, a page, or an array of pages', async () => {
  const objects = [
    { id: 1, text: '],"}' },
    { id: 2, text: 'a\\"[' },
    { id: 3, nested: [{ a: [1, 2] }] },
  ];
  expect(values(await rowsOf('items.json', objects))).toEqual(objects);
  expect(values(await rowsOf('items.json', JSON.stringify(objects, null, 2)))).toEqual(objects);
  expect(values(await rowsOf('items.json', page(...objects)))).toEqual(objects);
  expect(values(await rowsOf('items.json', [page(objects[0]), page(), page(objects[1], objects[2])]))).toEqual(objects);
  expect(await rowsOf('items.json', [])).toEqual([]);
  expect(await rowsOf('items.json', page())).toEqual([]);
});

test('the places in pages are counted through', async () => {
  const rows = await rowsOf('items.json', [page('a'), page('b', 'c')]);
  expect(rows.map((row) => row.index)).toEqual([0, 1, 2]);
});

test('objects and letters that lie across the pieces in which a file is read stay whole', async () => {
  const objects = Array.from({ length: 40 }, (_, i) => ({ i, text: 'ø€😀'.repeat(5_000 + i) }));
  expect(values(await rowsOf('items.json', objects))).toEqual(objects);
  expect(values(await rowsOf('orders.ndjson', objects))).toEqual(objects);
});

test('lines may end in CRLF, be empty, begin with a byte order mark, and the last may have no end', async () => {
  const rows = await rowsOf('orders.ndjson', '\uFEFF{"a":1}\r\n\n  \n{"a":2}');
  expect(rows.map(({ index, value }) => [index, value])).toEqual([
    [1, { a: 1 }],
    [4, { a: 2 }],
  ]);
  expect(values(await rowsOf('items.json', '\uFEFF [ 1 , "x" ] \n'))).toEqual([1, 'x']);
});

test.each([
  ['items.json', '[{"id":1},{"id":', 'is cut off: it ends in the middle of a list'],
  ['items.json', '', 'is empty (an empty list is [])'],
  ['items.json', ' \n', 'is empty (an empty list is [])'],
  ['items.json', 'hello', 'is not JSON'],
  ['items.json', '<!DOCTYPE html><html>', 'is a web page, not JSON'],
  ['items.json', '[1] [2]', 'has something after its end; several pages are a list: [page, page]'],
  ['items.json', '{"results":[]}{"results":[]}', 'has something after its end; several pages are a list: [page, page]'],
  ['items.json', '{"id":1}', 'is neither a list nor a page with "results"'],
  ['items.json', '{"detail":"Invalid token."}', 'is no list but an answer: "Invalid token."'],
  ['items.json', '{"id":', 'is cut off: it ends in the middle of an object'],
  ['items.json', '{"results":[{"id":1},', 'is cut off: it ends in the middle of an object'],
  ['items.json', Buffer.from('\uFEFF[]', 'utf16le'), 'is UTF-16; save it as UTF-8'],
])('%s with %j as a whole %s', async (name, content, problem) => {
  expect((await rowsOf(name, content)).at(-1)).toMatchObject({ index: -1, problem, incomplete: true });
});

test('an element or a line that is not JSON is told with its place, and the others are read', async () => {
  expect(await rowsOf('items.json', '[1, {"a":nope}, 3]')).toMatchObject([
    { value: 1 },
    { index: 1, problem: 'is not JSON' },
    { value: 3 },
  ]);
  expect(await rowsOf('orders.ndjson', '{}\n{"secret":"hush"\n{}\n')).toMatchObject([
    { index: 1 },
    { index: 2, problem: 'is not JSON' },
    { index: 3 },
  ]);
});

test('places are lines, indexes or the file', () => {
  const file = (name: string): SourceFile => ({ path: '', name, bytes: 0 });
  expect(place(file('events/openair/orders.ndjson'), 17)).toBe('events/openair/orders.ndjson:17');
  expect(place(file('items.json'), 3)).toBe('items.json[3]');
  expect(place(file('event.json'), -1)).toBe('event.json');
});

test('a folder of organizers is each of them; folders and files that are none are passed over', async () => {
  folder.write('b/organizer.json', {});
  folder.write('a/organizer.json', {});
  folder.write('a/events/fest/event.json', {});
  folder.write('a/events/.DS_Store', '');
  folder.write('notes/readme.json', {});
  const organizers = await openFolder(folder.path);
  expect(organizers.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(organizers[0]!.events.map(({ files }) => files.get('event.json')!.name)).toEqual(['a/events/fest/event.json']);
});

test('a folder without organizer.json, a file and nothing at all are no exports, and the message says why', async () => {
  folder.write('events/fest/event.json', {});
  await expect(openFolder(folder.path)).rejects.toThrow(/has no organizer\.json, and no folder in it has one/);
  await expect(openFolder(`${folder.path}/nowhere`)).rejects.toThrow(/there is no such folder/);
  await expect(openFolder(`${folder.path}/events/fest/event.json`)).rejects.toThrow(NoExport);
});
