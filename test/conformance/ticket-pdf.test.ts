import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import PDFDocument from 'pdfkit';
import { PNG } from 'pngjs';
import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { batchShop, made } from '@gatehouse/test-support/batches';
import { HALL, TOKENS as SHOP_TOKENS } from '@gatehouse/test-support/cart-shop';
import { festival, CROWD, FAIR, order, position, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { exportFolder, startSystem, type System } from '@gatehouse/test-support/system';
import { placedTexts, scanned, seen, type PlacedText, type SeenPage } from '@gatehouse/test-support/seen-pdf';

/* A ticket's own PDF, to which `downloads` of a position leads (contract §5.1). */

const PRINTED = '/api/v1/organizers/demo/events/printed/';
const ITEMS = { pass: 98_001, shirt: 98_002, vip: 98_003 };
const LIST = 98_100;
const DEFAULT = 98_201;
const OF_VIP = 98_202;
const OF_BOX_OFFICE = 98_203;

const IDS = {
  plain: 98_301,
  addon: 98_302,
  vip: 98_303,
  boxOffice: 98_304,
  german: 98_305,
  pending: 98_306,
  canceled: 98_307,
  expired: 98_308,
  printedLate: 98_309,
};
const secretOf = (id: number) => `printed${id}secret`;
const ticket = (id: number, fields: Partial<Parameters<typeof position>[1]> = {}) =>
  position({ id, secret: secretOf(id) }, { item: ITEMS.pass, ...fields });

const text = (content: string, bottom: number, more: object = {}) => ({
  type: 'textarea',
  left: '10.00',
  bottom: String(bottom),
  width: '80.00',
  fontsize: '12.0',
  content,
  ...more,
});
const code = { type: 'barcodearea', left: '50.00', bottom: '50.00', size: '40.00' };
const says = (words: string) => text('other', 130, { text: words });

const files = {
  'demo/events/printed/event.json': { slug: 'printed', name: { en: 'Printed', de: 'Gedruckt' }, currency: 'EUR' },
  'demo/events/printed/settings.json': { ticket_download: true, ticket_download_addons: false, locales: ['en', 'de'] },
  'demo/events/printed/items.json': [
    { id: ITEMS.pass, name: { en: 'Pass', de: 'Karte' }, admission: true },
    { id: ITEMS.shirt, name: { en: 'Shirt' } },
    { id: ITEMS.vip, name: { en: 'Lounge' }, admission: true },
  ],
  'demo/events/printed/checkinlists.json': [{ id: LIST, name: 'All', all_products: true, include_pending: true }],
  'demo/events/printed/ticketlayouts.json': [
    {
      id: DEFAULT,
      default: true,
      layout: [
        code,
        says('Default {order}'),
        text('itemvar', 120),
        text('price', 110),
        text('attendee_name', 100),
        text('event_name', 95, { locale: 'de' }),
      ],
    },
    {
      id: OF_VIP,
      background: 'https://shop.example.org/media/ground.pdf?sig=1',
      layout: [
        code,
        says('Of the lounge'),
        { type: 'imagearea', left: 5, bottom: 5, width: 20, height: 20, content: 'logo' },
      ],
      item_assignments: [{ item: ITEMS.vip, sales_channel: 'web' }],
    },
    {
      id: OF_BOX_OFFICE,
      layout: [code, says('Of the box office')],
      item_assignments: [{ item: ITEMS.pass, sales_channel: 'box' }],
    },
  ],
  'demo/events/printed/orders.ndjson': [
    order('PLAIN', { invoice_address: null }, [
      ticket(IDS.plain, { attendee_name: 'Łucja Żółć', attendee_name_parts: { _legacy: 'Łucja Żółć' } }),
      ticket(IDS.addon, { addon_to: IDS.plain }),
    ]),
    order('LOUNG', {}, [ticket(IDS.vip, { item: ITEMS.vip })]),
    order('BOXOF', { sales_channel: 'box' }, [ticket(IDS.boxOffice)]),
    order('DEUTS', { locale: 'de' }, [ticket(IDS.german)]),
    order('PENDI', { status: 'n' }, [ticket(IDS.pending)]),
    order('CANCE', {}, [ticket(IDS.canceled, { canceled: true }), ticket(IDS.printedLate)]),
    order('EXPIR', { status: 'e' }, [ticket(IDS.expired)]),
  ],
};

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin]);
  const folder = await exportFolder({ ...festival(), ...files });
  const at = path.join(folder, 'demo/events/printed/files');
  mkdirSync(at);
  writeFileSync(path.join(at, 'ground.pdf'), await ground());
  writeFileSync(path.join(at, 'logo.png'), logo());
  await system.import(folder);
  rmSync(folder, { recursive: true });
});
afterAll(() => system.close());

