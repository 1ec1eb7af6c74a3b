import { call, type Answer } from '@gatehouse/service/testing';
import { API, CROWD, DEVICES, LISTS, TICKETS } from '@gatehouse/test-support/festival';
import type { System } from '@gatehouse/test-support/system';
import type { GateProcess } from './gate-process';
import { startGates } from './gates';
import { differences } from './models';

/* One ticket at many gates at once, some of which scan by one list and some by several (contract §10, 4.12), in two processes. */

const CALLERS = 40;
let system: System;
let gates: GateProcess[];
let close: () => Promise<void>;
let used = 0;

beforeAll(async () => {
  ({ system, gates, close } = await startGates(2));
});
afterAll(() => close());

const headers = { authorization: `Device ${DEVICES.gate}` };
const lists = [LISTS.main, LISTS.crowd];
const post = (caller: number, target: string, json: object): Promise<Answer> =>
  call(gates[caller % gates.length]!.url, 'POST', target, { headers, json });
const rpc = (what: string) => `${API}demo/checkinrpc/${what}/`;
const one = (secret: string) => `${CROWD}checkinlists/${LISTS.crowd}/positions/${secret}/redeem/`;

/** All at once, by both routes and at both processes. */
async function race(bodyOf: (caller: number) => object) {
  const n = used++;
  const secret = `crowd${String(n).padStart(4, '0')}`;
  const answers = await Promise.all(
    Array.from({ length: CALLERS }, (_, caller) =>
      caller % 4 < 2
        ? post(caller, rpc('redeem'), { secret, lists, ...bodyOf(caller) })
        : post(caller, one(secret), bodyOf(caller)),
    ),
  );
  return { statuses: answers.map(({ status }) => status), secret, id: TICKETS.crowdFirst.id + n };
}

const historyOf = async (ticket: number) =>
  (await system.events()).filter(({ stream }) => stream === `ticket-${ticket}`).map(({ type }) => type);

test.each([1, 2, 3])('one admission, and all others hear of it (round %d)', async () => {
  const { statuses, id } = await race((caller) => ({ nonce: `caller ${caller}` }));
  expect(statuses.filter((status) => status === 201)).toHaveLength(1);
  expect(statuses.filter((status) => status === 400)).toHaveLength(CALLERS - 1);
  expect(await historyOf(id)).toEqual(['PositionRedeemed']);
});

test('all with one nonce: all ok, one entry', async () => {
  const { statuses, id } = await race(() => ({ nonce: 'the same' }));
  expect(new Set(statuses)).toEqual(new Set([201]));
  expect(await historyOf(id)).toEqual(['PositionRedeemed']);
});

test('one upload of a queue, by both routes: recorded once', async () => {
  const queued = { force: true, questions_supported: false, datetime: '2026-07-01T10:00:00Z', nonce: 'queued' };
  const { id } = await race(() => queued);
  expect(await historyOf(id)).toEqual(['PositionRedeemed']);
});

test('taken back by many calls at once while others scan: taken back once, and in at most once more', async () => {
  const { id, secret } = await race(() => ({ nonce: 'turnstile' }));
  const answers = await Promise.all(
    Array.from({ length: CALLERS }, (_, caller) =>
      caller % 2 === 0
        ? post(caller / 2, rpc('annul'), { lists, nonce: 'turnstile' })
        : post(caller, rpc('redeem'), { secret, lists, nonce: `next ${caller}` }),
    ),
  );
  expect(new Set(answers.filter((_, caller) => caller % 2 === 0).map(({ status }) => status))).toEqual(new Set([200]));
  const again = answers.filter(({ status }) => status === 201).length;
  expect(again).toBeLessThanOrEqual(1);
  expect(await historyOf(id)).toEqual([
    'PositionRedeemed',
    'RedemptionUndone',
    ...Array<string>(again).fill('PositionRedeemed'),
  ]);
});

test('the read models follow from history', async () => {
  await system.settled();
  expect(await differences(system.databaseUrl)).toEqual([]);
});
