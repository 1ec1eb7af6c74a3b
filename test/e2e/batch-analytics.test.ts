import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { analyticsOf, type Analytics } from '@gatehouse/test-support/analytics';
import { batchShop, ended, made, requested, type ShownBatch } from '@gatehouse/test-support/batches';
import { HALL, ITEMS, TOKENS } from '@gatehouse/test-support/cart-shop';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

/* The third part of docs/analytics.md: its SQL over batches that were made, and scanned, over HTTP. */

const PROJECT = path.resolve(__dirname, '../..');
const LIST = 1;
/** Scans are uploaded ten minutes after they happened. */
const at = (seconds: number): string =>
  new Date(Math.floor(Date.now() / 60_000) * 60_000 - 600_000 + seconds * 1_000).toISOString();

let system: System;
let analytics: Analytics;
let sold: ShownBatch;
let unsold: ShownBatch;
const secrets: string[] = [];
const times = [at(1), at(2)];

beforeAll(async () => {
  system = await startSystem([checkin, cart, offlineSales]);
  const list = { id: LIST, name: 'Gate', all_products: true, limit_products: [], subevent: null };
  await system.import({ ...batchShop(), 'demo/events/hall/checkinlists.json': [list] });
  sold = await made(system, { amount: 4, comment: 'hidden comment' });
  unsold = await made(system, { amount: 2 });
  await made(system, { amount: 1, testmode: true });
  const refused = await ended(system, await requested(system, { item: ITEMS.backstage, amount: 5 }));
  expect(refused.answer.status).toBe(410);
  for (const [n, code] of sold.orders.slice(0, 2).entries()) await enter(code, times[n]!);
  analytics = await analyticsOf(system.databaseUrl, 'sales', 'admission');
  await analytics.run('In DuckDB');
  await analytics.run('Batches of offline tickets');
});
afterAll(async () => {
  await analytics.close();
  await system.close();
});

async function enter(code: string, datetime: string): Promise<void> {
  const positions = `${HALL}checkinlists/${LIST}/positions/`;
  const found = await system.call('GET', `${positions}?search=${code}`, { token: TOKENS.admin });
  const [ticket] = (found.body as { results: { secret: string }[] }).results;
  secrets.push(ticket!.secret);
  const target = `${positions}${ticket!.secret}/redeem/`;
  for (const status of [201, 400]) {
    expect((await system.call('POST', target, { token: TOKENS.admin, json: { datetime } })).status).toBe(status);
  }
}

describe('the three questions about batches in docs/analytics.md', () => {
  test('sell-through and first scan by batch', async () => {
    const shown = (time: string | undefined) => time?.replace('T', ' ').replace('.000Z', '') ?? null;
    const of = ({ id, item, amount }: ShownBatch, came: string, percent: number) => ({
      id,
      item,
      amount,
      worth: (amount * 10).toFixed(2),
      came,
      percent,
    });
    expect(await analytics.ask('Sell-through and first scan by batch')).toEqual([
      { ...of(sold, '2', 50), first_entry: shown(times[0]), last_entry: shown(times[1]) },
      { ...of(unsold, '0', 0), first_entry: null, last_entry: null },
    ]);
  });

  test('batches that failed', async () => {
    expect(await analytics.ask('Batches that failed')).toMatchObject([
      { item: ITEMS.backstage, amount: 5, message: expect.stringContaining('is not assigned to a quota') as string },
    ]);
  });

  test('how long a batch takes', async () => {
    expect(await analytics.ask('How long a batch takes')).toMatchObject([{ batches: '3', tickets: '7' }]);
  });
});

test('the topic is what its schemas say, event by event, and holds no code, secret or comment', async () => {
  const ajv = addFormats.default(new Ajv({ strict: false }));
  const events = analytics.lines.filter(({ type }) => (type as string).startsWith('Batch')) as Record<string, string>[];
  expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['BatchRequested', 'BatchCreated', 'BatchFailed']));
  for (const { type, version, dataschema, data } of events) {
    const file = path.join(PROJECT, `packages/events/published/${type}.v${version}.json`);
    const schema = JSON.parse(await readFile(file, 'utf8')) as { $id: string };
    const validate = ajv.getSchema(schema.$id) ?? ajv.compile(schema);
    expect({ type, dataschema, valid: validate(data) }).toEqual({ type, dataschema: schema.$id, valid: true });
  }
  const text = JSON.stringify(analytics.lines);
  expect(text).not.toContain('TicketsIssued');
  for (const hidden of [...sold.orders, ...unsold.orders, ...secrets, 'hidden comment'])
    expect(text).not.toContain(hidden);
});