/** A page of 420 × 300 points. */
async function ground(): Promise<Buffer> {
  const doc = new PDFDocument({ size: [420, 300], margin: 20 });
  const chunks: Buffer[] = [];
  doc.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => doc.on('end', resolve));
  doc.text('Ground');
  doc.end();
  await ended;
  return Buffer.concat(chunks);
}

/** Red all over. */
function logo(): Buffer {
  const png = new PNG({ width: 8, height: 8 });
  for (let at = 0; at < png.data.length; at += 4) png.data.set([255, 0, 0, 255], at);
  return PNG.sync.write(png);
}

const pathOf = (id: number | string, base = PRINTED) => `${base}orderpositions/${id}/download/pdf/`;

type Download = { readonly status: number; readonly headers: Headers; readonly bytes: Buffer };

async function download(
  target: string,
  options: RequestInit & { token?: string; url?: string } = {},
): Promise<Download> {
  const { token = TOKENS.viewer, url = system.url, ...init } = options;
  const headers = { authorization: `Token ${token}`, ...(init.headers as Record<string, string> | undefined) };
  const response = await fetch(url + target, { ...init, headers });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

async function pageOf(target: string): Promise<SeenPage> {
  const { status, bytes } = await download(target);
  expect(status).toBe(200);
  const [page, ...others] = await seen(bytes, 2);
  expect(others).toEqual([]);
  return page!;
}

describe('§5.1 The link in `downloads`', () => {
  it('leads to the ticket as a PDF', async () => {
    const shown = await system.call('GET', `${PRINTED}checkinlists/${LIST}/positions/${IDS.plain}/`, {
      token: TOKENS.viewer,
    });
    const { downloads } = shown.body as { downloads: { output: string; url: string }[] };
    expect(downloads).toEqual([{ output: 'pdf', url: system.url + pathOf(IDS.plain) }]);
    const target = new URL(downloads[0]!.url).pathname;
    const { status, headers, bytes } = await download(target);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/pdf');
    expect(headers.get('content-disposition')).toBe('attachment; filename="PRINTED-PLAIN-1-pdf.pdf"');
    expect(headers.get('content-length')).toBe(String(bytes.length));
    const page = await pageOf(target);
    expect(scanned(page.picture)).toBe(secretOf(IDS.plain));
    expect(page.text.split('\n').sort()).toEqual(['Default PLAIN', 'Gedruckt', 'Pass', 'Łucja Żółć', '€23.00'].sort());
  });

  it('works without its last slash, and for a client that asks for a PDF or for anything', async () => {
    for (const accept of ['application/pdf', 'application/json', '*/*']) {
      const { status, bytes } = await download(pathOf(IDS.plain).slice(0, -1), { headers: { accept } });
      expect(status).toBe(200);
      expect(bytes.subarray(0, 5).toString()).toBe('%PDF-');
    }
    expect((await download(pathOf(IDS.plain), { headers: { accept: 'image/png' } })).status).toBe(406);
  });

  it('answers HEAD with the headers alone', async () => {
    const { status, headers, bytes } = await download(pathOf(IDS.plain), { method: 'HEAD' });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/pdf');
    expect(Number(headers.get('content-length'))).toBeGreaterThan(1_000);
    expect(bytes).toHaveLength(0);
  });

  it.each([
    ['of a ticket of a pending order', () => pathOf(IDS.pending)],
    ['of a ticket of an expired order', () => pathOf(IDS.expired)],
    ['of an add-on, where the shop prints none', () => pathOf(IDS.addon)],
    ['of a canceled ticket', () => pathOf(IDS.canceled)],
    ['of a ticket of another event', () => pathOf(TICKETS.ada.id)],
    ['in an event without downloads', () => pathOf(TICKETS.crowdFirst.id, CROWD)],
    ['of an unknown ticket', () => pathOf(98_999)],
    ['of a secret', () => pathOf(secretOf(IDS.plain))],
    ['of an id that is none', () => pathOf('0')],
    ['of an id that is too large', () => pathOf('99999999999999999999')],
    ['with a NUL', () => pathOf('1%00')],
    ['in another format', () => pathOf(IDS.plain).replace('/pdf/', '/passbook/')],
  ])('is unknown (404) %s', async (_, target) => {
    const { status, bytes } = await download(target());
    expect([status, bytes.toString()]).toEqual([404, '{"detail":"Not found."}']);
  });

  it('is for whoever may see the position', async () => {
    const statusOf = async (token: string, target = pathOf(IDS.plain)) => (await download(target, { token })).status;
    expect(await statusOf(TOKENS.scanner)).toBe(403);
    expect(await statusOf(TOKENS.nothing)).toBe(403);
    expect(await statusOf(TOKENS.openairOnly)).toBe(403);
    expect(await statusOf(TOKENS.other)).toBe(403);
    expect(await statusOf(TOKENS.inactive)).toBe(401);
    expect(await statusOf(TOKENS.viewer, pathOf(IDS.plain, FAIR))).toBe(403);
    expect(await statusOf(TOKENS.admin)).toBe(200);
    const without = await fetch(system.url + pathOf(IDS.plain));
    expect(without.status).toBe(401);
    expect((await download(pathOf(IDS.plain), { method: 'POST', token: TOKENS.admin })).status).toBe(405);
  });
});

describe('A ticket is printed', () => {
  it('with the layout of its product, and the files of that layout', async () => {
    const page = await pageOf(pathOf(IDS.vip));
    expect(page.text.split('\n').sort()).toEqual(['Ground', 'Of the lounge']);
    expect([page.width, page.height]).toEqual([420, 300]);
    expect(scanned(page.picture)).toBe(secretOf(IDS.vip));
    const { data, width, height } = page.picture;
    const middleOfLogo = 4 * ((height - Math.round(15 * 2.835 * 2)) * width + Math.round(15 * 2.835 * 2));
    expect([...data.subarray(middleOfLogo, middleOfLogo + 3)].sort((a, b) => a - b)).toEqual([0, 0, 255]);
  });

  it('with the layout of its sales channel', async () => {
    expect((await pageOf(pathOf(IDS.boxOffice))).text).toBe('Of the box office');
  });

  it('in the language of its order, and in that which an element asks for', async () => {
    const page = await pageOf(pathOf(IDS.german));
    expect(page.text.split('\n')).toEqual(expect.arrayContaining(['Karte', 'Gedruckt']));
  });

  it('with the layout of its batch, if it has one', async () => {
    const set = (layout: number) =>
      system.pool.query(`update tickets set facts = jsonb_set(facts::jsonb, '{layout}', $2) where id = $1`, [
        IDS.printedLate,
        String(layout),
      ]);
    await set(OF_BOX_OFFICE);
    expect((await pageOf(pathOf(IDS.printedLate))).text).toBe('Of the box office');
    // One that is no layout of this event.
    await set(1);
    expect((await pageOf(pathOf(IDS.printedLate))).text).toContain('Default CANCE');
  });
});

it('Of more downloads than can be printed soon some are told to come again, and scans are answered meanwhile', async () => {
  const asked = Array.from({ length: 150 }, () => download(pathOf(IDS.plain)));
  const redeemed = await system.call('POST', `${PRINTED}checkinlists/${LIST}/positions/${IDS.german}/redeem/`, {
    token: TOKENS.admin,
    json: {},
  });
  expect(redeemed.status).toBe(201);
  const answers = await Promise.all(asked);
  const printed = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status === 503);
  expect(printed.length + refused.length).toBe(150);
  expect(printed.length).toBeGreaterThan(60);
  expect(refused.length).toBeGreaterThan(0);
  for (const { headers } of refused) expect(headers.get('retry-after')).toBe('2');
  for (const { bytes } of printed) expect(bytes.subarray(-6).toString()).toBe('%%EOF\n');
  // Afterwards there is place again.
  expect((await download(pathOf(IDS.plain))).status).toBe(200);
});

