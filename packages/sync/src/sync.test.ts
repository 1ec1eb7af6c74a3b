import { historyInTest, type HistoryInTest } from '@gatehouse/eventing/history-in-test';
import { installReadModel } from '@gatehouse/eventing/read-model';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { READ_MODELS } from './context';
import { openSync } from './sync';

let history: HistoryInTest;
beforeAll(async () => {
  history = await historyInTest({ context: 'sync' });
  const { pool } = history.open();
  for (const model of READ_MODELS) await installReadModel(model, { pool, schema: 'sync', feeds: new Map() });
});
afterAll(() => history.close());

test('a refresh, for which a new process waits before it is ready, reads the objects and the catalog', async () => {
  const { pool } = history.open();
  const backends = openBackends(readConfig({}), history.url);
  const context = await openSync(backends);
  expect(context.objects.events('demo')).toEqual([]);
  // Nobody is notified of either.
  await pool.query(
    `insert into objects (kind, id, scope, revision, object, stamp)
     values ('event', 'demo/openair', 'demo/openair', 0, '{"slug": "openair"}', 1)`,
  );
  await pool.query(
    `insert into facts (kind, id, organizer, revision, data)
     values ('organizer', 'demo', 'demo', 0, '{"organizer": "demo", "name": "Demo"}')`,
  );
  await context.refresh();
  expect(context.objects.events('demo')).toEqual(['demo/openair']);
  expect(context.catalog.organizer('demo')).toMatchObject({ name: 'Demo' });
  await context.close();
  await backends.close();
});
