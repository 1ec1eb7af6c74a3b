import { checkin } from '@gatehouse/checkin/service';
import { referenceRelay } from '@gatehouse/reference/context';
import { festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* The services of a process may be named in any order: who may use the REST API is known to whichever context knows the shop. */

let system: System;
beforeAll(async () => {
  system = await startSystem([referenceRelay, checkin]);
  await system.import(festival());
});
afterAll(() => system.close());

test('a context that knows nothing of the shop may stand before one that does', async () => {
  const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${TICKETS.ada.secret}/redeem/`;
  expect((await system.call('POST', target, { token: TOKENS.admin, json: {} })).status).toBe(201);
  expect((await system.call('POST', target, { token: 'nobodys', json: {} })).status).toBe(401);
});
