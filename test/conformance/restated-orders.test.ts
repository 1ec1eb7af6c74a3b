import { rm } from 'node:fs/promises';
import { READ_MODELS } from '@gatehouse/admission/context';
import { checkin } from '@gatehouse/checkin/service';
import { rebuildReadModel, verifyReadModel } from '@gatehouse/eventing/read-model';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { importFolder } from '@gatehouse/reference/import';
import { referenceStoreAt } from '@gatehouse/reference/testing';
import { droid } from '@gatehouse/test-support/droid';
import { SHOP, shopExport, shopOrder, shopPosition, type ShopOrder } from '@gatehouse/test-support/shop';
import { exportFolder, startSystem, type System } from '@gatehouse/test-support/system';

/* An order is stated whole; its newest state applies at the gates (import.md §3). Each test has its own orders. */

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
  await system.import(shopExport([]));
});
afterAll(() => system.close());

afterEach(async () => {
  for (const model of READ_MODELS) expect(await verifyReadModel(model, system.feeds, () => undefined)).toEqual([]);
});

/** All rows of the read model `tickets`, regardless of order. */
async function rows(): Promise<unknown> {
  const { tables } = READ_MODELS.find(({ name }) => name === 'tickets')!;
  const all: Record<string, unknown> = {};
  for (const { name, key, columns } of tables) {
    const found = await system.pool.query(
      `select ${columns === '*' ? 'r.*' : columns} from admission.${name} r order by ${key}`,
    );
    all[name] = found.rows;
  }
  return all;
}

const old = droid({ call: (...args) => system.call(...args) }, SHOP.droid, SHOP.droidKey);

type Scanned = { status: string; reason?: string; position?: { id: number } };
async function scan(ticket: string | number, list: number = SHOP.gate): Promise<string> {
  const target = `${SHOP.event}checkinlists/${list}/positions/${ticket}/redeem/`;
  const { status, body } = await system.call('POST', target, {
    token: SHOP.token,
    json: { canceled_supported: true },
  });
  const { status: outcome, reason, position } = body as Scanned;
  return status === 404 ? 'unknown' : (reason ?? `${outcome} ${position?.id}`);
}

type Listed = { id: number; attendee_name: string | null; addon_to: number | null };
async function listed(query: string, list: number = SHOP.gate): Promise<Listed[]> {
  const found: Listed[] = [];
  for (let page = 1; ; page++) {
    const target = `${SHOP.event}checkinlists/${list}/positions/?${query}&page=${page}`;
    const { body } = await system.call('GET', target, { token: SHOP.token });
    const { results, next } = body as { results: Listed[]; next: string | null };
    found.push(...results);
    if (next === null) return found;
  }
}
const idsOf = async (code: string): Promise<number[]> => (await listed(`order=${code}`)).map(({ id }) => id);

async function downloaded(): Promise<string[]> {
  const { body, text } = await old.get('download/');
  const { results } = (body ?? JSON.parse(text)) as { results: { secret: string }[] };
  return results.map(({ secret }) => secret);
}

const droidScan = async (secret: string) => {
  const { body, text } = await old.redeem({ secret });
  const { reason, status } = (body ?? JSON.parse(text)) as Scanned;
  return reason ?? status;
};

const warnings = async (orders: readonly ShopOrder[]): Promise<string[]> =>
  (await system.import(shopExport(orders))).warnings.map(({ count, text }) => `${count} ${text}`);

const ENDED = 'ticket is no longer named by its order and is canceled';

