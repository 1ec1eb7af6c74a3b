import { READ_MODELS } from '@gatehouse/admission/context';
import { checkin } from '@gatehouse/checkin/service';
import { rebuildReadModel } from '@gatehouse/eventing/read-model';
import { CROWD, LISTS, TICKETS, TOKENS, festival } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { differences, withFeeds } from './models';

/* Read models are rebuilt while gates scan and clients read (design §3), without any effect on them. */

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
});
afterAll(() => system.close());

const lists = `${CROWD}checkinlists/`;
const ticketOf = (n: number) => TICKETS.crowdFirst.id + (n % 120);
const listOf = (n: number) => LISTS.crowdFirst + (Math.floor(n / 120) % 120);

test('scans and reads go on during rebuilds, and see all that was there before', async () => {
  let rebuilding = true;
  const wrong: string[] = [];
  let scans = 0;

  async function scanning(): Promise<void> {
    while (rebuilding) {
      const n = scans++;
      const target = `${lists}${listOf(n)}/positions/${ticketOf(n)}/`;
      const redeemed = await system.call('POST', `${target}redeem/`, { token: TOKENS.admin, json: {} });
      if (redeemed.status !== 201) wrong.push(`scan ${n}: ${redeemed.status} ${redeemed.text}`);
      // A client reads its own scan.
      const read = await system.call('GET', target, { token: TOKENS.admin });
      const { checkins } = (read.body ?? {}) as { checkins?: unknown[] };
      if (checkins?.length !== 1) wrong.push(`read of scan ${n}: ${read.status} ${read.text}`);
    }
  }
  async function reading(): Promise<void> {
    const expected: Record<string, number> = {
      [lists]: 121,
      [`${lists}${LISTS.crowd}/positions/?ordering=-last_checked_in`]: 120,
      [`${lists}${LISTS.crowd}/positions/?search=visitor`]: 120,
      [`${lists}${LISTS.crowd}/positions/?page=3`]: 120,
    };
    while (rebuilding) {
      for (const [target, count] of Object.entries(expected)) {
        const { status, body, text } = await system.call('GET', target, { token: TOKENS.viewer });
        if (status !== 200 || (body as { count: number }).count !== count)
          wrong.push(`${target}: ${status} ${text.slice(0, 200)}`);
      }
      const { status, body, text } = await system.call('GET', `${lists}${LISTS.crowd}/status/`, {
        token: TOKENS.viewer,
      });
      if (status !== 200 || (body as { position_count: number }).position_count !== 120)
        wrong.push(`${status} ${text.slice(0, 200)}`);
    }
  }

  const going = [scanning(), scanning(), scanning(), reading(), reading()];
  try {
    await withFeeds(system.databaseUrl, async (feeds) => {
      for (const model of [...READ_MODELS, ...READ_MODELS]) await rebuildReadModel(model, feeds, () => undefined);
    });
  } finally {
    rebuilding = false;
    await Promise.all(going);
  }
  expect(wrong).toEqual([]);
  expect(scans).toBeGreaterThan(10);
  await system.settled();
  expect(await differences(system.databaseUrl)).toEqual([]);
});
