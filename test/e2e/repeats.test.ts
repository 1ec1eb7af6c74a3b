import { checkin } from '@gatehouse/checkin/service';
import { FIRST_FEW } from '@gatehouse/admission/repeats';
import { festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { gatehouse } from '@gatehouse/test-support/command';
import { startProcess } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { differences } from '../races/models';

/* One credential that repeatedly gets the same reply: every request is answered, but history does not grow with each. */

const TIMES = 30;
let system: System;

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
});
afterAll(() => system.close());

type StoredEvent = { type: string; stream: string; data: Readonly<Record<string, unknown>> };
const history = async () => (await system.events()) as readonly unknown[] as readonly StoredEvent[];

test('equal refusals and forced repeats are answered alike, and counted', async () => {
  const gate = await startProcess([checkin], system.databaseUrl);
  const scan = (secret: string, json: object = {}) =>
    gate.call('POST', `${OPENAIR}checkinlists/${LISTS.main}/positions/${secret}/redeem/`, {
      token: TOKENS.admin,
      json,
    });
  const { ada, pending } = TICKETS;
  expect((await scan(ada.secret)).status).toBe(201);
  const shown = new Map<string, Set<string>>();
  for (let n = 0; n < TIMES; n++) {
    const answers = await Promise.all([
      scan(ada.secret),
      scan(ada.secret, { force: true }),
      scan(pending.secret),
      scan(`nobodys-${n}`),
    ]);
    ['refused', 'forced', 'unpaid', 'unknown'].forEach((name, i) => {
      const { status, body } = answers[i]!;
      shown.set(name, (shown.get(name) ?? new Set()).add(`${status} ${JSON.stringify(body)}`));
    });
  }
  // The last answer is the first one, byte for byte.
  expect([...shown.values()].map((each) => each.size)).toEqual([1, 1, 1, 1]);

  const ofTicket = (await history()).filter(({ stream }) => stream === `ticket-${ada.id}`);
  expect(ofTicket.map(({ data }) => data['first'])).toEqual([true, ...Array<boolean>(FIRST_FEW).fill(false)]);
  const refusals = (await history()).filter(({ type }) => type === 'RedemptionRefused');
  expect(refusals).toHaveLength(3 * FIRST_FEW);

  await gate.close();
  const counted = (await history()).filter(({ type }) => type === 'ScansRepeated');
  const repeatOf = (reason: string | null, position: number | null) => ({
    data: { reason, position, list: LISTS.main, count: TIMES - FIRST_FEW },
  });
  expect(counted).toHaveLength(4);
  expect(counted).toEqual(
    expect.arrayContaining(
      [
        repeatOf('already_redeemed', ada.id),
        repeatOf(null, ada.id),
        repeatOf('unpaid', pending.id),
        repeatOf('unknown_ticket', null),
      ].map((each) => expect.objectContaining({ data: expect.objectContaining(each.data) as object }) as object),
    ),
  );
  expect(new Set(counted.map(({ stream }) => stream.replace(/-.*/, '')))).toEqual(new Set(['refusals']));
});

test('old refusals may be deleted: nothing follows from them', async () => {
  await system.pool.query("update events set time = time - interval '100 days' where stream like 'refusals-%'");
  const { rows } = await system.pool.query<{ n: number }>(
    "select count(*)::integer as n from events where stream like 'refusals-%'",
  );
  const purged = await gatehouse({ DATABASE_URL: system.databaseUrl }, 'refusals', 'purge', '--older-than', '90d');
  expect(purged).toMatchObject({ code: 0, out: expect.stringContaining(`Deleted ${rows[0]!.n - 1} events`) as string });
  // The newest event of the history is such a count, and is kept.
  await system.settled();
  expect(await differences(system.databaseUrl)).toEqual([]);
});
