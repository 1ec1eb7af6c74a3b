import { createHash, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync } from 'node:fs';
import path from 'node:path';
import PDFDocument from 'pdfkit';
import { PNG } from 'pngjs';
import { reference as catalog, type LayoutFileFact } from '@gatehouse/events/reference';
import { StoreUnavailable } from '@gatehouse/eventing/event-store';
import { importInTest } from './import-in-test';

/* Ticket layouts and the files that they show (docs/import.md). */

const { folder, reference, run, newest, small } = importInTest();

const FEST = 'events/fest';
const URL = 'https://shop.example.org/media/pub/demo/fest/ground%20one.pdf?sig=1';
const GROUND = 'layoutfile-demo/fest/ground one.pdf';
const image = (content: string) => ({ type: 'imagearea', left: 1, bottom: 1, width: 9, height: 9, content });

function write(...layouts: object[]): void {
  small();
  folder.write(
    `${FEST}/ticketlayouts.json`,
    layouts.map((layout, n) => ({ id: n + 1, name: `Layout ${n + 1}`, ...layout })),
  );
}

/** A PDF of a page, with so many bytes that nobody sees. */
async function pdf(bytes = 0): Promise<Buffer> {
  const doc = new PDFDocument({ size: [420, 300] });
  const chunks: Buffer[] = [];
  doc.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => doc.on('end', resolve));
  doc.text('Ground');
  if (bytes > 0) doc.image(noise(Math.ceil(Math.sqrt(bytes / 3))), 0, 0);
  doc.end();
  await ended;
  return Buffer.concat(chunks);
}

/** An image that cannot be compressed. */
function noise(side: number): Buffer {
  const png = new PNG({ width: side, height: side });
  randomBytes(side * side * 4).copy(png.data);
  return PNG.sync.write(png, { colorType: 2 });
}

async function statesOf(stream: string): Promise<LayoutFileFact[]> {
  const events = await reference.store.load(stream);
  return events.map((event) => catalog.read(event)!.data as LayoutFileFact);
}

const wholeOf = (states: readonly LayoutFileFact[]) =>
  Buffer.concat(states.map(({ data }) => Buffer.from(data, 'base64')));

test('what a layout says beside its elements is kept', async () => {
  const item_assignments = [{ item: 1, sales_channel: 'web' }, { item: 2 }];
  write({ default: true, layout: [], background: URL, item_assignments }, {});
  await run();
  expect(await newest('layout-1')).toMatchObject({
    default: true,
    background: URL,
    item_assignments: [
      { item: 1, sales_channel: 'web' },
      { item: 2, sales_channel: 'web' },
    ],
  });
  expect(await newest('layout-2')).toMatchObject({ layout: null, background: null, item_assignments: [] });
});