describe('a ticket that its order no longer names', () => {
  test('is on no list, in no count, in no download, and gets in nowhere; the import says so', async () => {
    const [a, b] = [shopPosition(1001), shopPosition(1002)];
    await system.import(shopExport([shopOrder('GONE1', [a, b])]));
    expect(await idsOf('GONE1')).toEqual([1001, 1002]);
    expect(await downloaded()).toContain(b.secret);
    expect(await warnings([shopOrder('GONE1', [a])])).toEqual([`1 ${ENDED}`]);
    expect(await idsOf('GONE1')).toEqual([1001]);
    expect(await downloaded()).not.toContain(b.secret);
    expect([await scan(b.secret), await scan(b.id), await droidScan(b.secret)]).toEqual([
      'unknown',
      'unknown',
      'unknown_ticket',
    ]);
    expect(await scan(a.secret)).toBe('ok 1001');
    // It ended once.
    expect(await warnings([shopOrder('GONE1', [a])])).toEqual([]);
    expect(await warnings([shopOrder('GONE1', [a], { email: 'new@example.org' })])).toEqual([]);
  });

  test('keeps what happened to it, which is there again when it is named again', async () => {
    const [a, b] = [shopPosition(1011), shopPosition(1012)];
    await system.import(shopExport([shopOrder('BACK1', [a, b])]));
    expect(await scan(b.secret)).toBe('ok 1012');
    await system.import(shopExport([shopOrder('BACK1', [a])]));
    expect(await scan(b.secret)).toBe('unknown');
    await system.import(shopExport([shopOrder('BACK1', [a, b])]));
    expect(await scan(b.secret)).toBe('already_redeemed');
    expect(await idsOf('BACK1')).toEqual([1011, 1012]);
  });

  test('an order that is canceled and names nothing any more lets nobody in', async () => {
    const a = shopPosition(1021);
    await system.import(shopExport([shopOrder('VOID1', [a])]));
    expect(await scan(a.secret)).toBe('ok 1021');
    expect(await warnings([shopOrder('VOID1', [], { status: 'c', testmode: true })])).toEqual([`1 ${ENDED}`]);
    expect(await scan(a.secret)).toBe('unknown');
    // Check-ins of canceled tickets are counted if their order's status is (contract §3.6), which is that of the order now.
    const { rows: held } = await system.pool.query(
      'select status, canceled, testmode from admission.tickets where id = 1021',
    );
    expect(held).toEqual([{ status: 'c', canceled: true, testmode: true }]);
  });

  test('belongs to the order that names it meanwhile, whichever comes first in the folder', async () => {
    for (const [n, turned] of [false, true].entries()) {
      const [a, b] = [shopPosition(1031 + 10 * n), shopPosition(1032 + 10 * n)];
      const [from, to] = [`FROM${n}`, `INTO${n}`];
      await system.import(shopExport([shopOrder(from, [a, b])]));
      expect(await scan(b.id)).toBe(`ok ${b.id}`);
      const next = [shopOrder(from, [a]), shopOrder(to, [b])];
      expect(await warnings(turned ? next.reverse() : next)).toEqual([]);
      expect([await idsOf(from), await idsOf(to)]).toEqual([[a.id], [b.id]]);
      expect(await scan(b.secret)).toBe('already_redeemed');
      // It is not affected by changes of its former order.
      await system.import(shopExport([shopOrder(from, [], { status: 'c' })]));
      expect(await idsOf(to)).toEqual([b.id]);
    }
  });
});

describe('a secret', () => {
  test('that was freed is the ticket of the position that has it now', async () => {
    const a = shopPosition(1051, { secret: 'season' });
    await system.import(shopExport([shopOrder('SEAS1', [a])]));
    const b = shopPosition(1052, { secret: 'season' });
    expect(await warnings([shopOrder('SEAS2', [b]), shopOrder('SEAS1', [])])).toEqual([`1 ${ENDED}`]);
    expect((await listed('secret=season')).map(({ id }) => id)).toEqual([1052]);
    expect(await scan('season')).toBe('ok 1052');
  });

  test('of two tickets, because the old holder is not in the folder: the new one gets in, and the import names both', async () => {
    const a = shopPosition(1061, { secret: 'twice', attendee_name_parts: { given_name: 'Zoe' } });
    await system.import(shopExport([shopOrder('TWIC1', [a])]));
    const b = shopPosition(1060, { secret: 'twice', attendee_name_parts: { given_name: 'Al' } });
    const [warning, ...others] = await warnings([shopOrder('TWIC2', [b])]);
    expect(warning).toMatch(/^1 pair of tickets has one secret.*1061 \(TWIC1\).*1060 \(TWIC2\)$/);
    expect(others).toEqual([]);
    expect(await scan('twice')).toBe('ok 1060');
    expect(await scan('twice', SHOP.dayGate)).toBe('product');
    // The import did not change the old one, which is still found by its id.
    expect(await scan(1061)).toBe('ok 1061');
    // Refunded, without the new one in the import: the secret belongs to the one that may enter.
    await system.import(shopExport([shopOrder('TWIC2', [b], { status: 'c' })]));
    expect(await scan('twice')).toBe('already_redeemed');
  });
});

