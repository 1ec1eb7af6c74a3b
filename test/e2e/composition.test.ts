import { checkin } from '@gatehouse/checkin/service';
import { reference } from '@gatehouse/reference-service/service';
import { festival, OPENAIR, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* The services of a process may be listed in any order: credentials come from the context that has the shop's facts. */

let system: System;
beforeAll(async () => {
  system = await startSystem([reference, checkin]);
  await system.import(festival());
});
afterAll(() => system.close());

test('a context that knows nothing of the shop may stand before one that does', async () => {
  const lists = `${OPENAIR}checkinlists/`;
  expect((await system.call('GET', lists, { token: TOKENS.admin })).status).toBe(200);
  expect((await system.call('GET', lists, { token: 'nobodys' })).status).toBe(401);
});
