import { call } from '@gatehouse/service/testing';
import { CROWD, LISTS, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import type { System } from '@gatehouse/test-support/system';
import { startGate, type GateProcess } from './gate-process';
import { startGates } from './gates';
import { differences } from './models';

/*
 * Many tickets at many gates, whose processes are killed while they scan: at most one acceptance each, and no reply to a
 * gate is lost (design §5: append of unknown outcome).
 */

const CALLERS = 20;
const TICKETS_PER_LIST = 100;
const PAIRS = Array.from({ length: 200 }, (_, i) => ({
  ticket: TICKETS.crowdFirst.id + (i % TICKETS_PER_LIST),
  list: i < TICKETS_PER_LIST ? LISTS.crowd : LISTS.crowdFirst,
}));
const GIVE_UP_MS = 20_000;

let system: System;
let gates: GateProcess[];
let close: () => Promise<void>;

beforeAll(async () => {
  ({ system, gates, close } = await startGates(3));
});
afterAll(() => close());

type Answered = {
  readonly key: string;
  readonly nonce: string;
  readonly status: number;
  readonly reason: string | undefined;
};

/**
 * One scanner: every ticket once, in its own order; without a reply it repeats the scan at another gate with the same
 * nonce.
 */
async function scanner(caller: number): Promise<Answered[]> {
  const answered: Answered[] = [];
  for (let i = 0; i < PAIRS.length; i++) {
    // Neighbours in a similar order, so that most tickets are scanned by several at once.
    const { ticket, list } = PAIRS[(i + (caller % 4)) % PAIRS.length]!;
    const nonce = `caller ${caller}`;
    const target = `${CROWD}checkinlists/${list}/positions/${ticket}/redeem/`;
    const until = Date.now() + GIVE_UP_MS;
    for (let attempt = caller; ; attempt++) {
      const { url } = gates[attempt % gates.length]!;
      const answer = await call(url, 'POST', target, { token: TOKENS.admin, json: { nonce } }).catch(() => undefined);
      if (answer) {
        const { reason } = (answer.body ?? {}) as { reason?: string };
        answered.push({ key: `${ticket} ${list}`, nonce, status: answer.status, reason });
        break;
      }
      if (Date.now() > until) throw new Error('no gate answers any more');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return answered;
}

test('one acceptance each at most, and every one that was told is history', async () => {
  let scanning = true;
  let kills = 0;
  const killer = async () => {
    while (scanning) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const victim = kills++ % gates.length;
      await gates[victim]!.kill();
      gates[victim] = await startGate(system.databaseUrl);
    }
  };
  const killing = killer();
  const answered = (await Promise.all(Array.from({ length: CALLERS }, (_, caller) => scanner(caller)))).flat();
  scanning = false;
  await killing;
  await system.settled();

  const first = new Map<string, string>();
  for (const { type, data } of await system.events()) {
    if (type !== 'PositionRedeemed') continue;
    const {
      position,
      list,
      nonce,
      first: entry,
    } = data as { position: number; list: number; nonce: string; first: boolean };
    expect({ key: `${position} ${list}`, entry, before: first.get(`${position} ${list}`) }).toMatchObject({
      entry: true,
      before: undefined,
    });
    first.set(`${position} ${list}`, nonce);
  }
  expect(first.size).toBe(PAIRS.length);
  for (const { key, nonce, status, reason } of answered) {
    const won = first.get(key) === nonce;
    expect({ key, nonce, status, reason }).toEqual({
      key,
      nonce,
      ...(won ? { status: 201, reason: undefined } : { status: 400, reason: 'already_redeemed' }),
    });
  }
  expect(kills).toBeGreaterThan(1);
  expect(await differences(system.databaseUrl)).toEqual([]);
});
