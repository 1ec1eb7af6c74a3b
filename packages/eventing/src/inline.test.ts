import type { Recorded } from '@gatehouse/events/envelope';
import { binaryArray } from './array-values';
import { aStream, anEvent } from './contract';
import { WrongRevision } from './event-store';
import type { FeedHealth } from './feed-health';
import { historyInTest, until, type HistoryInTest, type Opened } from './history-in-test';
import { inlineAppend, readModelLock, type Filling } from './inline';
import { openPool } from './postgres';
import { postgresStore } from './postgres-store';
import { consumeFeed } from './projection';
import { installReadModel, type ReadModel } from './read-model';
import { lockReadModel } from './read-model-lock';
import type { Tx } from './event-bus';

/*
 * A read model that counts: whatever is applied twice, or never, shows. Its function and its handler both only add, so the checkpoint alone
 * decides what is applied.
 */

const counting: Filling = {
  call: 'count_events_1',
  columns: ['text', 'integer'],
  changesOf: ({ stream, events, expected }) => (expected % 5 === 4 ? undefined : [[stream, events.length]]),
};

const counts: ReadModel = {
  name: 'counts',
  version: 1,
  sql: 'create table counts (stream text primary key, events integer not null)',
  tables: [{ name: 'counts', key: 'stream', columns: '*' }],
  handles: { admission: countEvents },
  inline: counting,
};

/** Only moved past events; nothing is ever for it. */
const bystander: ReadModel = {
  ...{ name: 'bystander', version: 1, sql: 'create table nothing (id integer primary key)' },
  tables: [{ name: 'nothing', key: 'id', columns: '*' }],
  handles: { admission: () => Promise.reject(new Error('nothing is for this read model')) },
  only: [],
  inline: 'filtered',
};

const MODELS = [counts, bystander];

async function countEvents(tx: Tx, events: readonly Pick<Recorded, 'stream'>[]): Promise<void> {
  await lockReadModel(tx, 'counts');
  for (const { stream } of events) {
    await tx.query(
      'insert into counts as c values ($1, 1) on conflict (stream) do update set events = c.events + excluded.events',
      [stream],
    );
  }
}

let history: HistoryInTest;
let mine: Opened;
beforeEach(async () => {
  history = await historyInTest();
  mine = history.open();
  const context = { pool: mine.pool, schema: history.schema, feeds: new Map() };
  for (const model of MODELS) await installReadModel(model, context);
  await mine.pool.query(`
    create function count_events_1(refused integer[], appends integer[], streams text[], counts integer[]) returns void
    language plpgsql as $$
    begin
      if 'cannot be counted' = any(streams) then
        raise exception 'on purpose';
      end if;
      insert into counts as c select stream, sum(events)::integer
      from unnest(appends, streams, counts) as e(append, stream, events) where append <> all(refused) group by stream
      on conflict (stream) do update set events = c.events + excluded.events;
    end $$`);
});
afterEach(() => history.close());

/** A process that appends, with or without inline projections. */
function appender(inline: readonly ReadModel[]) {
  const { pool, listener } = history.open();
  return postgresStore({ pool, context: 'admission', listener, inline });
}

/** The projections of a process, until `stop`. */
function project(process: Opened = history.open()) {
  const stop = new AbortController();
  const { pool, store, listener } = process;
  const log = { ...store, topic: 'admission' };
  const ended = MODELS.map(({ name, handles, only }) =>
    consumeFeed(
      {
        ...{ name, feed: log, handle: handles.admission! },
        ...(only ? { only } : {}),
        inline: { log, appendLock: store.appendLock!, listener },
      },
      { pool, schema: 'admission', signal: stop.signal, onHealth: () => undefined },
    ),
  );
  return async () => {
    stop.abort();
    await Promise.all(ended);
  };
}

const isCaughtUp = async () => {
  const { rows } = await mine.pool.query<{ all: boolean }>(
    `select count(*) = 2 as all from checkpoints
     where topic = 'admission' and position::bigint >= (select coalesce(max(position), 0) from events)`,
  );
  return rows[0]!.all;
};

async function checkpointOf(name: string): Promise<string | undefined> {
  const { rows } = await mine.pool.query<{ position: string }>('select position from checkpoints where name = $1', [
    name,
  ]);
  return rows[0]?.position;
}

async function expectExact(): Promise<void> {
  const { rows } = await mine.pool.query(
    `select stream, e.events, c.events as counted from (select stream, count(*)::integer as events from events group by stream) e
     full join counts c using (stream) where e.events is distinct from c.events`,
  );
  expect(rows).toEqual([]);
}