describe('whatever has got how far', () => {
  const parts = { given_name: 'Eva', family_name: 'Muster' };
  const named = { attendee_name_parts: parts };
  const shown = async (code: string) => (await listed(`order=${code}`)).map(({ attendee_name: name }) => name);

  /** Suspends one consumer of reference until the returned function is called. */
  async function hold(consumer: string, topic: string): Promise<() => Promise<void>> {
    const client = await system.pool.connect();
    await client.query('begin');
    await client.query('select from checkpoints where name = $1 and topic = $2 for update', [consumer, topic]);
    return async () => {
      await client.query('commit');
      client.release();
    };
  }

  test('names are written by the scheme of the event, whatever else has got so far, and anew when it changes', async () => {
    const release = await hold('catalog', 'reference');
    const [a, addon] = [shopPosition(1071, named), shopPosition(1072, { item: SHOP.addon, addon_to: 1071 })];
    const own = shopPosition(1073, { attendee_name_parts: { ...parts, _scheme: 'given_family' } });
    const order = shopOrder('NAMES', [a, addon, own]);
    const importing = system.import(shopExport([order], { scheme: 'family_comma_given' }));
    while ((await system.pool.query("select from admission.tickets where order_code = 'NAMES'")).rows.length < 3)
      await new Promise((resolve) => setTimeout(resolve, 10));
    await release();
    await importing;
    expect(await shown('NAMES')).toEqual(['Eva Muster', 'Muster, Eva', 'Muster, Eva']);
    // Also for an ended ticket: it may be named again.
    await system.import(shopExport([shopOrder('NAMES', [a, addon])], { scheme: 'family_comma_given' }));
    await system.import(shopExport([], { scheme: 'family_given' }));
    expect(await shown('NAMES')).toEqual(['Muster Eva', 'Muster Eva']);
    expect((await listed('search=muster+eva')).map(({ id }) => id)).toEqual(expect.arrayContaining([1071, 1072]));
    await system.import(shopExport([]));
  });

  test('an order waits for the lists that may let it in, however far they are behind', async () => {
    const release = await hold('lists', 'admission');
    const json = { name: 'Box office', all_products: true, auto_checkin_sales_channels: ['web'] };
    const created = await system.call('POST', `${SHOP.event}checkinlists/`, { token: SHOP.token, json });
    expect(created.status).toBe(201);
    const importing = system.import(shopExport([shopOrder('AUTO1', [shopPosition(1081)])]));
    // Longer than any wait for a read model.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await release();
    await importing;
    const { id } = created.body as { id: number };
    expect(await scan(1081, id)).toBe('already_redeemed');
    await system.call('DELETE', `${SHOP.event}checkinlists/${id}/`, { token: SHOP.token });
  });
});

