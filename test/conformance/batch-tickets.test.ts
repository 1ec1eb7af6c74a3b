import { READ_MODELS } from '@gatehouse/admission/context';
import { checkin } from '@gatehouse/checkin/service';
import { rebuildReadModel, verifyReadModel } from '@gatehouse/eventing/read-model';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import type { Answer } from '@gatehouse/service/testing';
import { batchWriter, type MadeBatch } from '@gatehouse/test-support/batch-writer';
import { droid } from '@gatehouse/test-support/droid';
import {
  DATES,
  DROID_KEYS,
  festival,
  ITEMS,
  LISTS,
  OPENAIR,
  TOKENS,
  TOURS,
  VARIATIONS,
} from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/*
 * Tickets of batches of offline sales (contract §9.4, decisions) at the gates: as soon as their batch is created they are
 * tickets like all others. No test waits for a read model before it scans.
 */

let system: System;
let batches: ReturnType<typeof batchWriter>;
beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid, offlineSales]);
  await system.import(festival());
  batches = batchWriter(system);
});
afterAll(() => system.close());

afterEach(async () => {
  await system.settled();
  for (const model of READ_MODELS) expect(await verifyReadModel(model, system.feeds, () => undefined)).toEqual([]);
});

const openair = { organizer: 'demo', event: 'openair', item: ITEMS.pass } as const;
const old = droid({ call: (...args) => system.call(...args) }, 'demo/openair', DROID_KEYS.main);

const get = (target: string) => system.call('GET', target, { token: TOKENS.admin });
const positions = (list: number, rest = '') => `${OPENAIR}checkinlists/${list}/positions/${rest}`;
const scan = (ticket: string | number, list: number = LISTS.main) =>
  system.call('POST', positions(list, `${ticket}/redeem/`), { token: TOKENS.admin, json: {} });

type Shown = { status?: string; reason?: string; id: number };
const reasonOf = ({ body }: Answer) => (body as Shown).reason ?? (body as Shown).status;
type Page = { count: number; results: Shown[] };
const pageOf = ({ body }: Answer) => body as Page;
type DroidTicket = { secret: string; redeemed: boolean };
const droidTickets = ({ body }: Answer) => (body as { results: DroidTicket[] }).results;
const idsOf = ({ firstPosition, tickets }: MadeBatch) => tickets.map((_ticket, i) => firstPosition + i);

/** Stops what applies batches to `tickets`, until `release`. */
async function hold(): Promise<() => Promise<void>> {
  const client = await system.pool.connect();
  await client.query('begin');
  await client.query("select from checkpoints where name = 'tickets' and topic = 'sales' for update");
  return async () => {
    await client.query('commit');
    client.release();
  };
}

