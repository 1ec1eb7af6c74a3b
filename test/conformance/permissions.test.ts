import { checkin } from '@gatehouse/checkin/service';
import { captures } from '@gatehouse/test-support/captures';
import {
  API,
  DEVICES,
  FAIR,
  festival,
  LISTS,
  OPENAIR,
  SURVEY,
  TICKETS,
  TOKENS,
  TOURS,
} from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

const captured = captures('4.13');
const denied = { status: 403, body: { detail: 'You do not have permission to perform this action.' } };

let system: System;

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
});
afterAll(() => system.close());

type Who = { readonly authorization: string };
const token = (name: keyof typeof TOKENS): Who => ({ authorization: `Token ${TOKENS[name]}` });
const device = (name: keyof typeof DEVICES): Who => ({ authorization: `Device ${DEVICES[name]}` });

const lists = `${OPENAIR}checkinlists/`;
const list = `${lists}${LISTS.main}/`;
const READ = ['GET lists', 'GET list', 'GET status', 'GET positions', 'GET position'] as const;
const CHANGE = ['POST lists', 'PUT list', 'PATCH list', 'DELETE list'] as const;
type Operation = (typeof READ)[number] | (typeof CHANGE)[number] | 'redeem';

/** The request of each operation; for writing ones with an unknown list, so that they can be repeated. */
const OPERATIONS: Readonly<Record<Operation, [method: string, target: string, allowed: number]>> = {
  'GET lists': ['GET', lists, 200],
  'GET list': ['GET', list, 200],
  'GET status': ['GET', `${list}status/`, 200],
  'GET positions': ['GET', `${list}positions/`, 200],
  'GET position': ['GET', `${list}positions/${TICKETS.ada.id}/`, 200],
  'POST lists': ['POST', lists, 400],
  'PUT list': ['PUT', `${lists}99999/`, 404],
  'PATCH list': ['PATCH', `${lists}99999/`, 404],
  'DELETE list': ['DELETE', `${lists}99999/`, 404],
  redeem: ['POST', `${list}positions/99999/redeem/`, 404],
};

const principals: [who: string, headers: Who, may: readonly Operation[]][] = [
  ['a token with every flag', token('admin'), [...READ, ...CHANGE, 'redeem']],
  ['all_event_permissions', token('newAdmin'), [...READ, ...CHANGE, 'redeem']],
  ['can_view_orders', token('viewer'), READ],
  ['can_change_orders: may redeem without seeing', token('changer'), ['redeem']],
  ['can_change_event_settings', token('settings'), CHANGE],
  ['can_checkin_orders: redeem and nothing else', token('scanner'), ['redeem']],
  ['event.orders:read and event.orders:checkin', token('newScanner'), [...READ, 'redeem']],
  ['a token without flags', token('nothing'), []],
  ['a token for this event', token('openairOnly'), [...READ, ...CHANGE, 'redeem']],
  ["another organizer's token", token('other'), []],
  ['a device: reads and redeems, changes no list', device('gate'), [...READ, 'redeem']],
  ['a device for another event', device('toursOnly'), []],
  ["another organizer's device", device('other'), []],
];

describe.each(principals)('contract §1.3 %s', (_who, headers, may) => {
  test.each(Object.entries(OPERATIONS))('%s', async (operation, [method, target, allowed]) => {
    const answer = await system.call(method, target, { headers });
    if (may.includes(operation as Operation)) expect(answer.status).toBe(allowed);
    else expect(answer).toMatchObject(denied);
  });
});

describe('contract §1.3 403 and never 404', () => {
  test('the text is that of the reference', () => {
    expect(captured('cart-create-as-viewer').body).toEqual(denied.body);
    expect(captured('cart-list-unknown-event').body).toEqual(denied.body);
  });

  test.each([
    ['an unknown organizer', `${API}nobody/events/openair/checkinlists/`],
    ['an unknown event', `${API}demo/events/nothere/checkinlists/`],
    ['an event of another organizer', `${FAIR}checkinlists/`],
    ['an event of another organizer under the own one', `${API}demo/events/fair/checkinlists/`],
    ['an organizer in upper case', `${API}DEMO/events/openair/checkinlists/`],
    ['an event in upper case', `${API}demo/events/OpenAir/checkinlists/`],
    ['an event with a space', `${API}demo/events/openair%20/checkinlists/`],
    ['__proto__', `${API}__proto__/events/constructor/checkinlists/`],
  ])('%s', async (_what, target) => {
    for (const [method, path] of [
      ['GET', ''],
      ['POST', ''],
      ['GET', `${LISTS.main}/`],
      ['PUT', '99999/'],
      ['GET', `${LISTS.main}/positions/`],
      ['POST', `${LISTS.main}/positions/1/redeem/`],
    ] as const) {
      expect(await system.call(method, target + path, { headers: token('admin'), json: {} })).toMatchObject(denied);
    }
  });

  test('a limited token or device sees its event only', async () => {
    expect(await system.call('GET', `${SURVEY}checkinlists/`, { headers: token('openairOnly') })).toMatchObject(denied);
    expect(await system.call('GET', `${TOURS}checkinlists/`, { headers: device('toursOnly') })).toMatchObject({
      status: 200,
    });
    expect(await system.call('GET', lists, { headers: device('toursOnly') })).toMatchObject(denied);
  });

  test('comes before objects and methods: without the flag an unknown id is 403, with it 404', async () => {
    const unknown = `${lists}99999/`;
    expect(await system.call('GET', unknown, { headers: token('nothing') })).toMatchObject(denied);
    expect(await system.call('GET', unknown, { headers: token('viewer') })).toMatchObject({ status: 404 });
    expect(await system.call('DELETE', unknown, { headers: token('viewer') })).toMatchObject(denied);
    expect(await system.call('DELETE', unknown, { headers: token('settings') })).toMatchObject({ status: 404 });
    expect(await system.call('PUT', `${unknown}status/`, { headers: token('viewer') })).toMatchObject(denied);
    expect(await system.call('PUT', `${unknown}status/`, { headers: token('settings') })).toMatchObject({
      status: 405,
    });
    expect(await system.call('GET', `${unknown}positions/1/redeem/`, { headers: token('nothing') })).toMatchObject(
      denied,
    );
  });

  test('comes before the body', async () => {
    const broken = { body: '{', headers: { ...token('viewer'), 'content-type': 'application/json' } };
    expect(await system.call('POST', lists, broken)).toMatchObject(denied);
    expect(await system.call('POST', `${list}positions/${TICKETS.ada.id}/redeem/`, broken)).toMatchObject(denied);
  });
});

test('the decision about credentials: can_checkin_orders lets a ticket in and shows it', async () => {
  const redeem = `${list}positions/${TICKETS.friday.secret}/redeem/`;
  expect(await system.call('POST', redeem, { headers: token('scanner') })).toMatchObject({
    status: 201,
    body: { status: 'ok', position: { id: TICKETS.friday.id } },
  });
  expect(await system.call('POST', redeem, { headers: token('changer') })).toMatchObject({
    status: 400,
    body: { reason: 'already_redeemed' },
  });
  expect(
    await system.call('GET', `${list}positions/${TICKETS.friday.secret}/`, { headers: token('scanner') }),
  ).toMatchObject(denied);
});
