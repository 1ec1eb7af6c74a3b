import { checkin } from '@gatehouse/checkin/service';
import { analyticsOf, type Analytics } from '@gatehouse/test-support/analytics';
import { gatehouse } from '@gatehouse/test-support/command';
import { festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* Who is inside, by the statements of docs/analytics.md, on entries and exits over HTTP. */

const evening = (time: string) => `2027-07-16T${time}Z`;
const shown = (time: string) => `2027-07-16 ${time}`;

let system: System;
let analytics: Analytics;

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
  const pass = async (
    ticket: { id: number },
    time: string,
    type = 'entry',
    more: object = {},
    list: number = LISTS.main,
  ) => {
    const { status } = await system.call('POST', `${OPENAIR}checkinlists/${list}/positions/${ticket.id}/redeem/`, {
      token: TOKENS.admin,
      json: { type, datetime: evening(time), ...more },
    });
    expect(status).toBe(201);
  };
  const { ada, adasParking, friday, vip } = TICKETS;
  await pass(ada, '20:00:00');
  await pass(adasParking, '20:00:30');
  await pass(friday, '20:01:00');
  await pass(friday, '21:02:30', 'exit');
  await pass(friday, '21:03:30');
  await pass(adasParking, '21:02:00', 'exit');
  await pass(vip, '21:00:00', 'exit');
  await pass(ada, '20:30:00', 'entry', {}, LISTS.passes);
  // A scanner without a network: out before the second entry, and heard last.
  await pass(ada, '21:02:59', 'entry', { force: true });
  await pass(ada, '20:59:00', 'exit');
  await pass(vip, '20:50:00', 'entry', {}, LISTS.passes);
  await system.settled();
  const undone = await gatehouse(
    { DATABASE_URL: system.databaseUrl },
    ...['undo', String(vip.id), '--list', String(LISTS.passes), '--reason', 'wrong gate'],
  );
  expect(undone.out).toContain('was taken back');
  analytics = await analyticsOf(system.databaseUrl, 'admission');
  await analytics.run('In DuckDB');
  await analytics.run('How many are inside');
});
afterAll(async () => {
  await analytics.close();
  await system.close();
});

test('at 21:03, by list', async () => {
  // At the main gate Ada, and the three whose entries were imported.
  expect(await analytics.ask('How many were inside at 21:03')).toEqual([
    { name: 'Main gate', inside: '4' },
    { name: 'Passes', inside: '1' },
  ]);
});

test('minute by minute', async () => {
  const rows = (await analytics.ask('How many were inside, minute by minute')).filter(({ minute }) =>
    String(minute).startsWith('2027-07-16'),
  );
  const main = rows.filter(({ name }) => name === 'Main gate');
  const first = Number(main[0]!['inside_after']);
  expect(main.map(({ minute, inside_after: inside }) => [minute, Number(inside) - first])).toEqual([
    [shown('20:00:00'), 0],
    [shown('20:01:00'), 1],
    [shown('20:59:00'), 0],
    [shown('21:02:00'), -1],
    [shown('21:03:00'), 0],
  ]);
  expect(rows.filter(({ name }) => name === 'Passes')).toEqual([
    { minute: shown('20:30:00'), name: 'Passes', inside_after: 1 },
  ]);
});