describe('a ticket of a batch', () => {
  test('lets in once, whichever head scans first, by secret and by id', async () => {
    const { tickets, firstPosition } = await batches.create({ ...openair, amount: 3 }, 2);
    const [a, b, c] = tickets.map(({ secret }) => secret) as [string, string, string];
    expect(await scan(a)).toMatchObject({ status: 201, body: { status: 'ok', position: { id: firstPosition } } });
    expect(reasonOf(await old.redeem({ secret: a }))).toBe('already_redeemed');
    expect(reasonOf(await old.redeem({ secret: b }))).toBe('ok');
    expect(await scan(b)).toMatchObject({ status: 400, body: { reason: 'already_redeemed' } });
    expect(await scan(firstPosition + 2)).toMatchObject({ status: 201, body: { position: { secret: c } } });
  });

  test('is a paid order of one position, with the price, tax and date of its batch, and no name', async () => {
    const { tickets, firstPosition } = await batches.create({ ...openair, amount: 1, locale: 'de' });
    const [{ code, secret, pseudonymization_id }] = tickets as [MadeBatch['tickets'][number]];
    const { status, body } = await get(positions(LISTS.main, `${secret}/?pdf_data=true`));
    expect(status).toBe(200);
    const { pdf_data, downloads, ...rest } = body as { pdf_data: Record<string, string>; downloads: object[] };
    expect(rest).toEqual({
      ...{ id: firstPosition, order: code, positionid: 1, item: ITEMS.pass, variation: null, price: '23.00' },
      ...{ attendee_name: null, attendee_name_parts: {}, attendee_email: null, voucher: null, tax_rate: '19.00' },
      ...{ tax_value: '3.67', secret, addon_to: null, subevent: null, checkins: [], answers: [], tax_rule: 2 },
      ...{ pseudonymization_id, seat: null, require_attention: false, order__status: 'p' },
    });
    expect(downloads).toMatchObject([{ output: 'pdf' }]);
    expect(pdf_data).toMatchObject({
      order: code,
      secret,
      item: 'Festivalpass',
      price: expect.stringContaining('23,00') as string,
    });
  });

  test('is found by every filter and search, and in every order', async () => {
    const made = await batches.create({ ...openair, item: ITEMS.day, variation: VARIATIONS.friday, amount: 2 });
    const [first] = made.tickets as [MadeBatch['tickets'][number]];
    const found = async (query: string) =>
      pageOf(await get(positions(LISTS.main, `?${query}`))).results.map(({ id }) => id);
    for (const query of [
      `order=${first.code.toLowerCase()}`,
      `secret=${first.secret}`,
      `pseudonymization_id=${first.pseudonymization_id}`,
      `search=${first.code.slice(0, 6)}`,
      `search=${first.secret.slice(0, 12).toUpperCase()}`,
    ]) {
      expect([query, await found(query)]).toEqual([query, [made.firstPosition]]);
    }
    const both = idsOf(made);
    for (const query of [
      `item=${ITEMS.day}`,
      `variation=${VARIATIONS.friday}`,
      'order__status=p',
      'has_checkin=false',
    ]) {
      expect(await found(`${query}&page_size=100`)).toEqual(expect.arrayContaining(both));
    }
    for (const field of [
      'order__code',
      'order__datetime',
      'positionid',
      'attendee_name',
      'order__email',
      '-last_checked_in',
    ]) {
      expect(await found(`ordering=${field}&page_size=100`)).toEqual(expect.arrayContaining(both));
    }
    expect(await found('order__status=n&page_size=100')).not.toEqual(expect.arrayContaining(both));
    expect(droidTickets(await old.get('search/', { query: first.code })).map(({ secret }) => secret)).toEqual([
      first.secret,
    ]);
    const bySecret = await old.get('search/', { query: first.secret.slice(0, 10) });
    expect(droidTickets(bySecret)).toMatchObject([{ secret: first.secret, redeemed: false }]);
  });

  test('is counted on lists and in both statuses, and paged through', async () => {
    const all = { api: `${OPENAIR}checkinlists/${LISTS.main}/` };
    const numbers = async () => {
      const list = (await get(all.api)).body as Record<string, number>;
      const status = (await get(`${all.api}status/`)).body as Record<string, number>;
      const total = ((await old.get('status/')).body as Record<string, number>)['total']!;
      const { count } = pageOf(await get(positions(LISTS.main)));
      return [list['position_count']!, status['position_count']!, total, count];
    };
    const before = await numbers();
    const made = await batches.create({ ...openair, amount: 120 });
    await scan(made.tickets[119]!.secret);
    expect(await numbers()).toEqual(before.map((each) => each + 120));
    const paged: number[] = [];
    for (let page = 1, next: unknown = true; next; page++) {
      const { body } = await get(positions(LISTS.main, `?page=${page}`));
      paged.push(...(body as Page).results.map(({ id }) => id));
      next = (body as { next: unknown }).next;
    }
    expect(new Set(paged).size).toBe(paged.length);
    expect(paged.filter((id) => id >= made.firstPosition)).toEqual(idsOf(made));
  });

  test('needs attention if its product does, and is not downloaded in test mode', async () => {
    const vip = await batches.create({ ...openair, item: ITEMS.vip, amount: 1 });
    const test = await batches.create({ ...openair, amount: 1, testmode: true });
    expect(test.tickets[0]!.code[1]).toBe('0');
    expect((await scan(vip.tickets[0]!.secret)).body).toMatchObject({ require_attention: true });
    expect(reasonOf(await scan(test.tickets[0]!.secret))).toBe('ok');
    const secrets = droidTickets(await old.get('download/')).map(({ secret }) => secret);
    expect(secrets).toContain(vip.tickets[0]!.secret);
    expect(secrets).not.toContain(test.tickets[0]!.secret);
  });

  test('is in the next download of a scanner that has one, with its entry', async () => {
    const before = droidTickets(await old.get('download/')).length;
    const { tickets } = await batches.create({ ...openair, amount: 1_200 });
    await scan(tickets[700]!.secret);
    const downloaded = droidTickets(await old.get('download/'));
    expect(downloaded).toHaveLength(before + 1_200);
    const mine = new Map(tickets.map(({ secret }, i) => [secret, i]));
    const shown = downloaded.filter(({ secret }) => mine.has(secret));
    expect(shown.map(({ secret }) => mine.get(secret))).toEqual(tickets.map((_ticket, i) => i));
    expect(shown.filter(({ redeemed }) => redeemed).map(({ secret }) => mine.get(secret))).toEqual([700]);
  });

  test('is of one date in a series', async () => {
    const tour = { organizer: 'demo', event: 'tours', item: ITEMS.tour, variation: VARIATIONS.adult } as const;
    const { tickets } = await batches.create({ ...tour, date: DATES.evening, amount: 1 });
    const at = (list: number) =>
      system.call('POST', `${TOURS}checkinlists/${list}/positions/${tickets[0]!.secret}/redeem/`, {
        token: TOKENS.admin,
        json: {},
      });
    expect((await at(LISTS.evening)).status).toBe(201);
    expect((await at(LISTS.morning)).status).toBe(404);
  });

  test('is a ticket even if the shop has not stated its product here', async () => {
    const { tickets } = await batches.create({ ...openair, item: 4_711, amount: 1 });
    expect(reasonOf(await scan(tickets[0]!.secret))).toBe('ok');
    expect(reasonOf(await old.redeem({ secret: tickets[0]!.secret }))).toBe('already_redeemed');
    expect((await get(positions(LISTS.main, `?search=${tickets[0]!.code}`))).body).toMatchObject({ count: 1 });
    expect((await get(`${OPENAIR}checkinlists/${LISTS.main}/status/`)).status).toBe(200);
    expect((await old.get('status/')).status).toBe(200);
  });
});

