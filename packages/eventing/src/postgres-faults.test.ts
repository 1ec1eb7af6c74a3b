import { chmod, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { startEmbedded, type Embedded } from '@gatehouse/embedded-postgres/start-embedded';
import { aStream, anEvent, followed, idsOf, outcomeOf } from './contract';
import { cuttingProxy, type Cut, type CuttingProxy } from './cut-in-test';
import { RejectedEvent, StoreOverloaded, StoreUnavailable, WrongRevision } from './event-store';
import { historyInTest, until, type HistoryInTest, type Opened } from './history-in-test';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('the connection breaks', () => {
  let history: HistoryInTest;
  let proxy: CuttingProxy;
  let cut: Opened;
  let whole: Opened;

  beforeAll(async () => {
    history = await historyInTest();
    proxy = await cuttingProxy(history.url);
    cut = history.open(proxy.url);
    whole = history.open();
  });
  afterAll(async () => {
    await proxy.close();
    await history.close();
  });

  const moments: Cut[] = ['after the answer', 'before the call', 'call delayed'];
  test.each(moments)('%s: each append still happens exactly once', async (moment) => {
    for (let round = 0; round < 8; round++) {
      await cut.store.append(aStream(), 0, [anEvent()]);
      const before = proxy.cuts();
      const appends = Array.from({ length: 20 }, () => ({ stream: aStream(), events: [anEvent(), anEvent()] }));
      proxy.arm(moment);
      const positions = await Promise.all(appends.map(({ stream, events }) => cut.store.append(stream, 0, events)));
      expect(proxy.cuts()).toBe(before + 1);
      // By then a delayed call has arrived and was refused.
      if (moment === 'call delayed') await pause(250);
      for (const [i, { stream, events }] of appends.entries()) {
        const stored = await whole.store.load(stream);
        expect(idsOf(stored)).toEqual(idsOf(events));
        expect(positions[i]).toBe((stored[1] as unknown as { position: string }).position);
      }
    }
  });

  test.each(moments)('%s, while another was first: WrongRevision, and nothing of the loser', async (moment) => {
    for (let round = 0; round < 8; round++) {
      const stream = aStream();
      const winner = anEvent();
      await cut.store.append(aStream(), 0, [anEvent()]);
      await whole.store.append(stream, 0, [winner]);
      proxy.arm(moment);
      await expect(cut.store.append(stream, 0, [anEvent()])).rejects.toEqual(new WrongRevision(stream, 0, 1));
      if (moment === 'call delayed') await pause(250);
      expect(idsOf(await whole.store.load(stream))).toEqual([winner.id]);
    }
  });

  test.each(moments)('%s, and the tail grows meanwhile: success', async (moment) => {
    const stream = aStream();
    const [mine, next] = [anEvent(), anEvent()];
    await cut.store.append(aStream(), 0, [anEvent()]);
    proxy.arm(moment);
    const appended = cut.store.append(stream, 0, [mine]);
    await until(async () => typeof (await outcomeOf(whole.store.append(stream, 1, [next]))) === 'string');
    await appended;
    expect(idsOf(await whole.store.load(stream))).toEqual([mine.id, next.id]);
  });

  test('a long outage is StoreUnavailable for appends and loads, and passes', async () => {
    proxy.cutAll();
    const stream = aStream();
    const outcomes = await Promise.all([
      outcomeOf(cut.store.append(stream, 0, [anEvent()])),
      outcomeOf(cut.store.load(stream)),
      outcomeOf(cut.store.head()),
      outcomeOf(cut.store.heads([stream])),
    ]);
    for (const outcome of outcomes) expect(outcome).toBeInstanceOf(StoreUnavailable);
    proxy.restore();
    await cut.store.append(stream, 0, [anEvent()]);
    expect(await whole.store.load(stream)).toHaveLength(1);
  });

  test('follow goes on after its connection and the listener’s broke', async () => {
    const ours = new Set<string>();
    const following = followed(cut.store, await whole.store.head(), {
      matches: (event) => ours.has(event.stream),
      count: 6,
    });
    const ids: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 2; i++) {
        const stream = aStream();
        ours.add(stream);
        const event = anEvent();
        ids.push(event.id);
        await whole.store.append(stream, 0, [event]);
        if (i === 0) {
          proxy.cutAll();
          await pause(100);
          proxy.restore();
        }
      }
    }
    expect(idsOf((await following).events)).toEqual(ids);
  });
});

describe('data that only PostgreSQL can refuse', () => {
  test('one of many is rejected alone, and a batch of such takes nothing with it', async () => {
    const history = await historyInTest();
    const { store } = history.open();
    // Too long for an index; random, so that it cannot be compressed.
    const tooLong = () => Array.from({ length: 200 }, aStream).join();
    const appends = Array.from({ length: 60 }, (_, i) => ({
      stream: i % 7 === 3 ? tooLong() : aStream(),
      event: anEvent(),
    }));
    const outcomes = await Promise.all(appends.map(({ stream, event }) => outcomeOf(store.append(stream, 0, [event]))));
    for (const [i, { stream, event }] of appends.entries()) {
      if (i % 7 === 3) expect(outcomes[i]).toBeInstanceOf(RejectedEvent);
      else expect(typeof outcomes[i]).toBe('string');
      expect(idsOf(await store.load(stream))).toEqual(i % 7 === 3 ? [] : [event.id]);
    }
    await history.close();
  });
});

