import type { Recorded } from '@gatehouse/events/envelope';
import { aStream, anEvent, idsOf } from './contract';
import { consumerStatus, stuckConsumers } from './consumer-admin';
import { cuttingProxy } from './cut-in-test';
import type { Tx } from './event-bus';
import type { EventStore } from './event-store';
import { historyInTest, until, type HistoryInTest, type Opened } from './history-in-test';
import type { FeedHealth } from './feed-health';
import { freshness } from './freshness';
import { consumeFeed, replay, type Consumer, type Feed } from './projection';

let history: HistoryInTest;
let mine: Opened;
let running: { stop: AbortController; ended: Promise<void> }[];

beforeEach(async () => {
  history = await historyInTest();
  mine = history.open();
  running = [];
  await mine.pool.query(
    'create table effects (n bigint generated always as identity, name text, id uuid, position bigint)',
  );
});
afterEach(async () => {
  for (const { stop } of running) stop.abort();
  for (const { ended } of running) await ended;
  await history.close();
});

const feedOf = ({ store }: Opened): Feed => ({
  topic: 'admission',
  start: store.start,
  before: store.before,
  follow: store.follow,
});

const applyTo = (name: string) => async (tx: Tx, events: readonly Recorded[]) => {
  await tx.query(`insert into effects (name, id, position) select $1, * from unnest($2::uuid[], $3::bigint[])`, [
    name,
    idsOf(events),
    events.map((event) => event.position),
  ]);
};

type Started = { stop: AbortController; ended: Promise<void>; health: FeedHealth[]; state(): FeedHealth['state'] };

/** A consumer in a process of its own, until the test ends or it is stopped. */
function start(consumer: Partial<Consumer> & { name: string }, process: Opened = history.open()): Started {
  const stop = new AbortController();
  const health: FeedHealth[] = [];
  const ended = consumeFeed(
    { feed: feedOf(process), handle: applyTo(consumer.name), ...consumer },
    { pool: process.pool, schema: history.schema, signal: stop.signal, onHealth: (each) => health.push(each) },
  );
  const started = { stop, ended, health, state: () => health.at(-1)!.state };
  running.push(started);
  return started;
}

async function appendSome(count: number, { store } = mine): Promise<string[]> {
  const events = Array.from({ length: count }, () => anEvent());
  await Promise.all(events.map((event) => store.append(aStream(), 0, [event])));
  return idsOf(events);
}

/** Ids in the order in which they took effect. */
async function effectsOf(name: string): Promise<string[]> {
  return idsOf(
    (await mine.pool.query<{ id: string }>('select id from effects where name = $1 order by n', [name])).rows,
  );
}

const applied = (name: string, count: number) => until(async () => (await effectsOf(name)).length >= count);

const checkpointOf = async (name: string) =>
  (await mine.pool.query<{ position: string }>('select position from checkpoints where name = $1', [name])).rows[0]
    ?.position;

async function wholeHistory(): Promise<Recorded[]> {
  const head = await mine.store.head();
  const events: Recorded[] = [];
  await replay(feedOf(mine), { from: '0', until: head }, (batch) => {
    events.push(...batch);
    return Promise.resolve();
  });
  return events;
}

