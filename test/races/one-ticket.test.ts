import { FIRST_FEW } from '@gatehouse/admission/repeats';
import { checkin } from '@gatehouse/checkin/service';
import type { Answer } from '@gatehouse/service/testing';
import { CROWD, LISTS, TICKETS, TOKENS, festival } from '@gatehouse/test-support/festival';
import { startProcess, type Process } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { differences } from './models';

/* A shared screenshot: one ticket at many gates at once (contract §2.5, "Concurrency"; decisions: never a 409). */

const CALLERS = 50;
const PROCESSES = 2;
let system: System;
let other: Process;
let used = 0;

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
  other = await startProcess([checkin], system.databaseUrl);
});
afterAll(async () => {
  await other.close();
  await system.close();
});

type Body = { status: string; reason?: string; position: { checkins: { datetime: string }[] } };

/** All at once, alternating between the two processes. */
async function race(bodyOf: (caller: number) => object): Promise<{ answers: Answer[]; ticket: number }> {
  const ticket = TICKETS.crowdFirst.id + used++;
  const target = `${CROWD}checkinlists/${LISTS.crowd}/positions/${ticket}/redeem/`;
  const answers = await Promise.all(
    Array.from({ length: CALLERS }, (_, caller) =>
      (caller % 2 === 0 ? system : other).call('POST', target, { token: TOKENS.admin, json: bodyOf(caller) }),
    ),
  );
  return { answers, ticket };
}

type StoredEvent = { type: string; stream: string; data: Readonly<Record<string, unknown>> };
const events = async () => (await system.events()) as readonly unknown[] as readonly StoredEvent[];
const historyOf = async (ticket: number) => (await events()).filter(({ stream }) => stream === `ticket-${ticket}`);
const refusals = async (ticket: number) =>
  (await events()).filter(({ type, data }) => type === 'RedemptionRefused' && data['position'] === ticket);

test.each([1, 2, 3])('each with a nonce of its own (round %d): one ok, all others see its check-in', async () => {
  const { answers, ticket } = await race((caller) => ({
    nonce: `caller ${caller}`,
    datetime: `2027-07-01T10:00:00.${String(caller + 1).padStart(6, '0')}Z`,
  }));
  const [entry, ...more] = await historyOf(ticket);
  expect(more).toEqual([]);
  const winner = answers.findIndex(({ status }) => status === 201);
  expect(entry!.data).toMatchObject({ first: true, nonce: `caller ${winner}` });
  answers.forEach(({ status, body }, caller) => {
    const { reason, position } = body as Body;
    const seen = { status, reason, checkins: position.checkins.map(({ datetime }) => datetime) };
    expect(seen).toEqual(
      caller === winner
        ? { status: 201, reason: undefined, checkins: [] }
        : { status: 400, reason: 'already_redeemed', checkins: [entry!.data['datetime']] },
    );
  });
  // In each process the first few are events of their own (packages/admission/src/repeats.ts).
  expect(await refusals(ticket)).toHaveLength(PROCESSES * FIRST_FEW);
});

test('all with one nonce: all ok, one entry', async () => {
  const { answers, ticket } = await race(() => ({ nonce: 'the same' }));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  expect(await historyOf(ticket)).toHaveLength(1);
});

test('all forced: all ok, one entry, the first of the others told as repeats', async () => {
  const { answers, ticket } = await race(() => ({ force: true }));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  const events = await historyOf(ticket);
  expect(events.map(({ data }) => data['first'])).toEqual([true, ...Array<boolean>(PROCESSES * FIRST_FEW).fill(false)]);
});

test('the read models follow from history', async () => {
  await system.settled();
  expect(await differences(system.databaseUrl)).toEqual([]);
});
