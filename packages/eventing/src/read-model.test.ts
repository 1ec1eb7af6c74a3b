import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { historyInTest, type HistoryInTest } from './history-in-test';
import {
  installReadModel,
  rebuildReadModel,
  verifyReadModel,
  type ReadModel,
  type ReadModelContext,
} from './read-model';

/* A rebuild whose indexes are made while the last context's events are applied. */

let reference: HistoryInTest;
let admission: HistoryInTest;
let pool: Pool;
let context: ReadModelContext;
beforeAll(async () => {
  admission = await historyInTest();
  reference = await historyInTest({ context: 'reference', url: admission.url });
  const own = admission.open();
  const other = reference.open();
  ({ pool } = own);
  context = {
    pool,
    schema: 'admission',
    feeds: new Map([
      ['reference', { ...other.store, topic: 'reference' }],
      ['admission', { ...own.store, topic: 'admission' }],
    ]),
  };
  for (const { store } of [own, other]) {
    for (let n = 0; n < 3; n++) {
      const event = { id: randomUUID(), type: 'Said', version: 1, data: { n }, actor: 'test:1', trace: null };
      await store.append(`thing-${n}`, 0, [event]);
    }
  }
  await installReadModel(model, context);
});
afterAll(async () => {
  await reference.close();
  await admission.close();
});

const model: ReadModel = {
  name: 'things',
  version: 1,
  sql: 'create table things (stream text primary key); create table echoes (stream text primary key)',
  indexes: 'create index things_by_length on things (length(stream))',
  indexedAfter: 'reference',
  tables: ['things', 'echoes'].map((name) => ({ name, key: 'stream', columns: '*' })),
  handles: {
    reference: async (tx, events) => {
      await tx.query('insert into things select unnest($1::text[]) on conflict do nothing', [
        events.map(({ stream }) => stream),
      ]);
    },
    admission: async (tx, events) => {
      await tx.query(
        'insert into echoes select t.stream from things t where t.stream = any($1::text[]) on conflict do nothing',
        [events.map(({ stream }) => stream)],
      );
    },
  },
};

const counts = async () =>
  (
    await pool.query(
      `select (select count(*)::integer from things) as things, (select count(*)::integer from echoes) as echoes,
              (select count(*)::integer from pg_indexes where schemaname = 'admission' and indexname = 'things_by_length') as indexes,
              (select version from read_models) as version`,
    )
  ).rows[0] as unknown;

test('its indexes are there when it is swapped in', async () => {
  await rebuildReadModel({ ...model, version: 2 }, context, () => undefined);
  expect(await counts()).toEqual({ things: 3, echoes: 3, indexes: 1, version: 2 });
  expect(await verifyReadModel(model, context, () => undefined)).toEqual([]);
});

test('an index that cannot be made ends the rebuild, and the live tables stay', async () => {
  const wrong = { ...model, version: 3, indexes: 'create index on things ((1 / (length(stream) - length(stream))))' };
  await expect(rebuildReadModel(wrong, context, () => undefined)).rejects.toThrow('division by zero');
  expect(await counts()).toEqual({ things: 3, echoes: 3, indexes: 1, version: 2 });
});

test('a later event that cannot be applied ends the rebuild with its name', async () => {
  const handles = { ...model.handles, admission: () => Promise.reject(new Error('no')) };
  await expect(rebuildReadModel({ ...model, version: 3, handles }, context, () => undefined)).rejects.toThrow(
    /^Said .*thing-0.* cannot be applied/,
  );
  expect(await counts()).toEqual({ things: 3, echoes: 3, indexes: 1, version: 2 });
});

test('a rebuild reads nothing but the types that the model wants, and its checkpoints are at the heads', async () => {
  const [own, other] = [context.feeds.get('admission')!, context.feeds.get('reference')!];
  const store = admission.open().store;
  const event = { id: randomUUID(), type: 'Unwanted', version: 1, data: {}, actor: 'test:1', trace: null };
  await store.append('thing-9', 0, [event]);
  const seen: string[] = [];
  const watched: ReadModel['handles'] = {
    reference: model.handles.reference!,
    admission: (tx, events) => {
      seen.push(...events.map(({ type }) => type));
      return model.handles.admission!(tx, events);
    },
  };
  await rebuildReadModel({ ...model, version: 4, handles: watched, only: ['Said'] }, context, () => undefined);
  expect(seen).toEqual(['Said', 'Said', 'Said']);
  expect(await counts()).toEqual({ things: 3, echoes: 3, indexes: 1, version: 4 });
  const { rows } = await pool.query('select topic, position from checkpoints where name = $1 order by topic', [
    'things',
  ]);
  expect(rows).toEqual([
    { topic: 'admission', position: await own.head() },
    { topic: 'reference', position: await other.head() },
  ]);
});
