import { call } from '@gatehouse/service/testing';
import { DEVICES, LISTS, OPENAIR, TICKETS } from '@gatehouse/test-support/festival';
import type { System } from '@gatehouse/test-support/system';
import type { GateProcess } from './gate-process';
import { startGates } from './gates';
import { differences } from './models';

/* The same upload of a scanner's queue many times at once, at processes of their own: recorded once (clients.md §7). */

const CALLERS = 30;
let system: System;
let gates: GateProcess[];
let close: () => Promise<void>;

beforeAll(async () => {
  ({ system, gates, close } = await startGates(2));
});
afterAll(() => close());

async function upload(ticket: string, json: object): Promise<{ statuses: Set<number>; events: string[] }> {
  const before = (await system.events()).length;
  const answers = await Promise.all(
    Array.from({ length: CALLERS }, (_, caller) =>
      call(
        gates[caller % gates.length]!.url,
        'POST',
        `${OPENAIR}checkinlists/${LISTS.main}/positions/${ticket}/redeem/`,
        {
          headers: { authorization: `Device ${DEVICES.gate}` },
          json: { force: true, questions_supported: false, datetime: '2026-07-01T10:00Z', ...json },
        },
      ),
    ),
  );
  const events = (await system.events()).slice(before).map(({ type }) => type);
  return { statuses: new Set(answers.map(({ status }) => status)), events };
}

test('a first entry', async () => {
  expect(await upload(TICKETS.vip.secret, { nonce: 'entry' })).toEqual({
    statuses: new Set([201]),
    events: ['PositionRedeemed'],
  });
});

test.each([1, 2, 3])('a forced repeat (%d)', async (round) => {
  expect(await upload(TICKETS.vip.secret, { nonce: `repeat ${round}`, datetime: '2026-07-01T11:00Z' })).toEqual({
    statuses: new Set([201]),
    events: ['PositionRedeemed'],
  });
});

test('an exit', async () => {
  expect(await upload(TICKETS.vip.secret, { nonce: 'exit', type: 'exit', datetime: '2026-07-01T12:00Z' })).toEqual({
    statuses: new Set([201]),
    events: ['PositionExited'],
  });
});

test.each([1, 2, 3])('a ticket that nobody knows (%d)', async (round) => {
  expect(await upload('nobodysticket', { nonce: `unknown ${round}` })).toEqual({
    statuses: new Set([400]),
    events: ['RedemptionRefused'],
  });
});

test('the read models follow from history', async () => {
  await system.settled();
  expect(await differences(system.databaseUrl)).toEqual([]);
});