describe('a ticket of a batch that is created, but not applied here yet', () => {
  const ways: Record<string, (ticket: MadeBatch['tickets'][number], id: number) => Promise<unknown>> = {
    'REST, its secret': async ({ secret }) => (await scan(secret)).status === 201,
    'REST, its id': async (_ticket, id) => (await scan(id)).status === 201,
    'the old scanner': async ({ secret }) => reasonOf(await old.redeem({ secret })) === 'ok',
    'its position': async ({ secret }) => (await get(positions(LISTS.main, `${secret}/`))).status === 200,
    'a search': async ({ code }) => pageOf(await get(positions(LISTS.main, `?search=${code}`))).count === 1,
    'a search of the old scanner': async ({ code }) =>
      droidTickets(await old.get('search/', { query: code })).length === 1,
  };

  test.each(Object.keys(ways))('is waited for: %s', async (way) => {
    const release = await hold();
    const { tickets, firstPosition } = await batches.create({ ...openair, amount: 1 });
    const asked = ways[way]!(tickets[0]!, firstPosition);
    // So long that a gate that does not wait for sales has answered.
    await new Promise((resolve) => setTimeout(resolve, 700));
    await release();
    expect(await asked).toBe(true);
  });
});

describe('tickets that are not valid', () => {
  test('of a batch that is not complete, or has failed', async () => {
    const { job, tickets } = await batches.begin({ ...openair, amount: 5 }, 3);
    await system.settled();
    const staged = () => system.pool.query('select from issued_tickets where batch = $1', [job]);
    expect((await staged()).rowCount).toBe(1);
    expect([await scan(tickets[0]!.secret), await scan(tickets[2]!.secret)]).toMatchObject([
      { status: 404 },
      { status: 404 },
    ]);
    expect(reasonOf(await old.redeem({ secret: tickets[1]!.secret }))).toBe('unknown_ticket');
    await batches.fail(job);
    expect((await scan(tickets[0]!.secret)).status).toBe(404);
    await system.settled();
    expect((await staged()).rowCount).toBe(0);
  });

  test('that nobody has issued are refused, and recorded', async () => {
    expect((await scan('nobody-has-issued-this')).status).toBe(404);
    expect(reasonOf(await old.redeem({ secret: 'nobody-has-issued-this' }))).toBe('unknown_ticket');
    const last = (await system.events()).slice(-2);
    expect(last.map(({ data }) => (data as Shown).reason)).toEqual(['unknown_ticket', 'unknown_ticket']);
  });
});

