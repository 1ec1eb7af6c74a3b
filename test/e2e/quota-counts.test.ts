import { readFileSync } from 'node:fs';
import path from 'node:path';
import { inventory } from '@gatehouse/domain/inventory';
import { availabilityOf, takenOf } from '@gatehouse/domain/quota';
import { startInventory, type InventorySystem } from '@gatehouse/test-support/inventory';

/* Acceptance of issue 12: what a real export says of its quotas, counted here from the folder alone by contract §2.7. */

const EXPORT = path.resolve(__dirname, '../fixtures/pretix-export');

type Quota = {
  id: number;
  closed: boolean;
  size: number | null;
  items: number[];
  variations: number[];
  subevent: number | null;
};
type Product = { item: number; variation: number | null; subevent: number | null };
type Voucher = {
  id: number;
  block_quota: boolean;
  valid_until: string | null;
  max_usages: number;
  redeemed: number;
  item: number | null;
  variation: number | null;
  quota: number | null;
  subevent: number | null;
};
type Order = { status: string; positions: (Product & { canceled: boolean })[] };

let system: InventorySystem;
beforeAll(async () => {
  system = await startInventory();
  await system.import(EXPORT);
});
afterAll(() => system.close());

function read<T>(event: string, name: string): T[] {
  const text = readFileSync(path.join(EXPORT, 'events', event, name), 'utf8');
  if (!name.endsWith('.ndjson')) return JSON.parse(text) as T[];
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as T); // prettier-ignore
}

function countedFrom(event: string, quota: Quota, now: number) {
  const valid = ({ block_quota, valid_until }: Voucher) =>
    block_quota && (!valid_until || Date.parse(valid_until) >= now);
  const counts = ({ item, variation, subevent }: Product) =>
    subevent === quota.subevent &&
    (variation === null ? quota.items.includes(item) : quota.variations.includes(variation));
  const positions = read<Order>(event, 'orders.ndjson').flatMap(({ status, positions: all }) =>
    all.filter((each) => !each.canceled && counts(each)).map(() => status),
  );
  const all = read<Voucher>(event, 'vouchers.json');
  const vouchers = all
    .filter(valid)
    .filter(({ quota: own, item, ...voucher }) =>
      own === null
        ? item !== null && counts({ item, ...voucher })
        : own === quota.id && voucher.subevent === quota.subevent,
    )
    .reduce((sum, { max_usages: most, redeemed }) => sum + Math.max(0, most - redeemed), 0);
  const carts = read<Product & { expires: string; voucher: number | null }>(event, 'cartpositions.json').filter(
    (cart) =>
      counts(cart) &&
      Date.parse(cart.expires) >= now &&
      !all.some((voucher) => voucher.id === cart.voucher && valid(voucher)),
  ).length;
  const waiting = read<Product & { voucher: number | null }>(event, 'waitinglistentries.json').filter(
    (entry) => counts(entry) && entry.voucher === null,
  ).length;
  const paid = positions.filter((status) => status === 'p').length;
  const pending = positions.filter((status) => status === 'n').length;
  const taken = paid + pending + vouchers + carts + waiting;
  return {
    paid,
    pending,
    vouchers,
    carts,
    waiting,
    left: leftOf(quota, taken),
  };
}

function leftOf({ closed, size }: Quota, taken: number): number | null {
  if (closed) return 0;
  return size === null ? null : Math.max(0, size - taken);
}

test.each(['openair', 'tours'])('§2.7: every quota of %s counts what the folder says', async (event) => {
  const quotas = read<Quota>(event, 'quotas.json');
  const where = { organizer: 'demo', event };
  const known = await system.inventory.facts.quotas(where, quotas.map(({ id }) => id), 0); // prettier-ignore
  expect(known.quotas.map(({ id }) => id).sort((a, b) => a - b)).toEqual(
    quotas.map(({ id }) => id).sort((a, b) => a - b),
  );
  for (const quota of known.quotas) {
    const { left } = availabilityOf(quota, inventory.initial, known.now);
    const counted = countedFrom(
      event,
      quotas.find(({ id }) => id === quota.id)!,
      Date.parse(known.now),
    );
    expect({ quota: quota.id, ...takenOf(quota, inventory.initial, known.now), left }).toEqual({
      quota: quota.id,
      ...counted,
    });
  }
});

test('the export has something of everything that counts', () => {
  const counted = ['openair', 'tours'].flatMap((event) =>
    read<Quota>(event, 'quotas.json').map((quota) => countedFrom(event, quota, Date.now())),
  );
  for (const kind of ['paid', 'pending', 'vouchers', 'carts', 'waiting'] as const) {
    expect([kind, counted.some((quota) => quota[kind] > 0)]).toEqual([kind, true]);
  }
});
