import { Agent, request } from 'node:http';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { order, position } from '@gatehouse/test-support/festival';
import { startProcess, type Process } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* The same tickets through both services at once, each service in its own system on one database. */

const TICKETS = 1_000;
/** Per ticket, over both services. */
const CALLERS = 10;
const AT_ONCE = 20;
const TOKEN = 'a'.repeat(64);
const KEY = 'DroidKey';
const LIST = 1;

const secretOf = (ticket: number): string => `secret${String(ticket).padStart(6, '0')}`;

const EXPORT = {
  'organizer.json': { slug: 'demo', name: 'Demo' },
  'teams.json': [
    {
      name: 'Gate',
      all_events: true,
      can_view_orders: true,
      can_change_orders: true,
      tokens: [{ name: 'gate', token: TOKEN }],
    },
  ],
  'events/race/event.json': { slug: 'race', name: { en: 'Race' }, timezone: 'UTC' },
  'events/race/items.json': [{ id: 1, name: { en: 'Pass' }, admission: true, default_price: '1.00' }],
  'events/race/checkinlists.json': [{ id: LIST, name: 'Gate', all_products: true, limit_products: [] }],
  'events/race/droidkeys.json': [{ key: KEY, checkin_list: LIST }],
  'events/race/orders.ndjson': Array.from({ length: TICKETS }, (_none, n) =>
    order(`R${String(n).padStart(4, '0')}`, {}, [position({ id: n + 1, secret: secretOf(n + 1) }, { item: 1 })]),
  ),
};

let rest: System;
let old: Process;
const agent = new Agent({ keepAlive: true, maxSockets: (AT_ONCE * CALLERS) / 2 });
beforeAll(async () => {
  rest = await startSystem([checkin]);
  await rest.import(EXPORT);
  old = await startProcess([legacyDroid], rest.databaseUrl);
});
afterAll(async () => {
  agent.destroy();
  await old.close();
  await rest.close();
});

type Answer = { readonly outcome: string; readonly enteredAt: string | undefined };

function post(url: string, body: string, headers: Record<string, string>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: 'POST', agent, headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
      (reply) => {
        let text = '';
        reply.setEncoding('utf8').on('data', (part: string) => (text += part));
        reply.on('end', () => resolve(JSON.parse(text)));
      },
    );
    sent.on('error', reject).end(body);
  });
}

type Reply = { status: string; reason?: string; position: { checkins: { datetime: string }[] } };

async function byRest(ticket: number, datetime: string): Promise<Answer> {
  const url = `${rest.url}/api/v1/organizers/demo/events/race/checkinlists/${LIST}/positions/${secretOf(ticket)}/redeem/`;
  const headers = { authorization: `Token ${TOKEN}`, 'content-type': 'application/json' };
  const { status, reason, position: shown } = (await post(url, JSON.stringify({ datetime }), headers)) as Reply;
  return { outcome: reason ?? status, enteredAt: shown.checkins[0]?.datetime };
}

async function byDroid(ticket: number, datetime: string): Promise<Answer> {
  const url = `${old.url}/pretixdroid/api/demo/race/redeem/?key=${KEY}`;
  const body = new URLSearchParams({ secret: secretOf(ticket), datetime }).toString();
  const { status, reason } = (await post(url, body, { 'content-type': 'application/x-www-form-urlencoded' })) as Reply;
  return { outcome: reason ?? status, enteredAt: undefined };
}

async function download(): Promise<{ redeemed: boolean }[]> {
  const { body } = await old.call('GET', `/pretixdroid/api/demo/race/download/?key=${KEY}`);
  return (body as { results: { redeemed: boolean }[] }).results;
}

test(`${TICKETS} tickets, ${CALLERS} callers each over both heads: one gets in, and all others hear when`, async () => {
  const callers = Array.from({ length: CALLERS }, (_none, n) => n);
  const timeOf = (caller: number) => `2027-07-01T10:00:0${caller}Z`;
  const winners = { rest: 0, droid: 0 };
  async function race(n: number): Promise<void> {
    const ticket = n + 1;
    // The services alternate in being first to scan a ticket.
    const isRest = (caller: number) => (caller + n) % 2 === 0;
    const answers = await Promise.all(
      callers.map((caller) => (isRest(caller) ? byRest : byDroid)(ticket, timeOf(caller))),
    );
    const accepted = callers.filter((caller) => answers[caller]!.outcome === 'ok');
    expect(accepted).toHaveLength(1);
    const first = accepted[0]!;
    winners[isRest(first) ? 'rest' : 'droid']++;
    for (const caller of callers.filter((each) => each !== first)) {
      const { outcome, enteredAt } = answers[caller]!;
      expect(outcome).toBe('already_redeemed');
      if (isRest(caller)) expect(enteredAt).toBe(timeOf(first));
    }
  }
  // Few enough that every caller has a connection: otherwise one service's queue would be done before the other's.
  for (let from = 0; from < TICKETS; from += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_none, n) => race(from + n)));
    // Scans accepted by the other process are in this one's download.
    if (from % (5 * AT_ONCE) === 0)
      expect((await download()).filter(({ redeemed }) => redeemed)).toHaveLength(from + AT_ONCE);
  }
  expect(winners.rest).toBeGreaterThan(0);
  expect(winners.droid).toBeGreaterThan(0);
  const events = await rest.events();
  const admitted = events.filter(({ type }) => type === 'PositionRedeemed');
  expect(new Set(admitted.map(({ stream }) => stream)).size).toBe(TICKETS);
  expect(admitted).toHaveLength(TICKETS);
  expect(events.filter(({ type }) => type === 'RedemptionRefused')).toHaveLength(TICKETS * (CALLERS - 1));
});

test('what one head has accepted the other shows', async () => {
  await rest.settled();
  const results = await download();
  expect(results).toHaveLength(TICKETS);
  expect(results.every(({ redeemed }) => redeemed)).toBe(true);
  const status = await old.call('GET', `/pretixdroid/api/demo/race/status/?key=${KEY}`);
  expect(status.body).toMatchObject({ checkins: TICKETS, total: TICKETS });
  const list = await rest.call('GET', `/api/v1/organizers/demo/events/race/checkinlists/${LIST}/`, { token: TOKEN });
  expect(list.body).toMatchObject({ checkin_count: TICKETS, position_count: TICKETS });
});
