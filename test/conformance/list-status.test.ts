import { checkin } from '@gatehouse/checkin/service';
import { captures } from '@gatehouse/test-support/captures';
import {
  festival,
  festivalWith,
  ITEMS,
  LISTS,
  named,
  OPENAIR,
  openairOrder,
  order,
  position,
  TICKETS,
  TOKENS,
  TOURS,
  VARIATIONS,
  FAIR,
} from '@gatehouse/test-support/festival';
import { startProcess, type Process } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';

const captured = captures('3.8');
const token = TOKENS.admin;

type Counts = { checkin_count: number; position_count: number };
type Variation = Counts & { id: number; value: string };
type Item = Counts & { id: number; name: string; admission: boolean; variations: Variation[] };
type Status = Counts & { event: { name: string }; items: Item[] };

let system: System;
let replica: Process;

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
  replica = await startProcess([checkin], system.databaseUrl);
});
afterAll(async () => {
  await replica.close();
  await system.close();
});

const urlOf = (list: number, event = OPENAIR) => `${event}checkinlists/${list}/`;

async function statusOf(list: number, event = OPENAIR, headers: Record<string, string> = {}): Promise<Status> {
  const answer = await system.call('GET', `${urlOf(list, event)}status/`, { token, headers });
  expect(answer.status).toBe(200);
  return answer.body as Status;
}

async function countsOf(list: number, event = OPENAIR): Promise<Counts> {
  const { checkin_count, position_count } = (await system.call('GET', urlOf(list, event), { token })).body as Counts;
  return { checkin_count, position_count };
}

const redeem = (list: number, ticket: { id: number }, event = OPENAIR, json: object = {}) =>
  system.call('POST', `${urlOf(list, event)}positions/${ticket.id}/redeem/`, { token, json });

const itemOf = (status: Status, id: number) => status.items.find((item) => item.id === id);
const sumOf = (items: readonly Counts[], key: keyof Counts) => items.reduce((sum, item) => sum + item[key], 0);

describe('contract §4.4 the shape', () => {
  test('has the keys of the reference, in their order', async () => {
    const reference = captured('rest-list-status').body as Status;
    const status = await statusOf(LISTS.main);
    const variationKeys = (one: Status) =>
      Object.keys(one.items.find(({ variations }) => variations.length > 0)!.variations[0]!);
    expect(Object.keys(status)).toEqual(Object.keys(reference));
    expect(Object.keys(status.event)).toEqual(Object.keys(reference.event));
    expect(Object.keys(status.items[0]!)).toEqual(Object.keys(reference.items[0]!));
    expect(variationKeys(status)).toEqual(variationKeys(reference));
  });

  test('all items by category position, item position, id; without category last; zero counts included', async () => {
    const { items } = await statusOf(LISTS.main);
    expect(items.map(({ id }) => id)).toEqual([
      ITEMS.day,
      ITEMS.pass,
      ITEMS.vip,
      ITEMS.old,
      ITEMS.shirt,
      ITEMS.parking,
      ITEMS.loose,
    ]);
    expect(itemOf({ items } as Status, ITEMS.shirt)).toEqual({
      id: ITEMS.shirt,
      name: 'T-Shirt',
      admission: false,
      checkin_count: 0,
      position_count: 1,
      variations: [
        { id: VARIATIONS.red, value: 'Red', checkin_count: 0, position_count: 1 },
        { id: VARIATIONS.blue, value: 'Blue', checkin_count: 0, position_count: 0 },
      ],
    });
  });

  test('variations by position, then id', async () => {
    const { items } = await statusOf(LISTS.main);
    expect(items[0]!.variations.map(({ value }) => value)).toEqual(['Friday', 'Saturday']);
  });

  test('only the items of the list, unless it has all products', async () => {
    const { items } = await statusOf(LISTS.passes);
    expect(items.map(({ id }) => id)).toEqual([ITEMS.pass, ITEMS.vip]);
  });

  test('an internal name goes before the name', async () => {
    expect(itemOf(await statusOf(LISTS.main), ITEMS.parking)).toMatchObject({ name: 'P1' });
  });

  test("the event's name, or the date's where the list has one", async () => {
    expect((await statusOf(LISTS.main)).event).toEqual({ name: 'Open Air' });
    expect((await statusOf(LISTS.morning, TOURS)).event).toEqual({ name: 'Morning tour' });
    expect((await statusOf(LISTS.dateless, TOURS)).event).toEqual({ name: 'City tours' });
  });

  test('contract §1.5 names in the language that is asked for, of those that the event has', async () => {
    const german = await statusOf(LISTS.main, OPENAIR, { 'accept-language': 'fr;q=0.9,de-AT,en;q=0.5' });
    expect(german.event.name).toBe('Freiluft');
    expect(itemOf(german, ITEMS.day)).toMatchObject({
      name: 'Tagesticket',
      variations: [{ value: 'Freitag' }, { value: 'Samstag' }],
    });
    expect(itemOf(german, ITEMS.vip)).toMatchObject({ name: 'VIP' });
    expect((await statusOf(LISTS.main, OPENAIR, { 'accept-language': 'fr' })).event.name).toBe('Open Air');
    expect((await statusOf(LISTS.main, OPENAIR, { 'accept-language': ';;q=x,*' })).event.name).toBe('Open Air');
  });

  test('404 for an unknown list, 405 for other methods', async () => {
    expect(await system.call('GET', `${urlOf(99999)}status/`, { token })).toMatchObject({
      status: 404,
      body: captured('rest-list-status-unknown').body,
    });
    expect(await system.call('POST', `${urlOf(LISTS.main)}status/`, { token })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD, OPTIONS' },
    });
  });
});

