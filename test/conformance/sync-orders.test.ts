import { checkin } from '@gatehouse/checkin/service';
import { reference } from '@gatehouse/reference-service/service';
import { sync } from '@gatehouse/sync-service/service';
import { syncContext } from '@gatehouse/sync/context';
import { verifyReadModel } from '@gatehouse/eventing/read-model';
import { gatehouse } from '@gatehouse/test-support/command';
import { allResults, REAL_EVENTS, REAL_EXPORT, realFile, realToken } from '@gatehouse/test-support/real-export';
import { shopExport, shopNumber, shopOrder, shopPosition, type ShopOrder } from '@gatehouse/test-support/shop';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* The orders that a scanner copies to work without a network (issue 14, clients.md §2 and §7). */

type Checkin = {
  id: number;
  list: number;
  datetime: string;
  type: string;
  auto_checked_in: boolean;
  device_id: number | null;
};
type Position = Record<string, unknown> & { id: number; secret: string; canceled: boolean; checkins: Checkin[] };
type Order = Record<string, unknown> & {
  code: string;
  status: string;
  testmode: boolean;
  datetime: string;
  last_modified: string;
  positions: Position[];
};
type Page = { count: number; next: string | null; results: Order[] };

let system: System;
let token: string;
const sent: Record<string, Order[]> = {};
beforeAll(async () => {
  system = await startSystem([checkin, sync, reference]);
  await system.import(REAL_EXPORT);
  token = realToken();
  for (const event of REAL_EVENTS) sent[event] = realFile<Order[]>(`events/${event}/orders.ndjson`);
});
afterAll(() => system.close());

const demo = '/api/v1/organizers/demo/events/';
const OPENAIR = `${demo}openair/`;
const get = async (target: string) => {
  const { status, body, headers } = await system.call('GET', target, { token });
  expect([target, status]).toEqual([target, 200]);
  return { ...(body as Page), generated: headers['x-page-generated']! };
};
const codes = (orders: readonly Order[]) => orders.map(({ code }) => code);

describe('orders/ is the file of its name in a real export, field by field', () => {
  test.each(REAL_EVENTS)('%s, with its canceled positions', async (event) => {
    const shown = await allResults<Order>(system, `${demo}${event}/orders/?include_canceled_positions=true`, token);
    expect(codes(shown)).toEqual(codes(sent[event]!));
    for (const [i, order] of shown.entries()) expect(order).toEqual(sent[event]![i]);
  });

  test('without them, as it is unless they are asked for', async () => {
    const shown = await allResults<Order>(system, `${OPENAIR}orders/`, token);
    const whole = sent['openair']!.map((order) => ({
      ...order,
      positions: order.positions.filter(({ canceled }) => !canceled),
    }));
    expect(shown).toEqual(whole);
    expect(whole.flatMap(({ positions }) => positions).length).toBeLessThan(637);
  });

  test('and each order by its code', async () => {
    const [order] = sent['tours']!;
    const { body } = await system.call('GET', `${demo}tours/orders/${order!.code}/?include_canceled_positions=true`, {
      token,
    });
    expect(body).toEqual(order);
    for (const code of ['NOSUCH', sent['openair']![0]!.code]) {
      expect(await system.call('GET', `${demo}tours/orders/${code}/`, { token })).toMatchObject({
        status: 404,
        body: { detail: 'Not found.' },
      });
    }
  });
});