it('A ticket of a batch is printed with the layout of its batch (§9.1)', async () => {
  const shop = batchShop();
  const settings = shop['demo/events/hall/settings.json'] as object;
  const layouts = shop['demo/events/hall/ticketlayouts.json'] as object[];
  const selling = await startSystem([checkin, cart, offlineSales]);
  try {
    await selling.import({
      ...shop,
      'demo/events/hall/settings.json': { ...settings, ticket_download: true },
      'demo/events/hall/ticketlayouts.json': [...layouts, { id: 199, layout: [code, says('Of the batch')] }],
      'demo/events/hall/checkinlists.json': [{ id: LIST, name: 'All', all_products: true }],
    });
    const { orders } = await made(selling, { layout: 199, amount: 2 });
    const list = `${HALL}checkinlists/${LIST}/positions/?order=${orders[1]}`;
    const { body } = await selling.call('GET', list, { token: SHOP_TOKENS.viewer });
    type Shown = { secret: string; downloads: { url: string }[] };
    const [position] = (body as { results: Shown[] }).results;
    const link = new URL(position!.downloads[0]!.url);
    const { status, headers, bytes } = await download(link.pathname, { token: SHOP_TOKENS.viewer, url: selling.url });
    expect(status).toBe(200);
    expect(headers.get('content-disposition')).toBe(`attachment; filename="HALL-${orders[1]}-1-pdf.pdf"`);
    const [page] = await seen(bytes, 2);
    expect(page!.text).toBe('Of the batch');
    expect(scanned(page!.picture)).toBe(position!.secret);
  } finally {
    await selling.close();
  }
});