describe('automatic check-in of a batch (contract §2.6)', () => {
  const boxoffice = { ...openair, sales_channel: 'boxoffice' } as const;
  const entries = async (made: MadeBatch) => {
    await system.settled();
    const own = new Set(idsOf(made));
    return (await system.events())
      .filter(({ type }) => type === 'PositionRedeemed')
      .map(({ data }) => data as { position: number; list: number; auto: boolean })
      .filter(({ position }) => own.has(position));
  };
  const create = async (name: string, more: object = {}): Promise<number> => {
    const json = { name, all_products: true, limit_products: [], subevent: null, ...more };
    const { status, body } = await system.call('POST', `${OPENAIR}checkinlists/`, { token: TOKENS.admin, json });
    expect(status).toBe(201);
    return (body as Shown).id;
  };

  test('on the lists of its channel that have its product, and only there', async () => {
    const shirts = await create('Shirts', {
      all_products: false,
      limit_products: [ITEMS.shirt],
      auto_checkin_sales_channels: ['boxoffice'],
    });
    const passes = await create('Passes', {
      all_products: false,
      limit_products: [ITEMS.pass],
      auto_checkin_sales_channels: ['boxoffice', 'web'],
    });
    const made = await batches.create({ ...boxoffice, amount: 250 }, 100);
    const found = await entries(made);
    expect(found.every(({ auto }) => auto)).toBe(true);
    const on = (list: number) =>
      found
        .filter((each) => each.list === list)
        .map(({ position }) => position)
        .sort((a, b) => a - b);
    expect([on(LISTS.auto), on(passes), on(shirts), found.length]).toEqual([idsOf(made), idsOf(made), [], 500]);
    const shown = await get(positions(LISTS.auto, `${made.tickets[249]!.secret}/`));
    expect(shown.body).toMatchObject({ checkins: [{ list: LISTS.auto, auto_checked_in: true }] });
    expect(reasonOf(await scan(made.tickets[0]!.secret, LISTS.auto))).toBe('already_redeemed');
    expect(reasonOf(await scan(made.tickets[0]!.secret))).toBe('ok');
    const list = (await get(`${OPENAIR}checkinlists/${passes}/`)).body as { checkin_count: number };
    expect(list.checkin_count).toBe(250);
  });

  test('by the lists as they stood when it was created, however often it is delivered', async () => {
    const later = await create('Changed later', { auto_checkin_sales_channels: [] });
    const made = await batches.create({ ...boxoffice, amount: 3 });
    const before = await entries(made);
    expect(before.map(({ list }) => list)).toContain(LISTS.auto);
    await create('Made later', { auto_checkin_sales_channels: ['boxoffice'] });
    const changed = { auto_checkin_sales_channels: ['boxoffice'] };
    await system.call('PATCH', `${OPENAIR}checkinlists/${later}/`, { token: TOKENS.admin, json: changed });
    const head = (await system.events()).length;
    // From the first batch of all, as after a reset of the consumer.
    await system.pool.query("update checkpoints set position = '0' where name = 'history' and topic = 'sales'");
    const next = await batches.create({ ...openair, sales_channel: 'pretixpos', amount: 1 });
    expect(reasonOf(await scan(next.tickets[0]!.secret))).toBe('ok');
    expect(await entries(made)).toEqual(before);
    expect((await system.events()).length).toBe(head + 1);
  });
});

test('a rebuilt read model is the same', async () => {
  const { tickets } = await batches.create({ ...openair, amount: 30 }, 7);
  const open = await batches.begin({ ...openair, amount: 30 }, 7);
  await system.settled();
  const tables = READ_MODELS.find(({ name }) => name === 'tickets')!;
  await rebuildReadModel(tables, system.feeds, () => undefined);
  expect(reasonOf(await scan(tickets[29]!.secret))).toBe('ok');
  await batches.fail(open.job);
});