describe('a server with other defaults', () => {
  test.each(['repeatable read', 'serializable'])('%s: of two first writers one wins', async (level) => {
    const history = await historyInTest();
    const client = new Client(history.url);
    await client.connect();
    const { rows } = await client.query<{ name: string }>('select quote_ident(current_database()) as name');
    await client.query(`alter database ${rows[0]!.name} set default_transaction_isolation = '${level}'`);
    await client.end();
    const stores = [history.open().store, history.open().store];
    for (let round = 0; round < 20; round++) {
      const stream = aStream();
      const outcomes = await Promise.all(stores.map((store) => outcomeOf(store.append(stream, 0, [anEvent()]))));
      expect(outcomes.filter((outcome) => typeof outcome === 'string')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome instanceof WrongRevision)).toHaveLength(1);
    }
    await history.close();
  });
});

describe('PostgreSQL is killed under load', () => {
  let dataFolder: string;
  const started: Embedded[] = [];
  const stopFollowing = new AbortController();
  let stopping = false;
  beforeAll(async () => {
    dataFolder = await mkdtemp(path.join(tmpdir(), 'gatehouse-killed-'));
    // PostgreSQL does not run as root: its user must be able to enter.
    await chmod(dataFolder, 0o755);
  });
  afterAll(async () => {
    stopping = true;
    stopFollowing.abort();
    for (const server of started) await server.stop();
    await rm(dataFolder, { recursive: true, force: true });
  });

  const start = async () => {
    const server = await startEmbedded({ dataFolder, log: () => undefined, settings: { fsync: 'off' } });
    started.push(server);
    return server;
  };

  test('no acknowledged append is lost, none is doubled, and follow sees each once', async () => {
    const history = await historyInTest({ url: (await start()).url });
    const { store } = history.open();
    const { store: watcher } = history.open();
    const acknowledged = new Map<string, string>();
    const unknown = new Map<string, string>();
    const shared = [aStream(), aStream()];

    const followedIds: string[] = [];
    const following = (async () => {
      for await (const batch of watcher.follow(watcher.start, stopFollowing.signal)) {
        followedIds.push(...idsOf(batch.events));
      }
    })();

    const one = async (stream: string, expected: number) => {
      const event = anEvent();
      const outcome = await outcomeOf(store.append(stream, expected, [event]));
      if (typeof outcome === 'string') acknowledged.set(event.id, stream);
      else if (outcome instanceof StoreUnavailable) unknown.set(event.id, stream);
      else if (!(outcome instanceof WrongRevision || outcome instanceof StoreOverloaded)) throw outcome;
    };
    const load = async (n: number) => {
      while (!stopping) {
        await one(aStream(), 0);
        const stream = shared[n % 2]!;
        const length = await outcomeOf(store.load(stream).then((events) => events.length));
        if (typeof length === 'number') await one(stream, length);
        else expect(length).toBeInstanceOf(StoreUnavailable);
      }
    };
    const callers = Array.from({ length: 16 }, (_, n) => load(n));

    const control = path.join(dataFolder, 'postgres', 'global', 'pg_control');
    for (let kill = 0; kill < 2; kill++) {
      const sofar = acknowledged.size;
      await until(() => acknowledged.size >= sofar + 200);
      const [pid] = (await readFile(path.join(dataFolder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
      const isLong = kill === 0;
      // Processes that use the server restart it at once. Without this file it cannot start for so long that callers notice.
      if (isLong) await rename(control, `${control}.away`);
      process.kill(Number(pid), 'SIGKILL');
      if (isLong) {
        await pause(5_000);
        await rename(`${control}.away`, control);
      }
      expect((await start()).url).toBe(history.url);
    }
    const sofar = acknowledged.size;
    await until(() => acknowledged.size >= sofar + 200);
    stopping = true;
    await Promise.all(callers);
    expect(unknown.size).toBeGreaterThan(0);

    const streams = new Set([...acknowledged.values(), ...unknown.values()]);
    const stored = (await Promise.all([...streams].map((stream) => watcher.load(stream)))).flat();
    const ids = idsOf(stored);
    expect(new Set(ids).size).toBe(ids.length);
    const there = new Set(ids);
    expect([...acknowledged.keys()].filter((id) => !there.has(id))).toEqual([]);
    expect(ids.filter((id) => !acknowledged.has(id) && !unknown.has(id))).toEqual([]);

    await until(() => followedIds.length >= ids.length);
    stopFollowing.abort();
    await following;
    expect(followedIds).toHaveLength(ids.length);
    expect(new Set(followedIds)).toEqual(there);

    await history.close();
  });
});