describe('Of the real export', () => {
  const EXPORT = path.join(__dirname, '../fixtures/pretix-export');
  const read = (file: string) => JSON.parse(readFileSync(path.join(EXPORT, file), 'utf8')) as unknown;
  const token = (read('teams.json') as { tokens: { token: string }[] }[])[0]!.tokens[0]!.token;
  let real: System;
  beforeAll(async () => {
    real = await startSystem([checkin]);
    await real.import(EXPORT);
  });
  afterAll(() => real.close());

  type Position = {
    id: number;
    secret: string;
    canceled: boolean;
    blocked: readonly string[] | null;
    downloads: { url: string }[];
  };
  type Order = { code: string; status: string; positions: Position[] };
  type Box = { type: string; content: string; left: string; bottom: string; height: string };
  const MM = 72 / 25.4;

  const ordersOf = (event: string) =>
    readFileSync(path.join(EXPORT, `events/${event}/orders.ndjson`), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Order);
  /** What a newer shop does with canceled, blocked and `valid_if_pending` tickets is beyond the contract (import format §3). */
  const isPrinted = ({ status }: Order, { canceled, blocked, downloads }: Position) =>
    status === 'p' && !canceled && (blocked !== null || downloads.length > 0);

  /** The box of the layout in which a text begins. */
  function boxOf(boxes: readonly Box[], { x, y }: PlacedText): Box | undefined {
    return boxes.find(({ left, bottom, height }) => {
      const [from, low, high] = [Number(left) * MM, Number(bottom) * MM, (Number(bottom) + Number(height)) * MM];
      return Math.abs(x - from) < 0.1 && y >= low && y <= high;
    });
  }

  it.each(['openair', 'tours'])(
    'tickets of %s that the shop prints are printed, where their layout says, and no others',
    async (event) => {
      const [{ layout }] = read(`events/${event}/ticketlayouts.json`) as [{ layout: Box[] }];
      const boxes = layout.filter(({ type }) => type === 'textcontainer');
      const { name } = read(`events/${event}/event.json`) as { name: { en: string } };
      const base = `/api/v1/organizers/demo/events/${event}/`;
      let looked = 0;
      // A sample: the others have the same layout.
      for (const order of ordersOf(event).filter((_, n) => n % 5 === 0)) {
        for (const position of order.positions) {
          const { status, bytes } = await download(pathOf(position.id, base), { token, url: real.url });
          expect([position.id, status]).toEqual([position.id, isPrinted(order, position) ? 200 : 404]);
          if (status !== 200 || looked++ % 8 > 0) continue;
          const [page] = await seen(bytes, 2);
          expect(scanned(page!.picture)).toBe(position.secret);
          const placed = placedTexts(bytes);
          const saying = (words: string) => placed.find(({ text: of }) => of === words)!;
          expect(boxOf(boxes, saying(order.code))!.content).toBe('order');
          expect(boxOf(boxes, saying(position.secret))!.content).toBe('secret');
          if (event === 'openair') expect(boxOf(boxes, saying(name.en))!.content).toBe('event_name');
          // Where reportlab puts a line of this size in this box.
          expect(saying(order.code)).toMatchObject({ x: expect.closeTo(46.77, 1), y: expect.closeTo(553.59, 1) });
        }
      }
      expect(looked).toBeGreaterThan(10);
    },
  );
});