test('each event is applied once, by its append or by the projection, whoever appends', async () => {
  const stop = project();
  await until(isCaughtUp);
  const stores = [appender(MODELS), appender(MODELS), appender([])];
  const streams = Array.from({ length: 12 }, () => aStream());
  const blocker = openPool(history.url, 'admission', 1);
  let done = false;
  /** Now and then somebody else changes the read model, or swaps its tables. */
  const disturbing = (async () => {
    const client = await blocker.connect();
    for (let n = 0; !done; n++) {
      await client.query('begin');
      if (n % 2 === 0) await lockReadModel(client, 'counts');
      else await client.query("select from checkpoints where name = 'counts' for update");
      await new Promise((resolve) => setTimeout(resolve, 5));
      await client.query('commit');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    client.release();
  })();
  let refused = 0;
  await Promise.all(
    stores.map(async (store, s) => {
      for (let n = 0; n < 150; n++) {
        await Promise.all(
          streams.slice(s, s + 8).map(async (stream) => {
            const revision = (await store.load(stream)).length;
            const events = Array.from({ length: 1 + (n % 3) }, () => anEvent());
            await store.append(stream, revision, events, { before: null, after: null }).catch((error: unknown) => {
              if (!(error instanceof WrongRevision)) throw error;
              refused++;
            });
          }),
        );
      }
    }),
  );
  done = true;
  await disturbing;
  await blocker.end();
  await until(isCaughtUp);
  await stop();
  expect(refused).toBeGreaterThan(0);
  await expectExact();
});

test('without a projection appends go on filling it from its checkpoint, and stop where one of them cannot', async () => {
  const stop = project();
  await until(isCaughtUp);
  await stop();
  const store = appender(MODELS);
  const stream = aStream();
  const countOf = async () =>
    (await mine.pool.query<{ events: number }>('select events from counts where stream = $1', [stream])).rows[0]
      ?.events;
  for (let revision = 0; revision < 4; revision++) {
    await store.append(stream, revision, [anEvent()], { before: null, after: null });
    expect(await countOf()).toBe(revision + 1);
    expect(await isCaughtUp()).toBe(true);
  }
  // Only the projection knows what the fifth changes, and what comes after it has to wait.
  await store.append(stream, 4, [anEvent()], { before: null, after: null });
  await store.append(stream, 5, [anEvent()], { before: null, after: null });
  expect(await countOf()).toBe(4);
  const stopAgain = project();
  await until(isCaughtUp);
  await stopAgain();
  await expectExact();
});

test('a process of another release fills nothing, and loses nothing', async () => {
  const stop = project();
  await until(isCaughtUp);
  const store = appender([{ ...counts, version: 2 }, bystander]);
  for (let n = 0; n < 20; n++) await store.append(aStream(), 0, [anEvent()], { before: null, after: null });
  await until(isCaughtUp);
  await stop();
  await expectExact();
});

test('a read model that is behind is not filled past what it lacks', async () => {
  const store = appender(MODELS);
  // No projection has ever run: there is no checkpoint.
  await store.append(aStream(), 0, [anEvent(), anEvent()], { before: null, after: null });
  const { rows } = await mine.pool.query('select from counts');
  expect(rows).toEqual([]);
  const stop = project();
  await until(isCaughtUp);
  await stop();
  await expectExact();
});

test('what a function cannot apply becomes history all the same, with the appends beside it, and the projection applies it', async () => {
  const stop = project();
  await until(isCaughtUp);
  await stop();
  const store = appender(MODELS);
  const none = { before: null, after: null };
  const others = Array.from({ length: 5 }, () => aStream());
  await Promise.all(
    ['cannot be counted', ...others].map((stream) => store.append(stream, 0, [anEvent(), anEvent()], none)),
  );
  expect(await store.load('cannot be counted')).toHaveLength(2);
  expect(await isCaughtUp()).toBe(false);
  expect((await mine.pool.query('select from counts')).rows).toEqual([]);
  const stopAgain = project();
  await until(isCaughtUp);
  await stopAgain();
  await expectExact();
  // From here on appends fill it again.
  await store.append(aStream(), 0, [anEvent()], none);
  expect(await isCaughtUp()).toBe(true);
  await expectExact();
});

test('a process of an earlier release, which passes JSON, appends beside', async () => {
  await mine.pool.query(`
    create function count_events_0(changes json, refused integer[]) returns void language plpgsql as $$
    begin
      perform count_events_1(refused, array_agg(append), array_agg(stream), array_agg(events))
      from json_to_recordset(changes) as e(append integer, stream text, events integer);
    end $$`);
  const stop = project();
  await until(isCaughtUp);
  await stop();
  const store = appender(MODELS);
  const lock = readModelLock('counts');
  for (let n = 0; n < 3; n++) {
    await store.append(aStream(), 0, [anEvent()], { before: null, after: null });
    const stream = aStream();
    const event = { append: 1, expected: 0, stream, time: new Date(), revision: 0, ...anEvent() };
    await mine.pool.query('select append, actual, last from append_events($1, $2, $3, $4, array[$5::json]::json[])', [
      ...[store.appendLock, JSON.stringify([event]), binaryArray('json', ['{}'])],
      JSON.stringify([
        { name: 'counts', version: 1, lock, call: 'count_events_0', nth: 1 },
        { name: 'bystander', version: 1 },
      ]),
      JSON.stringify([{ append: 1, stream, events: 1 }]),
    ]);
    expect(await isCaughtUp()).toBe(true);
  }
  await expectExact();
});

test('a checkpoint that moves forward after the projection has read it is no failure', async () => {
  const store = appender(MODELS);
  const { pool, listener } = history.open();
  const stop = new AbortController();
  const health: FeedHealth[] = [];
  const tooMany = (n: number) => Array.from({ length: n }, () => anEvent());
  let looks = 0;
  const log = {
    ...mine.store,
    topic: 'admission',
    async head() {
      // The append fills the read models between two reads of the projection.
      if (looks++ === 0) await store.append(aStream(), 0, tooMany(300));
      return mine.store.head();
    },
    async *follow(...asked: Parameters<typeof mine.store.follow>) {
      for await (const batch of mine.store.follow(...asked)) {
        // As a rebuild does.
        await mine.pool.query("update checkpoints set position = $1 where name = 'bystander'", [batch.position]);
        yield batch;
      }
    },
  };
  const ended = consumeFeed(
    {
      ...{ name: 'bystander', feed: log, handle: bystander.handles.admission!, only: [] },
      inline: { log, appendLock: mine.store.appendLock!, listener },
    },
    { pool, schema: 'admission', signal: stop.signal, onHealth: (each) => health.push(each) },
  );
  await until(() => health.at(-1)?.state === 'running');
  const last = await appender([]).append(aStream(), 0, tooMany(300));
  await until(async () => (await checkpointOf('bystander')) === last);
  expect(health.map(({ state }) => state)).toEqual(['starting', 'running']);
  stop.abort();
  await ended;
});

test('a projection that has failed is well again when nothing is left to apply', async () => {
  const process = history.open();
  const stop = new AbortController();
  const health: FeedHealth[] = [];
  let fails = true;
  const log = {
    ...process.store,
    topic: 'admission',
    head() {
      if (fails) return Promise.reject(new Error('not now'));
      return process.store.head();
    },
  };
  const stopFirst = project();
  await until(isCaughtUp);
  await stopFirst();
  await appender(MODELS).append(aStream(), 0, [anEvent()]);
  const ended = consumeFeed(
    {
      ...{ name: 'counts', feed: log, handle: counts.handles.admission! },
      inline: { log, appendLock: process.store.appendLock!, listener: process.listener },
    },
    { pool: process.pool, schema: 'admission', signal: stop.signal, onHealth: (each) => health.push(each) },
  );
  await until(() => health.at(-1)?.state === 'failing');
  fails = false;
  await until(() => health.at(-1)?.state === 'running');
  stop.abort();
  await ended;
  await expectExact();
});

test('changes are passed as columns behind the events, and only those that are not left to the projection', () => {
  const { text, values } = inlineAppend(MODELS, 1);
  expect(text.replace(/\d{9,}/, 'lock')).toBe(
    "select a.actuals, a.positions, case when 'counts' = any(a.filled) then count_events_1(a.refused, $3, $4, $5) end " +
      "from append_events($1, array['counts','bystander']::text[], array[1,1]::integer[], array[lock,null]::bigint[], $2) a",
  );
  const first = [
    [
      ['a', 1],
      ['b', 2],
    ],
    [],
  ];
  const second = [[['c', 3]], []];
  expect(values([first, second])).toEqual(['{2,1}', '{1,1,2}', binaryArray('text', ['a', 'b', 'c']), '{1,2,3}']);
  const nothing = ['{}', binaryArray('text', []), '{}'];
  expect(values([[[], []]])).toEqual(['{1,1}', ...nothing]);
  expect(values([first, [undefined, []]])).toEqual(['{0,1}', ...nothing]);
  expect(values([first, [[], undefined]])).toEqual(['{2,0}', '{1,1}', binaryArray('text', ['a', 'b']), '{1,2}']);
  expect(values(undefined)).toEqual(['{0,0}', ...nothing]);
});