describe('an order too large for one event', () => {
  const FIRST = 20_000;
  const SIZE = 1_200;
  const LAST = FIRST + SIZE - 1;
  const email = (n: number) => `${'x'.repeat(220)}${n}@example.org`;
  const positions = Array.from({ length: SIZE }, (_, n) =>
    shopPosition(FIRST + n, { attendee_email: email(n), attendee_name_parts: { given_name: email(n) } }),
  );
  // Its ticket is in the first part, its add-on in the last one.
  positions[0] = shopPosition(FIRST, { attendee_name_parts: { given_name: 'Greta', family_name: 'Group' } });
  positions[SIZE - 1] = shopPosition(LAST, { item: SHOP.addon, addon_to: FIRST });
  const large = (named: typeof positions, more: object = {}) =>
    shopOrder('LARGE', named, { sales_channel: 'resellers', ...more });
  const count = async (list: number = SHOP.gate) => {
    const target = `${SHOP.event}checkinlists/${list}/positions/?order=LARGE`;
    const { body } = await system.call('GET', target, { token: SHOP.token });
    return (body as { count: number }).count;
  };
  let automatic: number;
  beforeAll(async () => {
    // A channel exists as soon as an order names it.
    await system.import(shopExport([shopOrder('RESEL', [], { sales_channel: 'resellers' })]));
    const json = { name: 'Resellers', all_products: true, auto_checkin_sales_channels: ['resellers'] };
    const { status, body } = await system.call('POST', `${SHOP.event}checkinlists/`, { token: SHOP.token, json });
    expect(status).toBe(201);
    automatic = (body as { id: number }).id;
  });

  /** Imports like a process that is killed after so many parts. */
  async function importKilled(order: ShopOrder, afterParts: number): Promise<void> {
    const { store, pool, close } = await referenceStoreAt(system.databaseUrl);
    let left = afterParts;
    const dying: typeof store = {
      ...store,
      append: (stream, ...rest) =>
        !stream.startsWith('order-') || left-- > 0
          ? store.append(stream, ...rest)
          : Promise.reject(new Error('killed')),
    };
    const folder = await exportFolder(shopExport([order]));
    await expect(importFolder({ store: dying, pool, folder })).rejects.toThrow('killed');
    await rm(folder, { recursive: true });
    await close();
    await system.settled();
  }

  test('is not there with some of its parts, and whole with all of them', async () => {
    await importKilled(large(positions), 2);
    expect(await count()).toBe(0);
    await system.import(shopExport([large(positions)]));
    expect(await count()).toBe(SIZE);
    const [first, last] = (await listed(`order=LARGE&ordering=positionid&item__in=${SHOP.pass},${SHOP.addon}`)).filter(
      ({ id }) => id === FIRST || id === LAST,
    );
    expect([first!.attendee_name, last!.attendee_name, last!.addon_to]).toEqual(['Greta Group', 'Greta Group', FIRST]);
    const { text } = await old.get('search/', { query: positions[0]!.secret });
    expect(JSON.parse(text)).toMatchObject({ results: [{ addons_text: 'Parking' }] });
    expect(await scan(LAST)).toBe(`ok ${LAST}`);
    // First seen now, although its import was killed in between.
    expect([await scan(FIRST, automatic), await scan(LAST, automatic)]).toEqual([
      'already_redeemed',
      'already_redeemed',
    ]);
  });

  test('a state that lacks parts cancels nothing and says nothing', async () => {
    const some = [...positions.slice(0, SIZE - 100), shopPosition(LAST + 1)];
    await importKilled(large(some, { status: 'c' }), 1);
    expect(await count()).toBe(SIZE);
    expect(await scan(FIRST + 1)).toBe(`ok ${FIRST + 1}`);
    await system.import(shopExport([large(some)]));
    expect(await count()).toBe(SIZE - 99);
    expect([await scan(LAST), await scan(FIRST + 1), await scan(LAST + 1, automatic)]).toEqual([
      'unknown',
      'already_redeemed',
      // The order existed before.
      `ok ${LAST + 1}`,
    ]);
    expect(await warnings([large(some.slice(0, 1), { status: 'c' })])).toEqual([
      `${SIZE - 100} tickets are no longer named by their orders and are canceled`,
    ]);
    expect(await count()).toBe(0);
  });

  test('a ticket with thousands of check-ins has them all', async () => {
    const row = (n: number) => ({
      id: n + 1,
      list: SHOP.gate,
      datetime: `2027-06-01T10:00:00.${n + 1000}Z`,
      type: 'exit',
    });
    const checkins = Array.from({ length: 3_000 }, (_, n) => row(n));
    await system.import(shopExport([shopOrder('BANDS', [shopPosition(30_001, { checkins })])]));
    const imported = await system.pool.query("select from admission.events where stream = 'ticket-30001'");
    expect(imported.rows).toHaveLength(3_000);
    expect(await scan(30_001)).toBe('ok 30001');
  });
});

test('a rebuild gives the same rows', async () => {
  const before = await rows();
  for (const model of READ_MODELS) await rebuildReadModel(model, system.feeds, () => undefined);
  expect(await rows()).toEqual(before);
});