describe('contract §4.1 counts', () => {
  test('paid tickets that are not canceled, test-mode orders included', async () => {
    // Of openair's 24 tickets two are canceled, and four belong to pending, expired and canceled orders.
    expect(await countsOf(LISTS.main)).toEqual({ checkin_count: 2, position_count: 19 });
  });

  test('pending ones, too, where the list includes them; expired and canceled orders never', async () => {
    expect(await countsOf(LISTS.pending)).toEqual({ checkin_count: 0, position_count: 21 });
  });

  test('of the products of the list', async () => {
    expect(await countsOf(LISTS.merchandise)).toEqual({ checkin_count: 0, position_count: 3 });
    expect((await countsOf(LISTS.passes)).position_count).toBe(13);
  });

  test('of exactly the date of the list', async () => {
    expect(await countsOf(LISTS.morning, TOURS)).toEqual({ checkin_count: 0, position_count: 1 });
    expect(await countsOf(LISTS.evening, TOURS)).toEqual({ checkin_count: 0, position_count: 1 });
    expect(await countsOf(LISTS.dateless, TOURS)).toEqual({ checkin_count: 0, position_count: 0 });
  });

  test('are the number of positions that the list shows', async () => {
    for (const list of [LISTS.main, LISTS.pending, LISTS.passes, LISTS.merchandise]) {
      const { body } = await system.call('GET', `${urlOf(list)}positions/?page_size=1`, { token });
      expect((body as { count: number }).count).toBe((await countsOf(list)).position_count);
    }
  });
});

describe('contract §4.4 counts', () => {
  test('the total is the sum of its items, and an item of its variations', async () => {
    for (const list of [LISTS.main, LISTS.pending, LISTS.passes, LISTS.merchandise]) {
      const status = await statusOf(list);
      for (const key of ['checkin_count', 'position_count'] as const) {
        expect(sumOf(status.items, key)).toBe(status[key]);
        for (const item of status.items.filter(({ variations }) => variations.length > 0)) {
          expect(sumOf(item.variations, key)).toBe(item[key]);
        }
      }
    }
  });

  test('check-ins of canceled tickets count here, and not in the resource', async () => {
    expect((await statusOf(LISTS.main)).checkin_count).toBe(3);
    expect((await countsOf(LISTS.main)).checkin_count).toBe(2);
  });
});

describe('after a scan', () => {
  test('both numbers show it at once, in another process, too', async () => {
    expect((await redeem(LISTS.passes, TICKETS.vip)).status).toBe(201);
    expect((await countsOf(LISTS.passes)).checkin_count).toBe(1);
    const there = await replica.call('GET', `${urlOf(LISTS.passes)}status/`, { token });
    expect(there.body).toMatchObject({
      checkin_count: 1,
      items: [
        { id: ITEMS.pass, checkin_count: 0 },
        { id: ITEMS.vip, checkin_count: 1 },
      ],
    });
  });

  test('its variation shows it, other lists do not', async () => {
    expect((await redeem(LISTS.merchandise, TICKETS.graceShirt)).status).toBe(201);
    expect(itemOf(await statusOf(LISTS.merchandise), ITEMS.shirt)).toMatchObject({
      checkin_count: 1,
      variations: [
        { id: VARIATIONS.red, checkin_count: 1 },
        { id: VARIATIONS.blue, checkin_count: 0 },
      ],
    });
    expect((await statusOf(LISTS.main)).checkin_count).toBe(3);
  });

  test('refusals, repeats and forced repeats count nothing', async () => {
    await redeem(LISTS.merchandise, TICKETS.graceShirt, OPENAIR, { nonce: 'a' });
    await redeem(LISTS.merchandise, TICKETS.graceShirt, OPENAIR, { force: true });
    await redeem(LISTS.merchandise, TICKETS.vip);
    expect((await statusOf(LISTS.merchandise)).checkin_count).toBe(1);
  });

  test('a pending ticket that was let in by force counts only where pending ones do', async () => {
    expect((await redeem(LISTS.auto, TICKETS.pending, OPENAIR, { force: true })).status).toBe(201);
    expect(await countsOf(LISTS.auto)).toMatchObject({ checkin_count: 0 });
    expect((await statusOf(LISTS.auto)).checkin_count).toBe(0);
    expect((await redeem(LISTS.pending, TICKETS.pending, OPENAIR, { ignore_unpaid: true })).status).toBe(201);
    expect(await countsOf(LISTS.pending)).toMatchObject({ checkin_count: 1 });
    expect((await statusOf(LISTS.pending)).checkin_count).toBe(1);
  });

  test('of a date', async () => {
    expect((await redeem(LISTS.morning, TICKETS.morning, TOURS)).status).toBe(201);
    expect(await countsOf(LISTS.morning, TOURS)).toEqual({ checkin_count: 1, position_count: 1 });
    expect((await statusOf(LISTS.evening, TOURS)).checkin_count).toBe(0);
  });
});