describe('what apps ask for', () => {
  test('fields that they leave out (libpretixsync of today)', async () => {
    const query =
      '?testmode=false&exclude=downloads&exclude=payment_date&exclude=payment_provider&exclude=fees&exclude=positions.downloads';
    const { results } = await get(`${OPENAIR}orders/${query}`);
    const [first] = sent['openair']!.filter(({ testmode }) => !testmode);
    const { downloads, payment_date, payment_provider, fees, positions, ...rest } = first!;
    expect([downloads, payment_date, payment_provider, fees]).not.toContain(undefined);
    const kept = positions.filter(({ canceled }) => !canceled).map(({ downloads: _left, ...position }) => position);
    expect(results[0]).toEqual({ ...rest, positions: kept });
  });

  test('test orders or not, statuses, and times of the order', async () => {
    const all = sent['openair']!;
    const shown = async (query: string) => codes(await allResults<Order>(system, `${OPENAIR}orders/?${query}`, token));
    expect(await shown('testmode=false')).toEqual(codes(all.filter(({ testmode }) => !testmode)));
    expect(await shown('testmode=true')).toEqual(codes(all.filter(({ testmode }) => testmode)));
    expect(await shown('status=n')).toEqual(codes(all.filter(({ status }) => status === 'n')));
    expect(await shown('status__in=n,c,x')).toEqual(codes(all.filter(({ status }) => 'nc'.includes(status))));
    expect(await shown(`code=${all[7]!.code}`)).toEqual([all[7]!.code]);
    const from = encodeURIComponent(all[100]!.datetime);
    expect(await shown(`ordering=datetime&created_since=${from}`)).toEqual(codes(all.slice(100)));
    expect(await shown(`ordering=-datetime&created_before=${from}`)).toEqual(codes(all.slice(0, 100).reverse()));
    expect(await shown('ordering=code')).toEqual(codes(all).sort());
    expect(await system.call('GET', `${OPENAIR}orders/?modified_since=soon&status=q`, { token })).toMatchObject({
      status: 400,
      body: {
        modified_since: ['Enter a valid date/time.'],
        status: ['Select a valid choice. q is not one of the available choices.'],
      },
    });
  });

  test('texts for badges (pdf_data)', async () => {
    const { results } = await get(`${OPENAIR}orders/?pdf_data=true&code=UPG9Q`);
    const [pass, addon] = results[0]!.positions as (Position & { pdf_data: Record<string, string> })[];
    expect(pass!.pdf_data).toMatchObject({
      secret: pass!.secret,
      order: 'UPG9Q',
      item: '3-Tages-Pass',
      attendee_name: 'Øystein O’Sample',
      event_name: 'Open Air Demo 2027',
    });
    expect(pass!.pdf_data['addons']).not.toBe('');
    // The name of the ticket that it was added to.
    expect(addon!.pdf_data['attendee_name']).toBe('Øystein O’Sample');
    // As the list of positions has it.
    const { body } = await system.call('GET', `${OPENAIR}checkinlists/1/positions/${pass!.id}/?pdf_data=true`, {
      token,
    });
    const own = (body as { pdf_data: Record<string, string> }).pdf_data;
    for (const key of Object.keys(own).filter((each) => !each.startsWith('now_'))) {
      expect([key, pass!.pdf_data[key]]).toEqual([key, own[key]]);
    }
  });
});

