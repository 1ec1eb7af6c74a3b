import { call, type Answer } from '@gatehouse/service/testing';
import { CROWD, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import type { System } from '@gatehouse/test-support/system';
import type { GateProcess } from './gate-process';
import { startGates } from './gates';
import { differences } from './models';

/*
 * One ticket that goes in and out at many gates at once, in processes of their own: between two entries there is an exit,
 * and each exit lets in one (contract §10, 3.9).
 */

const CALLERS = 30;
let system: System;
let list: number;
let gates: GateProcess[];
let close: () => Promise<void>;
let used = 0;

beforeAll(async () => {
  ({ system, gates, close } = await startGates(2));
  const json = { name: 'In and out', allow_entry_after_exit: true };
  const { body } = await system.call('POST', `${CROWD}checkinlists/`, { token: TOKENS.admin, json });
  list = (body as { id: number }).id;
});
afterAll(() => close());

const freshTicket = () => TICKETS.crowdFirst.id + used++;
const target = (ticket: number) => `${CROWD}checkinlists/${list}/positions/${ticket}/redeem/`;
const pass = (ticket: number, caller: number, json: object): Promise<Answer> =>
  call(gates[caller % gates.length]!.url, 'POST', target(ticket), { token: TOKENS.admin, json });
/** All at once, each caller at the next gate. */
const race = (ticket: number, bodyOf: (caller: number) => object) =>
  Promise.all(Array.from({ length: CALLERS }, (_, caller) => pass(ticket, caller, bodyOf(caller))));
const accepted = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 201).length;

type Passed = { readonly exit: boolean; readonly first: boolean; readonly datetime: string };
/** A ticket's passages in order of time. */
async function passagesOf(ticket: number): Promise<Passed[]> {
  const events = (await system.events()).filter(({ stream }) => stream === `ticket-${ticket}`);
  return events
    .map(({ type, data }) => {
      const { first = false, datetime } = data as { first?: boolean; datetime: string };
      return { exit: type === 'PositionExited', first, datetime: datetime.replace(/Z$/, '').padEnd(26, '.000000') };
    })
    .sort((a, b) => (a.datetime < b.datetime ? -1 : a.datetime > b.datetime ? 1 : 0));
}
const isInside = async (): Promise<unknown> => {
  const answer = await system.call('GET', `${CROWD}checkinlists/${list}/status/`, { token: TOKENS.admin });
  return (answer.body as { inside_count: number }).inside_count;
};

test.each([1, 2, 3])('a shared screenshot of a ticket that has left (round %d): one is let in again', async () => {
  const ticket = freshTicket();
  for (let round = 0; round < 3; round++) {
    expect(accepted(await race(ticket, (caller) => ({ nonce: `${round} ${caller}` })))).toBe(1);
    expect((await pass(ticket, round, { type: 'exit' })).status).toBe(201);
  }
  const passages = await passagesOf(ticket);
  expect(passages.map(({ exit }) => exit)).toEqual([false, true, false, true, false, true]);
});

test('entries and exits at once: never two entries without an exit between them', async () => {
  const tickets = Array.from({ length: 8 }, freshTicket);
  await Promise.all(
    tickets.map(async (ticket) => {
      const answers = await race(ticket, (caller) => ({
        type: caller % 5 === 4 ? 'exit' : 'entry',
        nonce: `${caller}`,
      }));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 400]));
      const passages = await passagesOf(ticket);
      expect(passages).toHaveLength(accepted(answers));
      expect(passages.filter(({ exit }) => exit)).toHaveLength(CALLERS / 5);
      passages.forEach(({ exit }, i) => expect([exit, passages[i + 1]?.exit]).not.toEqual([false, false]));
    }),
  );
});

test('all with one nonce: one entry, one exit', async () => {
  const ticket = freshTicket();
  const answers = await race(ticket, (caller) => ({ type: caller % 2 === 0 ? 'entry' : 'exit', nonce: 'the same' }));
  expect(accepted(answers)).toBe(CALLERS);
  expect((await passagesOf(ticket)).map(({ exit }) => exit).sort()).toEqual([false, true]);
});

test('uploads of two offline scanners, forced and late, in any order, at once: one of two entries is a repeat', async () => {
  const ticket = freshTicket();
  const at = (minute: number) => `2026-07-01T10:${String(minute).padStart(2, '0')}:00Z`;
  const story = [0, 1, 2, 3, 4].flatMap((n) => [
    { type: 'entry', datetime: at(10 * n) },
    { type: 'entry', datetime: at(10 * n + 1) },
    { type: 'exit', datetime: at(10 * n + 5) },
  ]);
  const answers = await Promise.all(
    story.map((scan, n) => pass(ticket, n, { ...scan, force: true, nonce: `upload ${n}` })),
  );
  expect(accepted(answers)).toBe(story.length);
  const passages = await passagesOf(ticket);
  expect(passages).toHaveLength(story.length);
  const counted = passages.filter(({ exit, first }) => exit || first);
  counted.forEach(({ exit }, i) => expect([exit, counted[i + 1]?.exit]).not.toEqual([false, false]));
});

test('who is inside and what the read models say follow from history', async () => {
  await system.settled();
  const tickets = Array.from({ length: used }, (_, n) => TICKETS.crowdFirst.id + n);
  const last = await Promise.all(tickets.map(async (ticket) => (await passagesOf(ticket)).at(-1)));
  expect(await isInside()).toBe(last.filter((passage) => passage && !passage.exit).length);
  expect(await differences(system.databaseUrl)).toEqual([]);
});