describe('after an import', () => {
  test('of a changed order the numbers follow its status, and a canceled ticket moves from one number to the other', async () => {
    const before = await statusOf(LISTS.passes);
    const vip = openairOrder(TICKETS.vip.order);
    await system.import(
      festivalWith([{ ...vip, positions: vip.positions.map((each) => ({ ...each, canceled: true })) }]),
    );
    expect(await countsOf(LISTS.passes)).toEqual({ checkin_count: 0, position_count: before.position_count - 1 });
    expect(await statusOf(LISTS.passes)).toMatchObject({ checkin_count: 1, position_count: before.position_count - 1 });

    await system.import(festivalWith([{ ...vip, status: 'n' }]));
    expect(await countsOf(LISTS.passes)).toEqual({ checkin_count: 0, position_count: before.position_count - 1 });
    expect((await statusOf(LISTS.passes)).checkin_count).toBe(0);

    await system.import(festivalWith([vip]));
    expect(await countsOf(LISTS.passes)).toEqual({ checkin_count: 1, position_count: before.position_count });
  });

  test('contract §2.6: an order seen for the first time is let in on the lists of its channel that were known before', async () => {
    const ticket = { id: 1901, secret: 'late1pass' };
    const addon = { id: 1902, secret: 'late2shirt' };
    const late = (code: string, fields: object, positions: Parameters<typeof order>[2]) =>
      order(code, { sales_channel: 'boxoffice', ...fields }, positions);
    const { checkin_count } = await statusOf(LISTS.auto);
    await system.import(
      festivalWith([
        late('LATE1', {}, [
          position(ticket, { item: ITEMS.pass, ...named('Late Guest') }),
          position(addon, { item: ITEMS.shirt, variation: VARIATIONS.red }),
          position({ id: 1903, secret: 'late3' }, { item: ITEMS.pass, canceled: true }),
        ]),
        late('LATE2', { status: 'n' }, [position({ id: 1911, secret: 'late4' }, { item: ITEMS.pass })]),
        late('LATE3', { status: 'e' }, [position({ id: 1921, secret: 'late5' }, { item: ITEMS.pass })]),
        late('LATE4', { sales_channel: 'pretixpos' }, [position({ id: 1931, secret: 'late6' }, { item: ITEMS.pass })]),
      ]),
    );
    const shown = async (id: number) => {
      const { body } = await system.call('GET', `${urlOf(LISTS.auto)}positions/${id}/?ignore_status=true`, { token });
      return (body as { checkins: { auto_checked_in: boolean }[] }).checkins.map((row) => row.auto_checked_in);
    };
    expect(await shown(ticket.id)).toEqual([true]);
    expect(await shown(addon.id)).toEqual([true]);
    expect(await shown(1911)).toEqual([true]);
    expect(await shown(1921)).toEqual([]);
    expect(await shown(1931)).toEqual([]);
    // Two paid ones; the pending one is not checked in until its order is paid.
    expect((await statusOf(LISTS.auto)).checkin_count).toBe(checkin_count + 2);
    await system.import(
      festivalWith([late('LATE2', {}, [position({ id: 1911, secret: 'late4' }, { item: ITEMS.pass })])]),
    );
    expect((await statusOf(LISTS.auto)).checkin_count).toBe(checkin_count + 3);
  });

  test('of a new item it is there at once', async () => {
    const files = festival();
    const items = files['other/events/fair/items.json'] as object[];
    await system.import({
      ...files,
      'other/events/fair/items.json': [...items, { id: 192, name: { en: 'New' }, category: null, position: 5 }],
    });
    const { body } = await system.call('GET', `${urlOf(LISTS.fair, FAIR)}status/`, { token: TOKENS.other });
    expect((body as Status).items.map(({ name }) => name)).toEqual(['Fair ticket', 'New']);
  });
});