describe('consumeFeed', () => {
  test('effect and checkpoint are seen together, never one without the other', async () => {
    const slowly = async (tx: Tx, events: readonly Recorded[]) => {
      for (const event of events) await applyTo('a')(tx, [event]);
    };
    const consumer = start({ name: 'a', handle: slowly });
    let appended = 0;
    const writing = (async () => {
      for (; appended < 600; appended += 30) await appendSome(30);
    })();
    let looks = 0;
    await until(async () => {
      const { rows } = await mine.pool.query<{ effects: string; checkpoint: string | null }>(
        `select (select coalesce(max(position), 0) from effects) as effects,
                (select position from checkpoints where name = 'a') as checkpoint`,
      );
      if (rows[0]!.checkpoint !== null) expect(rows[0]!.effects).toBe(rows[0]!.checkpoint);
      looks++;
      return (await effectsOf('a')).length === 600;
    });
    await writing;
    expect(looks).toBeGreaterThan(0);
    expect(consumer.health.map((each) => each.state)).toEqual(['starting', 'running']);
    expect(await effectsOf('a')).toEqual(idsOf(await wholeHistory()));
  });

  test('it resumes where it stopped', async () => {
    const first = await appendSome(10);
    const consumer = start({ name: 'a' });
    await applied('a', 10);
    consumer.stop.abort();
    await consumer.ended;
    const second = await appendSome(10);
    start({ name: 'a' });
    await applied('a', 20);
    expect((await effectsOf('a')).sort()).toEqual([...first, ...second].sort());
  });

  test('what a feed delivers again is dropped', async () => {
    const ids = await appendSome(40);
    const stammering: Feed = {
      ...feedOf(mine),
      async *follow(position, signal) {
        const seen: Recorded[] = [];
        for await (const batch of mine.store.follow(position, signal)) {
          seen.push(...batch.events);
          yield batch;
          yield batch;
          // Everything from the beginning, then the newest event alone.
          yield { events: seen, position: batch.position };
          yield { events: seen.slice(-1), position: batch.position };
        }
      },
    };
    const consumer = start({ name: 'a', feed: stammering });
    await applied('a', 40);
    const more = await appendSome(20);
    await applied('a', 60);
    await until(async () => (await checkpointOf('a')) === (await mine.store.head()));
    expect((await effectsOf('a')).sort()).toEqual([...ids, ...more].sort());
    expect(consumer.health.map((each) => each.state)).toEqual(['starting', 'running']);
  });

  test('an empty batch moves the checkpoint past foreign events', async () => {
    const sparse: Feed = {
      ...feedOf(mine),
      async *follow(_, signal) {
        yield { events: [], position: '17' };
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    };
    start({ name: 'a', feed: sparse });
    await until(async () => (await checkpointOf('a')) === '17');
  });

  test('a poison event stops its consumer only, after all events before it; it recovers', async () => {
    await appendSome(700);
    const poison = anEvent({ poison: true });
    await mine.store.append(aStream(), 0, [poison]);
    await appendSome(200);
    const all = idsOf(await wholeHistory());
    let cured = false;
    let met = 0;
    const handle = async (tx: Tx, events: readonly Recorded[]) => {
      await applyTo('a')(tx, events);
      if (cured || !events.some((event) => event.id === poison.id)) return;
      met++;
      throw new Error('cannot be applied');
    };
    const sick = start({ name: 'a', handle });
    const well = start({ name: 'b' });
    await applied('b', 901);
    await until(() => met >= 3);
    expect(await effectsOf('a')).toEqual(all.slice(0, 700));
    const stuck = { name: 'a', topic: 'admission', state: 'failing', error: 'cannot be applied' };
    expect(sick.health).toContainEqual(stuck);
    // Only a repeated failure makes a poison event, and retries do not report `running`.
    await until(() => sick.health.length >= 5);
    const { id, type, version } = poison;
    expect(sick.health.slice(2)).toEqual([
      stuck,
      ...sick.health.slice(3).map(() => ({
        ...stuck,
        poison: { id, type, version, stream: expect.any(String) as string, revision: 0 },
      })),
    ]);
    const stands = async () => stuckConsumers(await consumerStatus(mine.pool, ['admission'])).map((each) => each.name);
    expect(await stands()).toEqual(['a']);
    cured = true;
    await applied('a', 901);
    expect(await effectsOf('a')).toEqual(all);
    await until(() => sick.state() === 'running');
    expect(await stands()).toEqual([]);
    expect(well.health.map((each) => each.state)).toEqual(['starting', 'running']);
  });

  test('a handle that swallows a failed statement loses nothing', async () => {
    const ids = await appendSome(5);
    let swallowed = 0;
    const handle = async (tx: Tx, events: readonly Recorded[]) => {
      await applyTo('a')(tx, events);
      if (swallowed++ < 8) await tx.query('select 1/0').catch(() => undefined);
    };
    const consumer = start({ name: 'a', handle });
    await applied('a', 5);
    expect((await effectsOf('a')).sort()).toEqual(ids.sort());
    expect(consumer.health.some((each) => each.state === 'failing')).toBe(true);
  });

  test('another process takes over when the connection of the first dies, and each effect is there once', async () => {
    const proxy = await cuttingProxy(history.url);
    const first = start({ name: 'a' }, history.open(proxy.url));
    const ids = await appendSome(50);
    await applied('a', 50);
    const second = start({ name: 'a' });
    await until(() => second.state() === 'standby');
    proxy.cutAll();
    ids.push(...(await appendSome(50)));
    await until(() => second.state() === 'running');
    await until(() => first.state() === 'failing');
    await applied('a', 100);
    proxy.restore();
    await until(() => first.state() === 'standby');
    ids.push(...(await appendSome(50)));
    await applied('a', 150);
    expect((await effectsOf('a')).sort()).toEqual(ids.sort());
    first.stop.abort();
    await first.ended;
    await proxy.close();
  });

  test('a broken connection in the middle of a batch: the batch is applied once', async () => {
    let broken = 0;
    const handle = async (tx: Tx, events: readonly Recorded[]) => {
      await applyTo('a')(tx, events);
      if (broken++ < 3) await tx.query('select pg_terminate_backend(pg_backend_pid())');
    };
    const consumer = start({ name: 'a', handle });
    const ids = await appendSome(30);
    await applied('a', 30);
    expect((await effectsOf('a')).sort()).toEqual(ids.sort());
    await until(() => consumer.state() === 'running');
  });

  test('a checkpoint that is set back or taken away: it goes on from there', async () => {
    const consumer = start({ name: 'a' });
    const first = await appendSome(20);
    await applied('a', 20);
    await mine.pool.query(`delete from checkpoints where name = 'a'`);
    const second = await appendSome(1);
    await applied('a', 41);
    const events = idsOf(await wholeHistory());
    expect(await effectsOf('a')).toEqual([...events.slice(0, 20), ...events]);
    expect(events.sort()).toEqual([...first, ...second].sort());
    await until(() => consumer.state() === 'running');
  });

  test('an abort ends it whenever it comes, and frees the lock and the connection', async () => {
    const process = history.open();
    await appendSome(3);
    for (let turns = 0; turns < 40; turns++) {
      const consumer = start({ name: 'a' }, process);
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      consumer.stop.abort();
      await consumer.ended;
    }
    expect(process.pool.idleCount).toBe(process.pool.totalCount);
    start({ name: 'a' });
    await applied('a', 3);
    expect(await effectsOf('a')).toHaveLength(3);
  });

  test('a standby leaves nothing behind on its connection', async () => {
    const owner = start({ name: 'a' });
    await until(() => owner.state() === 'running');
    const process = history.open();
    const listeners: number[] = [];
    process.pool.on('acquire', (client) => {
      listeners.push(client.listenerCount('end') + client.listenerCount('error'));
    });
    const standby = start({ name: 'a' }, process);
    await until(() => listeners.length >= 4);
    expect(new Set(listeners.slice(1)).size).toBe(1);
    expect(standby.health.map((each) => each.state)).toEqual(['starting', 'standby']);
  });

  test('the database goes away and comes back', async () => {
    const proxy = await cuttingProxy(history.url);
    const consumer = start({ name: 'a' }, history.open(proxy.url));
    const ids = await appendSome(5);
    await applied('a', 5);
    proxy.cutAll();
    await until(() => consumer.state() === 'failing');
    ids.push(...(await appendSome(5)));
    proxy.restore();
    await until(() => consumer.state() === 'running');
    await applied('a', 10);
    expect((await effectsOf('a')).sort()).toEqual(ids.sort());
    consumer.stop.abort();
    await consumer.ended;
    await proxy.close();
  });
});

describe('freshness', () => {
  const fresh = (store: EventStore = mine.store) =>
    freshness({ pool: mine.pool, schema: history.schema, listener: mine.listener, store });

  test('nothing to wait for in an empty history, or without names', async () => {
    expect(await fresh().caughtUp(['a'])).toBe(true);
    await appendSome(1);
    expect(await fresh().caughtUp([])).toBe(true);
  });

  test('waits for all that was there, and is bounded', async () => {
    await appendSome(20);
    expect(await fresh().caughtUp(['a'], 100)).toBe(false);
    start({ name: 'a' });
    expect(await fresh().caughtUp(['a'], 30_000)).toBe(true);
    expect(await effectsOf('a')).toHaveLength(20);
    expect(await fresh().caughtUp(['a', 'b'], 100)).toBe(false);
  });

  test('events that come after the question do not count', async () => {
    const [first] = (await appendSome(1)) as [string];
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let shut: () => void = () => undefined;
    const end = new Promise<void>((resolve) => (shut = resolve));
    let held: readonly string[] = [];
    start({
      name: 'a',
      handle: async (tx, events) => {
        held = idsOf(events);
        await (held.includes(first) ? gate : end);
        await applyTo('a')(tx, events);
      },
    });
    // Its batch is complete: later events are not applied with it.
    await until(() => held.length > 0);
    let resolveAsked: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => (resolveAsked = resolve));
    const head = async () => {
      const newest = await mine.store.head();
      resolveAsked();
      return newest;
    };
    const waiting = fresh({ ...mine.store, head }).caughtUp(['a'], 30_000);
    await isAsked;
    await appendSome(5);
    open();
    expect(await waiting).toBe(true);
    expect(await effectsOf('a')).toEqual([first]);
    shut();
  });
});

describe('replay', () => {
  test('applies up to exactly `until`, from anywhere', async () => {
    for (let i = 0; i < 5; i++) await appendSome(500);
    const events = await wholeHistory();
    expect(events).toHaveLength(2_500);
    for (const [from, to] of [
      [0, 1_700],
      [0, 2_500],
      [250, 251],
      [999, 2_001],
    ] as const) {
      const seen: string[] = [];
      const positions: string[] = [];
      const range = { from: events[from - 1]?.position ?? '0', until: events[to - 1]!.position };
      const reached = await replay(feedOf(mine), range, (batch, position) => {
        seen.push(...idsOf(batch));
        positions.push(position);
        return Promise.resolve();
      });
      expect(seen).toEqual(idsOf(events.slice(from, to)));
      expect([reached, positions.at(-1)]).toEqual([range.until, range.until]);
    }
    const nothing = { from: events[10]!.position, until: events[10]!.position };
    expect(await replay(feedOf(mine), nothing, () => Promise.reject(new Error('called')))).toBe(nothing.from);
    await expect(
      replay(feedOf(mine), { from: '0', until: events[3]!.position }, () => Promise.reject(new Error('mine'))),
    ).rejects.toThrow('mine');
  });
});
