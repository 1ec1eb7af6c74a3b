import { checkin } from '@gatehouse/checkin/service';
import { listen, openPool } from '@gatehouse/eventing/postgres';
import { postgresStore } from '@gatehouse/eventing/postgres-store';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { listDroidKeys, revoke } from '@gatehouse/reference/credentials';
import type { Answer } from '@gatehouse/service/testing';
import { droid } from '@gatehouse/test-support/droid';
import { DROID_KEYS, festival, ITEMS, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* Changes of lists, keys and products take effect with an old scanner's next scan (contract §3). */

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
  await system.import(festival());
});
afterAll(() => system.close());

const at = (event: string, key: string) => droid({ call: (...args) => system.call(...args) }, event, key);
const main = at('demo/openair', DROID_KEYS.main);
const passes = at('demo/openair', DROID_KEYS.passes);
const edit = async (method: string, list: number, json?: object) => {
  const answer = await system.call(method, `${OPENAIR}checkinlists/${list}/`, { token: TOKENS.admin, json });
  expect([200, 204]).toContain(answer.status);
};

type Ticket = { secret: string; item: string; redeemed: boolean; checkin_allowed: boolean };
const ticketsOf = ({ body }: Answer): Ticket[] => (body as { results: Ticket[] }).results;
const reasonOf = ({ body }: Answer) => (body as { reason?: string }).reason ?? 'ok';

test('an edited list', async () => {
  const { secret } = TICKETS.loose;
  expect(reasonOf(await passes.redeem({ secret }))).toBe('product');
  expect(ticketsOf(await passes.get('download/')).map((ticket) => ticket.secret)).not.toContain(secret);
  await edit('PATCH', LISTS.passes, { limit_products: [ITEMS.loose] });
  expect(reasonOf(await passes.redeem({ secret }))).toBe('ok');
  expect(reasonOf(await passes.redeem({ secret: TICKETS.ada.secret }))).toBe('product');
  expect(ticketsOf(await passes.get('download/'))).toMatchObject([{ secret, redeemed: true }]);
  await edit('PATCH', LISTS.passes, { all_products: true, include_pending: true });
  expect(reasonOf(await passes.redeem({ secret: TICKETS.pending.secret, ignore_unpaid: 'true' }))).toBe('ok');
  const pending = ticketsOf(await passes.get('download/')).find((ticket) => ticket.secret === TICKETS.pending.secret);
  expect(pending).toMatchObject({ redeemed: true, checkin_allowed: true });
});

test('the other head lets somebody in', async () => {
  const { secret } = TICKETS.vip;
  const before = await main.get('download/');
  const url = `${OPENAIR}checkinlists/${LISTS.main}/positions/${secret}/redeem/`;
  expect(await system.call('POST', url, { token: TOKENS.admin })).toMatchObject({ status: 201 });
  expect(reasonOf(await main.redeem({ secret }))).toBe('already_redeemed');
  const after = ticketsOf(await main.get('download/'));
  expect(after.filter(({ redeemed }, i) => redeemed !== ticketsOf(before)[i]!.redeemed)).toMatchObject([{ secret }]);
});

test('a product gets another name', async () => {
  const files = festival();
  const name = 'demo/events/openair/items.json';
  const items = (files[name] as { id: number }[]).map((item) =>
    item.id === ITEMS.vip ? { ...item, internal_name: 'Very' } : item,
  );
  await main.get('download/');
  await system.import({ ...files, [name]: items });
  const shown = async () => ticketsOf(await main.get('download/')).find(({ secret }) => secret === TICKETS.vip.secret)!;
  // Products are cached in memory, which is updated a moment later.
  while ((await shown()).item === 'VIP') await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await shown()).toMatchObject({ item: 'Very', redeemed: true });
});

test('the read model of tickets is built anew', async () => {
  const before = ticketsOf(await main.get('download/'));
  await system.pool.query("update read_models set generation = generation + 1 where name = 'tickets'");
  expect(ticketsOf(await main.get('download/'))).toEqual(before);
});

test('a list is deleted: its keys open nothing', async () => {
  await edit('DELETE', LISTS.passes);
  for (const answer of [
    await passes.redeem({ secret: TICKETS.ada.secret }),
    await passes.get('status/'),
    await passes.get('download/'),
  ]) {
    expect(answer).toMatchObject({ status: 403, text: 'Invalid key' });
  }
});

test('a key is revoked', async () => {
  expect(reasonOf(await main.redeem({ secret: TICKETS.ada.secret }))).toBe('ok');
  const pool = openPool(system.databaseUrl, 'reference', 2);
  const listener = listen(system.databaseUrl);
  const store = postgresStore({ pool, context: 'reference', listener });
  const keys = (await listDroidKeys(store)).filter(({ fact }) => fact.list === LISTS.main);
  for (const { fact } of keys) expect(await revoke(store, 'DroidKeyStated', `droidkey-${fact.id}`)).toBe('ended');
  await system.settled();
  for (const answer of [
    await main.redeem({ secret: TICKETS.ada.secret }),
    await main.get('search/'),
    await main.get('download/'),
  ]) {
    expect(answer).toMatchObject({ status: 403, text: 'Invalid key' });
  }
  await pool.end();
  await listener.close();
});
