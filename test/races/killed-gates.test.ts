import { checkin } from '@gatehouse/checkin/service';
import { CROWD, LISTS, TICKETS, TOKENS, festival } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { startGate, type GateProcess } from './gate-process';
import { differences } from './models';

/*
 * Many tickets at many gates, whose processes are killed while they scan: at most one acceptance each, and none that a gate has
 * told is lost (design §5: what to do about an append of unknown outcome).
 */

const CALLERS = 20;
const TICKETS_PER_LIST = 100;
const PAIRS = Array.from({ length: 200 }, (_, i) => ({
  ticket: TICKETS.crowdFirst.id + (i % TICKETS_PER_LIST),
  list: i < TICKETS_PER_LIST ? LISTS.crowd : LISTS.crowdFirst,
}));
/** The share of the scans after which each gate is killed; the others go on while it starts again. */
const KILL_AT = [0.1, 0.35, 0.6];
/** Generous: this test must not fail because the machine is busy. */
const GIVE_UP_MS = 60_000;

let system: System;
const gates: GateProcess[] = [];

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
  gates.push(...(await Promise.all([0, 1, 2].map(() => startGate(system.databaseUrl)))));
});
afterAll(async () => {
  await Promise.all(gates.map((gate) => gate.kill()));
  await system.close();
});

async function restart(gate: number): Promise<void> {
  await gates[gate]!.kill();
  gates[gate] = await startGate(system.databaseUrl);
}

type Told = {
  readonly key: string;
  readonly nonce: string;
  readonly status: number;
  readonly reason: string | undefined;
};

/** With connections that are kept, as scanners do. Rejects when nobody answers. */
async function post(url: string, json: object): Promise<{ status: number; body: { reason?: string } }> {
  const headers = { authorization: `Token ${TOKENS.admin}`, 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(json) });
  return { status: response.status, body: (await response.json()) as { reason?: string } };
}

/** One scanner: every ticket once, in an order of its own; asks again, elsewhere and with the same nonce, when nobody answers. */
async function scanner(caller: number, onReply: () => void): Promise<Told[]> {
  const told: Told[] = [];
  for (let i = 0; i < PAIRS.length; i++) {
    // Neighbours are close together, so that most tickets are scanned by several at once.
    const { ticket, list } = PAIRS[(i + (caller % 4)) % PAIRS.length]!;
    const nonce = `caller ${caller}`;
    const target = `${CROWD}checkinlists/${list}/positions/${ticket}/redeem/`;
    const until = Date.now() + GIVE_UP_MS;
    for (let attempt = caller; ; attempt++) {
      const { url } = gates[attempt % gates.length]!;
      const answer = await post(url + target, { nonce }).catch(() => undefined);
      if (answer) {
        const { reason } = answer.body;
        onReply();
        told.push({ key: `${ticket} ${list}`, nonce, status: answer.status, reason });
        break;
      }
      if (Date.now() > until) throw new Error('no gate answers any more');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return told;
}

test('one acceptance each at most, and every one that was told is history', async () => {
  // Killed by progress, not by the clock, so that a fast machine sees as many kills as a slow one.
  const total = CALLERS * PAIRS.length;
  const restarts: Promise<void>[] = [];
  let replies = 0;
  const onReply = () => {
    replies++;
    const victim = KILL_AT.findIndex((share) => Math.floor(share * total) === replies);
    if (victim >= 0) restarts.push(restart(victim));
  };
  const told = (await Promise.all(Array.from({ length: CALLERS }, (_, caller) => scanner(caller, onReply)))).flat();
  await Promise.all(restarts);
  await system.settled();

  const first = new Map<string, string>();
  const twice: string[] = [];
  for (const { type, data } of await system.events()) {
    if (type !== 'PositionRedeemed') continue;
    const {
      position,
      list,
      nonce,
      first: entry,
    } = data as { position: number; list: number; nonce: string; first: boolean };
    if (!entry || first.has(`${position} ${list}`)) twice.push(`${position} ${list}`);
    first.set(`${position} ${list}`, nonce);
  }
  expect(twice).toEqual([]);
  expect(first.size).toBe(PAIRS.length);
  const wrong = told.filter(({ key, nonce, status, reason }) =>
    first.get(key) === nonce ? status !== 201 : status !== 400 || reason !== 'already_redeemed',
  );
  expect(wrong).toEqual([]);
  expect(restarts).toHaveLength(KILL_AT.length);
  expect(await differences(system.databaseUrl)).toEqual([]);
}, 180_000);
