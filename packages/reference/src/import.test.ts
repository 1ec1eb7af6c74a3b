import { testDatabase, type TestDatabase } from '../../../test/support/postgres';
import { importFolder } from './import';
import { referenceStoreAt } from './testing';
const REAL = '/work/shared/pretix-export';
let database: TestDatabase; let at: Awaited<ReturnType<typeof referenceStoreAt>>;
beforeAll(async () => { database = await testDatabase(); at = await referenceStoreAt(database.url); });
afterAll(async () => { await at?.close(); await database?.drop(); });
test('real', async () => {
  const r = await importFolder({ store: at.store, pool: at.pool, folder: REAL });
  console.log(r);
  const again = await importFolder({ store: at.store, pool: at.pool, folder: REAL });
  console.log(again);
  expect(again.events).toBe(0);
  console.log((await at.store.latest('order-')).slice(0,1).map(x=>JSON.stringify(x)), (await at.store.latest('imports')));
  for (const p of ['event-','list-','seat-','token-','device-','item-','channel-']) console.log(JSON.stringify((await at.store.latest(p))[0]!.data));
});