describe('a file', () => {
  test('of a layout is stated before it, in parts, each time that it has changed', async () => {
    const first = await pdf(500_000);
    write({ background: URL }, { background: URL });
    folder.write(`${FEST}/files/ground one.pdf`, first);
    folder.write(`${FEST}/files/not asked for.pdf`, first);
    const report = await run();
    expect(report.counts.get('layoutfile')).toEqual({ new: 1, changed: 0, unchanged: 0, invalid: 0 });
    expect(report.notPrinted).toEqual({ lines: [], count: 0 });

    const states = await statesOf(GROUND);
    expect(states.map(({ part }) => part)).toEqual([1, 2, 3].map((number) => ({ number, of: 3 })));
    expect(states.map(({ hash }) => hash !== '')).toEqual([false, false, true]);
    const sha256 = createHash('sha256').update(first).digest('hex');
    expect(new Set(states.map((state) => state.sha256))).toEqual(new Set([sha256]));
    expect(wholeOf(states).equals(first)).toBe(true);
    const { rows } = await reference.pool.query<{ stream: string }>('select stream from events order by position');
    const streams = rows.map(({ stream }) => stream);
    expect(streams.lastIndexOf(GROUND)).toBeLessThan(streams.indexOf('layout-1'));

    expect(await run()).toMatchObject({ import: null, events: 0 });
    const second = await pdf();
    folder.write(`${FEST}/files/ground one.pdf`, second);
    expect((await run()).counts.get('layoutfile')).toMatchObject({ changed: 1 });
    expect(wholeOf((await statesOf(GROUND)).slice(3)).equals(second)).toBe(true);
  });

  test('is found with an ending or without, for images, too', async () => {
    write({ layout: [image('logo'), image('a/b')], background: '/media/ground' });
    folder.write(`${FEST}/files/logo.png`, noise(3));
    folder.write(`${FEST}/files/ground.pdf`, await pdf());
    expect((await run()).notPrinted.lines).toEqual([
      `${FEST}/ticketlayouts.json[0] element 1 image a/b: no file was given`,
    ]);
    expect(
      wholeOf(await statesOf('layoutfile-demo/fest/logo'))
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
    expect(
      wholeOf(await statesOf('layoutfile-demo/fest/ground'))
        .subarray(0, 5)
        .toString(),
    ).toBe('%PDF-');
  });

  test('that a later folder lacks, or has damaged, stays', async () => {
    write({ layout: [], background: URL });
    folder.write(`${FEST}/files/ground one.pdf`, await pdf());
    await run();
    folder.write(`${FEST}/files/ground one.pdf`, 'damaged');
    const { import: number, notPrinted } = await run();
    expect(number).toBeNull();
    expect(notPrinted.lines).toEqual([
      `${FEST}/ticketlayouts.json[0] ${FEST}/files/ground one.pdf cannot be drawn: the file is neither PNG nor JPEG: left out, the one of an earlier import stays`,
    ]);
    folder.remove(`${FEST}/files`);
    expect(await run()).toMatchObject({ import: null, notPrinted: { count: 0 } });
    write({ layout: [], background: URL.replace('one', 'two') });
    expect((await run()).notPrinted.lines).toEqual([
      `${FEST}/ticketlayouts.json[0] background: no file was given; the page is as large as the elements need it`,
    ]);
  });

  test('of an import that was killed between its parts is stated whole by the next', async () => {
    const first = await pdf(500_000);
    write({ background: URL });
    folder.write(`${FEST}/files/ground one.pdf`, first);
    const { store } = reference;
    let parts = 0;
    const dying: typeof store = {
      ...store,
      append: (stream, expected, events) => {
        if (stream === GROUND && ++parts === 3) return Promise.reject(new StoreUnavailable('killed'));
        return store.append(stream, expected, events);
      },
    };
    await expect(run({ store: dying })).rejects.toThrow('killed');
    expect(await statesOf(GROUND)).toHaveLength(2);
    await run();
    const states = await statesOf(GROUND);
    expect(states.map(({ part }) => part.number)).toEqual([1, 2, 1, 2, 3]);
    expect(wholeOf(states.slice(2)).equals(first)).toBe(true);
  });
});

describe('a file that is of no use is named and left out', () => {
  const large = (name: string) => {
    folder.write(name, '');
    truncateSync(path.join(folder.path, name), 10 * 2 ** 20 + 1);
  };
  /** A PNG file whose picture would fill the memory. */
  const bomb = () => {
    const png = noise(2);
    png.writeUInt32BE(60_000, 16);
    png.writeUInt32BE(60_000, 20);
    return png;
  };

  test.each<[string, (name: string) => void | Promise<void>, string]>([
    ['that is too large', large, 'is too large: 10485761 bytes of at most 10485760'],
    ['of another kind', (name) => folder.write(name, 'GIF89a'), 'cannot be drawn: the file is neither PNG nor JPEG'],
    ['that is empty', (name) => folder.write(name, ''), 'cannot be drawn: the file is neither PNG nor JPEG'],
    [
      'that is damaged',
      async (name) => folder.write(name, (await pdf()).subarray(0, 200)),
      'cannot be drawn: the PDF cannot be read (damaged, encrypted or without a page)',
    ],
    [
      'with too many pixels',
      (name) => folder.write(name, bomb()),
      'cannot be drawn: the image has more than 36 million pixels',
    ],
    [
      'that is a link to nothing',
      (name) => {
        mkdirSync(path.join(folder.path, FEST, 'files'), { recursive: true });
        symlinkSync('/nowhere/at/all', path.join(folder.path, name));
      },
      'cannot be read: it leads nowhere, or was removed',
    ],
    [
      'that is a folder',
      (name) => void mkdirSync(path.join(folder.path, name), { recursive: true }),
      'is no ordinary file',
    ],
    [
      'that is a pipe',
      (name) => {
        mkdirSync(path.join(folder.path, FEST, 'files'), { recursive: true });
        execFileSync('mkfifo', [path.join(folder.path, name)]);
      },
      'is no ordinary file',
    ],
  ])('%s', async (_, make, reason) => {
    const name = `${FEST}/files/ground one.pdf`;
    write({ layout: [], background: URL });
    await make(name);
    const report = await run();
    expect(report).toMatchObject({ import: 1, problemCount: 0 });
    expect(report.notPrinted.lines).toEqual([
      `${FEST}/ticketlayouts.json[0] ${name} ${reason}: left out`,
      `${FEST}/ticketlayouts.json[0] background: no file was given; the page is as large as the elements need it`,
    ]);
    expect(await statesOf(GROUND)).toEqual([]);
  });

  test('a background that is no image', async () => {
    write({ layout: [image('ground one.pdf')], background: URL });
    folder.write(`${FEST}/files/ground one.pdf`, await pdf());
    expect((await run()).notPrinted.lines).toEqual([
      `${FEST}/ticketlayouts.json[0] ${FEST}/files/ground one.pdf cannot be drawn: the file is neither PNG nor JPEG: left out`,
      `${FEST}/ticketlayouts.json[0] element 0 image ground one.pdf: no file was given`,
    ]);
  });
});

test('of what cannot be printed the first fifty are named', async () => {
  write({ background: null, layout: Array.from({ length: 60 }, () => ({ type: 'hologram' })) });
  const { notPrinted } = await run();
  expect(notPrinted.count).toBe(61);
  expect(notPrinted.lines).toHaveLength(50);
  expect(notPrinted.lines[0]).toBe(`${FEST}/ticketlayouts.json[0] element 0 hologram: this type is not known`);
});
