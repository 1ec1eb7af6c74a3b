import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PDFDocument } from '@cantoo/pdf-lib';
import { cart } from '@gatehouse/cart/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { batchShop, LAYOUTS, made } from '@gatehouse/test-support/batches';
import { DATES, HALL, ITEMS, TOKENS, TOURS } from '@gatehouse/test-support/cart-shop';
import { gatehouse, startGatehouse, type Ran } from '@gatehouse/test-support/command';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* `batch create` and `batch render`, without a terminal. */

let system: System;
let folder: string;
beforeAll(async () => {
  system = await startSystem([offlineSales, cart]);
  await system.import(batchShop());
  folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-batch-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await system.close();
});

const file = (name: string) => path.join(folder, name);
/** As an integration would: the database is nowhere near. */
const run = (...flags: string[]): Promise<Ran> =>
  gatehouse({ GATEHOUSE_URL: system.url, GATEHOUSE_TOKEN: TOKENS.admin }, 'batch', ...flags);
const create = (options: Record<string, unknown>, ...more: string[]): Promise<Ran> => {
  const all = { event: 'demo/hall', item: ITEMS.pass, layout: LAYOUTS.hall, amount: 10, ...options };
  return run('create', ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)]), ...more);
};
const listed = async (event = HALL) => {
  const { body } = await system.call('GET', `${event}offlinesalesbatches/?page=last`, { token: TOKENS.admin });
  return (body as { results: Record<string, unknown>[] }).results;
};

/** Where nothing listens. */
async function freeUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

test('ten tickets are made and their PDF is there, which only its owner may read', async () => {
  const pdf = file('ten.pdf');
  const ran = await create({ pdf, comment: 'Box office', channel: 'boxoffice' }, '--testmode');
  const last = (await listed()).at(-1)!;
  expect(ran).toEqual({
    code: 0,
    out: `Batch ${String(last['id'])}: 10 tickets, valid from now on.\nTheir PDF is ${pdf}.\n`,
    err: '',
  });
  expect(last).toMatchObject({ amount: 10, comment: 'Box office', sales_channel: 'boxoffice', testmode: true });
  expect((await PDFDocument.load(await readFile(pdf))).getPageCount()).toBe(10);
  expect((await stat(pdf)).mode & 0o777).toBe(0o600);
});

test('of a date of a series; drawn again by its number', async () => {
  const tour = { event: 'demo/tours', item: ITEMS.tour, layout: LAYOUTS.tours, date: DATES.morning, amount: 1 };
  expect(await create({ ...tour, pdf: file('tour.pdf') })).toMatchObject({
    code: 0,
    out: expect.stringContaining('one ticket') as unknown,
  });
  const { id } = (await listed(TOURS)).at(-1)!;
  const again = ['render', String(id), '--event', 'demo/tours', '--pdf', file('again.pdf')];
  expect(await run(...again)).toEqual({
    code: 0,
    out: `The PDF of batch ${String(id)} is ${file('again.pdf')}.\n`,
    err: '',
  });
  expect(await run(...again)).toMatchObject({ code: 1, err: `${file('again.pdf')} exists already.\n` });
  const unknown = await run('render', '99999', '--event', 'demo/tours', '--pdf', file('none.pdf'));
  expect(unknown).toMatchObject({ code: 1, out: '', err: 'There is no batch 99999 in demo/tours.\n' });
});

test('what cannot be is a sentence, and leaves no batch and no file', async () => {
  const before = await listed();
  const pdf = file('never.pdf');
  await writeFile(file('there.pdf'), 'x');
  const nowhere = await freeUrl();
  const refused: [Promise<Ran>, string][] = [
    [
      create({ pdf, item: 99, channel: 'fax', date: 7 }),
      '--item: Invalid pk "99" - object does not exist.\n--date: Invalid pk "7" - object does not exist.\n--channel: "fax" is not a valid choice.\n',
    ],
    [create({ pdf, item: ITEMS.soldOutTwice }), 'No tickets were made: There is not enough quota available on quota "'],
    [create({ pdf, event: 'demo/nothere' }), 'There is no event demo/nothere, or the token is not for it'],
    [create({ pdf, token: 'wrong' }), 'The token is refused: Invalid token.'],
    [create({ pdf, url: nowhere }), `No Gatehouse answers at ${nowhere} (nothing listens there).`],
    [create({ pdf: file('there.pdf') }), `${file('there.pdf')} exists already.`],
    [create({ pdf: file('no/where.pdf') }), `${file('no/where.pdf')} cannot be written (ENOENT).`],
    [create({ pdf, event: 'hall' }), "error: option '--event <organizer/event>' argument 'hall' is invalid."],
    [gatehouse({}, 'batch', 'render', '1', '--event', 'a/b', '--pdf', pdf), 'An API token is missing: '],
  ];
  for (const [running, sentence] of refused) {
    const ran = await running;
    expect(ran).toMatchObject({ code: 1, out: '' });
    expect(ran.err).toContain(sentence);
  }
  expect(await listed()).toEqual(before);
  expect((await readdir(folder)).filter((name) => name.startsWith('never') || name.endsWith('.part'))).toEqual([]);
}, 120_000);

test('when the tickets exist and their PDF does not, it says how to get it', async () => {
  const { id } = await made(system);
  // From now on nothing can be drawn.
  await system.pool.query('alter table render_files add constraint never check (status <> $$running$$) not valid');
  try {
    const pdf = file('undrawn.pdf');
    const running = create({ pdf, amount: 2 });
    const undrawn = async () =>
      (await system.pool.query("select 1 from render_files where status = 'waiting'")).rowCount;
    while ((await undrawn()) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await system.pool.query(
      "update render_files set status = 'failed', message = 'Internal error' where status = 'waiting'",
    );
    const ran = await running;
    expect(ran).toMatchObject({ code: 2, out: `Batch ${id + 1}: 2 tickets, valid from now on.\n` });
    expect(ran.err).toBe(
      `Their PDF was not made: Internal error\nThe tickets exist, their PDF does not: "batch render ${id + 1} --event demo/hall --pdf FILE" makes it.\n`,
    );
    expect(await readdir(folder)).not.toContain('undrawn.pdf.part');
  } finally {
    await system.pool.query('alter table render_files drop constraint never');
  }
}, 60_000);

test('Ctrl-C ends it, and leaves nothing but what the server goes on with', async () => {
  // Without inventory a job waits.
  const alone = await startSystem([offlineSales]);
  try {
    await alone.import(batchShop());
    const asked = { item: ITEMS.pass, layout: LAYOUTS.hall, amount: 1, event: 'demo/hall', pdf: file('stopped.pdf') };
    const flags = Object.entries(asked).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const env = { GATEHOUSE_URL: alone.url, GATEHOUSE_TOKEN: TOKENS.admin };
    const { ended, kill } = startGatehouse(env, 'batch', 'create', ...flags);
    while ((await alone.events()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    kill('SIGINT');
    expect(await ended).toEqual({ code: 130, out: '', err: 'Stopped. What was requested is made nevertheless.\n' });
    expect((await readdir(folder)).filter((name) => name.startsWith('stopped'))).toEqual([]);
  } finally {
    await alone.close();
  }
}, 60_000);