describe('what has changed since (modified_since, X-Page-Generated)', () => {
  const since = (generated: string, more = '') =>
    get(`${OPENAIR}orders/?ordering=-last_modified&modified_since=${encodeURIComponent(generated)}${more}`);

  test('nothing, until a gate lets somebody in; then the order with the check-in', async () => {
    const { generated } = await get(`${OPENAIR}orders/?page_size=1`);
    expect(await since(generated)).toMatchObject({ count: 0, results: [] });

    const order = sent['openair']!.find(
      ({ status, testmode, positions }) =>
        status === 'p' &&
        !testmode &&
        positions.some(
          (each) =>
            each.item === 1 &&
            !each.canceled &&
            each.checkins.length === 0 &&
            each['blocked'] === null &&
            each['valid_from'] === null &&
            each['valid_until'] === null,
        ),
    )!;
    const ticket = order.positions.find(
      ({ item, canceled, checkins }) => item === 1 && !canceled && checkins.length === 0,
    )!;
    const redeemed = await system.call('POST', `${OPENAIR}checkinlists/1/positions/${ticket.id}/redeem/`, {
      token,
      json: { force: true, datetime: '2027-07-16T10:00:00.5Z' },
    });
    expect(redeemed.status).toBe(201);
    await system.settled();
    const changed = await since(generated);
    expect(codes(changed.results)).toEqual([order.code]);
    const [shown] = changed.results;
    const now = shown!.positions.find(({ id }) => id === ticket.id)!;
    expect(now.checkins).toEqual([
      {
        id: expect.any(Number) as number,
        datetime: '2027-07-16T10:00:00.500000Z',
        list: 1,
        auto_checked_in: false,
        gate: null,
        device: null,
        device_id: null,
        type: 'entry',
      },
    ]);
    expect(Date.parse(shown!.last_modified)).toBeGreaterThan(Date.parse(order.last_modified));
    // Everything else is as the shop sent it.
    expect({ ...shown, last_modified: '', positions: [] }).toEqual({ ...order, last_modified: '', positions: [] });

    expect((await since(changed.generated)).count).toBe(0);
    expect((await since(generated)).count).toBe(1);

    // A forced repeat is no check-in of its own, and taking the check-in back shows.
    await system.call('POST', `${OPENAIR}checkinlists/1/positions/${ticket.id}/redeem/`, {
      token,
      json: { force: true },
    });
    await system.settled();
    const repeated = await since(changed.generated);
    for (const { positions } of repeated.results) {
      expect(positions.find(({ id }) => id === ticket.id)!.checkins).toHaveLength(1);
    }
  });

  test('an order that the shop states anew, however long ago it says that was', async () => {
    const { generated } = await get(`${OPENAIR}orders/?page_size=1`);
    const order = { ...sent['openair']![3]!, comment: 'called twice', status: 'c' };
    await system.import({
      'organizer.json': realFile('organizer.json'),
      'events/openair/event.json': realFile('events/openair/event.json'),
      'events/openair/settings.json': realFile('events/openair/settings.json'),
      'events/openair/orders.ndjson': [order],
    });
    const { results } = await since(generated, '&include_canceled_positions=true');
    expect(results).toEqual([order]);
  });

  test('instants of a page are exact, whatever the clocks say: each change is told once', async () => {
    const tickets = sent['tours']!.flatMap(({ status, positions }) => (status === 'p' ? positions : []))
      .filter(({ canceled }) => !canceled)
      .slice(0, 20);
    const tours = `${demo}tours/`;
    let { generated } = await get(`${tours}orders/?page_size=1`);
    const told = new Map<number, number>();
    const list = (await system.call('GET', `${tours}checkinlists/`, { token })).body as {
      results: { id: number; subevent: number }[];
    };
    for (const ticket of tickets) {
      const { id } = list.results.find(({ subevent }) => subevent === ticket['subevent'])!;
      await system.call('POST', `${tours}checkinlists/${id}/positions/${ticket.id}/redeem/`, {
        token,
        json: { force: true },
      });
      // It may be told now or later, but not never.
      const page = await get(`${tours}orders/?modified_since=${generated}`);
      generated = page.generated;
      for (const position of page.results.flatMap(({ positions }) => positions)) {
        told.set(position.id, position.checkins.filter(({ datetime }) => datetime.endsWith('Z')).length);
      }
    }
    await system.settled();
    const last = await get(`${tours}orders/?modified_since=${generated}`);
    for (const position of last.results.flatMap(({ positions }) => positions)) {
      told.set(position.id, position.checkins.filter(({ datetime }) => datetime.endsWith('Z')).length);
    }
    const whole = await allResults<Order>(system, `${tours}orders/`, token);
    const ours = whole
      .flatMap(({ positions }) => positions)
      .map(({ id, checkins }) => [id, checkins.filter(({ datetime }) => datetime.endsWith('Z')).length] as const)
      .filter(([, count]) => count > 0);
    expect(ours.length).toBeGreaterThan(5);
    for (const [id, count] of ours) expect([id, told.get(id)]).toEqual([id, count]);
  });

  test('check-ins that were taken back here, those that the shop knows of, too, and lists that are gone', async () => {
    const order = sent['openair']![0]!;
    const [ticket] = order.positions;
    const listsOf = async () => {
      const { results } = await get(`${OPENAIR}orders/?code=${order.code}`);
      return results[0]!.positions.find(({ id }) => id === ticket!.id)!.checkins.map(({ list }) => list);
    };
    expect(await listsOf()).toEqual([5, 1, 1, 1]);
    const { generated } = await get(`${OPENAIR}orders/?page_size=1`);
    const args = ['undo', String(ticket!.id), '--list', '1', '--reason', 'the wrong gate'];
    expect(await gatehouse({ DATABASE_URL: system.databaseUrl }, ...args)).toMatchObject({ code: 0 });
    await system.settled();
    expect(await listsOf()).toEqual([5]);
    expect(codes((await since(generated)).results)).toEqual([order.code]);

    const gone = await system.call('DELETE', `${OPENAIR}checkinlists/5/`, { token });
    expect(gone.status).toBe(204);
    await system.settled();
    expect(await listsOf()).toEqual([]);
  });

  test('and the read models equal a replay of history', async () => {
    await system.settled();
    for (const model of syncContext.readModels) {
      expect([model.name, await verifyReadModel(model, system.feedsOf('sync'), () => undefined)]).toEqual([
        model.name,
        [],
      ]);
    }
  });
});

test('orders of an export of an old pretix, and an order of many parts', async () => {
  const shop = shopNumber(90);
  const positions = Array.from({ length: 2_500 }, (_, i) => ({
    ...shopPosition(10_000 + i, { item: shop.pass, positionid: i + 1 }),
    company: 'x'.repeat(100),
  }));
  await system.import(shopExport([{ ...shopOrder('BIGBI', positions), phone: '+49' } as ShopOrder], { shop }));
  const { body } = await system.call('GET', `${shop.event}orders/?include_canceled_positions=true`, {
    token: shop.token,
  });
  const [order] = (body as Page).results;
  expect(order).toMatchObject({ code: 'BIGBI', phone: '+49' });
  expect(order!.positions).toHaveLength(2_500);
  expect(order!.positions[2_499]).toMatchObject({ id: 12_499, company: 'x'.repeat(100), answers: [], checkins: [] });
});
