import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { cart } from '@gatehouse/cart/service';
import { analyticsOf, type Analytics } from '@gatehouse/test-support/analytics';
import { cartShop, HALL, ITEMS, quotaOf, TOKENS } from '@gatehouse/test-support/cart-shop';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

/* The second part of docs/analytics.md: its SQL over the events of reservations that were made over HTTP. */

const PROJECT = path.resolve(__dirname, '../..');
const WHO = { attendee_name: 'Ada Hidden', attendee_email: 'hidden@example.org', cart_id: 'hidden-cart@api' };

let system: System;
let analytics: Analytics;
beforeAll(async () => {
  system = await startSystem([cart]);
  await system.import(cartShop());
  await reserveAll();
  analytics = await analyticsOf(system.databaseUrl, 'inventory');
  await analytics.run('In DuckDB');
  await analytics.run('Reservations');
});
afterAll(async () => {
  await analytics.close();
  await system.close();
});

/** Five places and two refusals of one product, a chair twice in turn, one release, one expiry. */
async function reserveAll(): Promise<void> {
  const call = (method: 'POST' | 'DELETE', target: string, json?: object) =>
    system.call(method, `${HALL}cartpositions/${target}`, { token: TOKENS.admin, ...(json ? { json } : {}) });
  const reserve = async (item: number, more: object = {}): Promise<number> => {
    const { status, body } = await call('POST', '', { item, price: '12.50', ...WHO, ...more });
    expect({ status, body }).toMatchObject({ status: 201 });
    return (body as { id: number }).id;
  };
  const five = { item: ITEMS.five, price: '12.50' };
  const bulk = await call(
    'POST',
    'bulk_create/',
    Array.from({ length: 4 }, () => five),
  );
  const { results } = bulk.body as { results: { success: boolean }[] };
  expect(results.filter(({ success }) => success)).toHaveLength(4);
  await reserve(ITEMS.five, { expires: new Date(Date.now() + 300).toISOString() });
  for (let n = 0; n < 2; n++) expect((await call('POST', '', five)).status).toBe(400);
  const first = await reserve(ITEMS.chair, { seat: 'A-1' });
  expect((await call('DELETE', `${first}/`)).status).toBe(204);
  await reserve(ITEMS.chair, { seat: 'A-1' });
  expect((await call('POST', '', { item: ITEMS.backstage, price: '1.00' })).status).toBe(400);
  // The sweeper records what has expired.
  for (;;) {
    const types = (await system.events()).map(({ type }) => type);
    if (types.includes('CartExpired')) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('the five questions about reservations in docs/analytics.md', () => {
  test('a hot quota, minute by minute', async () => {
    const rows = await analytics.ask('A hot quota, minute by minute');
    const five = rows.filter(({ quota }) => quota === quotaOf(ITEMS.five));
    const sum = (key: string) => five.reduce((total, row) => total + Number(row[key]), 0);
    // The clock may pass a minute in between.
    expect({ reserved: sum('reserved'), refused: sum('refused') }).toEqual({ reserved: 5, refused: 2 });
    expect(five.filter(({ reserved }) => reserved !== '0').at(-1)).toMatchObject({ left_after: 0 });
  });

  test('refused demand by reason', async () => {
    expect(await analytics.ask('Refused demand by reason')).toEqual([
      { item: ITEMS.five, reason: 'quota_exhausted', refusals: '2' },
      { item: ITEMS.backstage, reason: 'no_quota', refusals: '1' },
    ]);
  });

  test('time from reservation to its end', async () => {
    expect(await analytics.ask('Time from reservation to its end')).toMatchObject([
      { state: 'expired', reservations: '1' },
      { state: 'released', reservations: '1' },
    ]);
  });

  test('sell-through by product', async () => {
    const none = { variation: null, released: '0', expired: '0' };
    expect(await analytics.ask('Sell-through by product')).toEqual([
      { ...none, item: ITEMS.chair, reserved: '2', amount: '25.00', released: '1', held: '1' },
      { ...none, item: ITEMS.five, reserved: '5', amount: '62.50', expired: '1', held: '4' },
    ]);
  });

  test('oversold ever: never', async () => {
    expect(await analytics.ask('Oversold ever?')).toEqual([]);
  });

  test('nothing is missing', async () => {
    expect(await analytics.ask('Is anything missing?')).toEqual([]);
  });
});

test('the topic is what its schemas say, event by event, and holds nothing of who reserved', async () => {
  const ajv = addFormats.default(new Ajv({ strict: false }));
  const types = new Set(analytics.lines.map(({ type }) => type as string));
  expect([...types].sort()).toEqual(['CartExpired', 'CartReleased', 'CartReserved', 'ReservationRefused']);
  for (const { type, version, dataschema, data } of analytics.lines as Record<string, string>[]) {
    const file = path.join(PROJECT, `packages/events/published/${type}.v${version}.json`);
    const schema = JSON.parse(await readFile(file, 'utf8')) as { $id: string };
    const validate = ajv.getSchema(schema.$id) ?? ajv.compile(schema);
    expect({ type, dataschema, valid: validate(data) }).toEqual({ type, dataschema: schema.$id, valid: true });
  }
  const text = JSON.stringify(analytics.lines);
  for (const hidden of [...Object.values(WHO), 'cart_id', TOKENS.admin]) expect(text).not.toContain(hidden);
});
