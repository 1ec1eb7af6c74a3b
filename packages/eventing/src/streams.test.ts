import { randomUUID } from 'node:crypto';
import type { EventStoreDBClient } from '@eventstore/db-client';
import type { Decider, Decision } from '@gatehouse/domain/decider';
import { catalog, event, type EventOf } from '@gatehouse/events/define';
import { z } from 'zod';
import { aStream } from './contract';
import { MAX_APPEND_BYTES, StoreOverloaded, StoreUnavailable, type EventStore } from './event-store';
import { esdbInTest } from './esdb-in-test';
import { esdbClient, esdbStore } from './esdb-store';
import { historyInTest } from './history-in-test';
import { memoryStore } from './memory-store';
import { LOAD_PAGE, streams, type Known, type Streams } from './streams';
import { uuidV5 } from './uuid';

/* A hall with a number of places: a small domain in which admissions can be counted. */

const Entered = event('Entered', z.object({ who: z.string() }));
const Left = event('Left', z.object({ who: z.string() }));
const hallEvents = catalog([Entered, Left]);
type HallEvent = EventOf<typeof Entered> | EventOf<typeof Left>;
type Hall = ReadonlySet<string>;
const hall: Decider<Hall, HallEvent> = {
  initial: new Set(),
  evolve(state, { type, data }) {
    const next = new Set(state);
    if (type === 'Entered') next.add(data.who);
    else next.delete(data.who);
    return next;
  },
};
type Answer = 'in' | 'already' | 'full';
const enter =
  (who: string, places = Infinity) =>
  (state: Hall): Decision<Answer, HallEvent> => {
    if (state.has(who)) return { result: 'already', events: [] };
    if (state.size >= places) return { result: 'full', events: [] };
    return { result: 'in', events: [{ type: 'Entered', data: { who } }] };
  };
const by = { actor: 'token:1', trace: null };
/** A store that counts the events that were read from it. */
function countingReads(store: EventStore): { store: EventStore; read: () => number } {
  let read = 0;
  const counted = <T extends object | undefined>(found: T): T => {
    read += Array.isArray(found) ? found.length : found ? 1 : 0;
    return found;
  };
  return {
    store: {
      ...store,
      load: async (...asked) => counted(await store.load(...asked)),
      find: async (...asked) => counted(await store.find(...asked)),
    },
    read: () => read,
  };
}
/** A store that records how many events each append had. */
function countingAppends(store: EventStore): { store: EventStore; sizes: number[] } {
  const sizes: number[] = [];
  const append: EventStore['append'] = (stream, expected, events) => {
    sizes.push(events.length);
    return store.append(stream, expected, events);
  };
  return { store: { ...store, append }, sizes };
}
const enteredIn = async (asked: Streams<Hall, HallEvent>, stream: string) => [...(await asked.read(stream)).state];

/** Two processes on one history. */
type Opened = { readonly stores: readonly [EventStore, EventStore]; close(): Promise<void> };

async function onPostgres(): Promise<Opened> {
  const history = await historyInTest();
  return { stores: [history.open().store, history.open().store], close: () => history.close() };
}

async function onEventStoreDb(): Promise<Opened> {
  const server = await esdbInTest(process.env['EVENTSTORE_URL']);
  const context = `test_${randomUUID()}`;
  const clients = [esdbClient(server.url), esdbClient(server.url)] as const;
  const open = (client: EventStoreDBClient) => esdbStore({ client, context });
  return {
    stores: [open(clients[0]), open(clients[1])],
    async close() {
      for (const client of clients) await client.dispose();
      await server.stop();
    },
  };
}

describe.each([
  ['PostgreSQL', onPostgres],
  ['EventStoreDB', onEventStoreDb],
])('streams on %s', (_name, openStores) => {
  let opened: Opened;
  let stores: readonly [EventStore, EventStore];
  let gates: Streams<Hall, HallEvent>[];
  const gate = (store: EventStore = stores[0], remember = 1_000) =>
    streams(store, hall, { catalog: hallEvents, remember });

  beforeAll(async () => {
    opened = await openStores();
    stores = opened.stores;
    gates = stores.map((store) => gate(store));
  }, 120_000);
  afterAll(() => opened.close());

  describe('races at one stream, over two stores', () => {
    test('200 commands: each decision is applied exactly once', async () => {
      const stream = aStream();
      const people = Array.from({ length: 200 }, (_, i) => `person ${i}`);
      const outcomes = await Promise.all(people.map((who, i) => gates[i % 2]!.transact(stream, enter(who), by)));
      expect(outcomes.map((outcome) => outcome.result)).toEqual(people.map(() => 'in'));
      const stored = await stores[0].load(stream);
      expect(stored.map((each) => (each.data as { who: string }).who).sort()).toEqual(people.sort());
      expect(outcomes.map((outcome) => outcome.revision).sort((a, b) => a - b)).toEqual(people.map((_, i) => i + 1));
    });

    test('200 commands for 50 places: 50 get in', async () => {
      const stream = aStream();
      const asked = Array.from({ length: 200 }, (_, i) => gates[i % 2]!.transact(stream, enter(`person ${i}`, 50), by));
      const results = (await Promise.all(asked)).map((outcome) => outcome.result);
      expect(results.filter((result) => result === 'in')).toHaveLength(50);
      expect(results.filter((result) => result === 'full')).toHaveLength(150);
      expect(await enteredIn(gates[0]!, stream)).toHaveLength(50);
    });

    test('50 scans of one ticket: one is let in, the others hear that', async () => {
      const stream = aStream();
      const asked = Array.from({ length: 50 }, (_, i) => gates[i % 2]!.transact(stream, enter('the ticket'), by));
      const results = (await Promise.all(asked)).map((outcome) => outcome.result);
      expect(results.filter((result) => result === 'in')).toHaveLength(1);
      expect(results.filter((result) => result === 'already')).toHaveLength(49);
      expect(await stores[1].load(stream)).toHaveLength(1);
    });

    test('gates that remember nothing decide as well', async () => {
      const stream = aStream();
      const forgetful = stores.map((store) => gate(store, 0));
      const asked = Array.from({ length: 60 }, (_, i) =>
        forgetful[i % 2]!.transact(stream, enter(`person ${i % 30}`), by),
      );
      const results = (await Promise.all(asked)).map((outcome) => outcome.result);
      expect(results.filter((result) => result === 'in')).toHaveLength(30);
      expect(await stores[0].load(stream)).toHaveLength(30);
    });
  });

  describe('what is known is a hint', () => {
    test('a hint that is late: the store’s word counts', async () => {
      const stream = aStream();
      await gates[0]!.transact(stream, enter('a'), by);
      await gates[0]!.transact(stream, enter('b'), by);
      const known = { state: new Set(['a']), revision: 1 };
      const again = await gate(stores[1]).transact(stream, enter('b'), { ...by, known });
      expect(again).toEqual({ result: 'already', state: new Set(['a', 'b']), revision: 2, position: null });
      const third = await gate(stores[1]).transact(stream, enter('c'), { ...by, known });
      expect(third).toMatchObject({ result: 'in', state: new Set(['a', 'b', 'c']), revision: 3 });
    });

    test('a refusal is confirmed: who left since then may enter', async () => {
      const stream = aStream();
      await gates[0]!.transact(stream, enter('a', 1), by);
      const second = gate(stores[1]);
      expect(await second.transact(stream, enter('b', 1), by)).toMatchObject({ result: 'full', revision: 1 });
      // Past the memory of `second`.
      await gates[0]!.transact(stream, () => ({ result: 'out', events: [{ type: 'Left', data: { who: 'a' } }] }), by);
      expect(await second.transact(stream, enter('b', 1), by)).toMatchObject({ result: 'in', revision: 3 });
    });

    test.each([
      ['decides to write', { state: new Set<string>(), revision: 7 }],
      ['decides nothing', { state: new Set(['b']), revision: 7 }],
    ])('a hint of another history, that %s, is dropped', async (_, known) => {
      const stream = aStream();
      await gates[0]!.transact(stream, enter('a'), by);
      const outcome = await gate(stores[1]).transact(stream, enter('b'), { ...by, known });
      expect(outcome).toMatchObject({ result: 'in', state: new Set(['a', 'b']), revision: 2 });
      const nowhere = aStream();
      expect(await gate(stores[1]).transact(nowhere, enter('b'), { ...by, known })).toMatchObject({
        result: 'in',
        revision: 1,
      });
    });

    test('memory that another process has overtaken is a hint, too', async () => {
      const stream = aStream();
      const [one, two] = [gate(stores[0]), gate(stores[1])];
      await one.transact(stream, enter('a'), by);
      await two.transact(stream, enter('b'), by);
      expect(await one.transact(stream, enter('b'), by)).toMatchObject({ result: 'already', revision: 2 });
      expect(await two.transact(stream, enter('c'), by)).toMatchObject({ result: 'in', revision: 3 });
      expect(await one.transact(stream, enter('d'), by)).toMatchObject({ result: 'in', revision: 4 });
    });
  });

  test.each([
    [2 * LOAD_PAGE + 1, [LOAD_PAGE, LOAD_PAGE, 1]],
    [LOAD_PAGE, [LOAD_PAGE, 0]],
  ])('a stream of %i events is loaded in pages', async (count, pages) => {
    const stream = aStream();
    const goesRound = (from: number, to: number): Decision<null, HallEvent> => ({
      result: null,
      events: Array.from({ length: to - from }, (_, i) => ({
        type: (from + i) % 2 === 0 ? 'Entered' : 'Left',
        data: { who: `person ${(from + i) >> 1}` },
      })),
    });
    for (let from = 0; from < count; from += 1_000) {
      const to = Math.min(count, from + 1_000);
      await gates[0]!.transact(stream, () => goesRound(from, to), by);
    }
    const sizes: number[] = [];
    const load: EventStore['load'] = async (...asked) => {
      const page = await stores[1].load(...asked);
      sizes.push(page.length);
      return page;
    };
    const state = new Set(count % 2 === 0 ? [] : [`person ${count >> 1}`]);
    expect(await gate({ ...stores[1], load }).read(stream)).toEqual({ state, revision: count });
    expect(sizes).toEqual(pages);
  });

  describe('a stored state', () => {
    const people = Array.from({ length: 100 }, (_, i) => `person ${i}`);
    const stateOf = (revision: number): Known<Hall> => ({ state: new Set(people.slice(0, revision)), revision });
    /** A stream of a hundred entries. */
    async function longStream(): Promise<string> {
      const stream = aStream();
      await Promise.all(people.map((who) => gates[0]!.transact(stream, enter(who), by)));
      return stream;
    }
    /** A process that has just started, with stored states; it counts how often it opened one, and the events that it read. */
    function opening(stored: Known<Hall> | undefined, { remember = 10, store = stores[1] } = {}) {
      const counted = countingReads(store);
      const opened: string[] = [];
      const open = (stream: string) => {
        opened.push(stream);
        return Promise.resolve(stored);
      };
      const asked = streams(counted.store, hall, { catalog: hallEvents, remember, open });
      return { asked, opened, read: counted.read };
    }

    test('is opened once, and only what came after it is loaded, with the last event before it', async () => {
      const stream = await longStream();
      const { asked, opened, read } = opening(stateOf(90));
      expect(await asked.transact(stream, enter('person 95'), by)).toMatchObject({ result: 'already', revision: 100 });
      expect(read()).toBe(11);
      expect(await asked.transact(stream, enter('another'), by)).toMatchObject({ result: 'in', revision: 101 });
      expect(read()).toBe(11);
      expect((await asked.read(stream)).state.size).toBe(101);
      expect(read()).toBe(12);
      expect(opened).toEqual([stream]);
    });

    test('serves a read, too, which then need not be opened for commands', async () => {
      const stream = await longStream();
      const { asked, opened, read } = opening(stateOf(98));
      expect(await asked.read(stream)).toEqual(stateOf(100));
      expect(await asked.transact(stream, enter('another'), by)).toMatchObject({ result: 'in', revision: 101 });
      expect(read()).toBe(3);
      expect(opened).toEqual([stream]);
    });

    test('is opened once for all who come at the same time', async () => {
      const stream = await longStream();
      const { asked, opened } = opening(stateOf(90));
      const [known, ...outcomes] = await Promise.all([
        asked.read(stream),
        ...['a', 'b', 'a'].map((who) => asked.transact(stream, enter(who), by)),
        asked.read(stream),
      ]);
      expect(known.revision).toBeGreaterThanOrEqual(100);
      expect(outcomes.slice(0, 3)).toMatchObject([{ result: 'in' }, { result: 'in' }, { result: 'already' }]);
      expect(opened).toEqual([stream]);
    });

    test('is opened again when the stream was evicted from memory, and not for a command that knows the state', async () => {
      const stream = await longStream();
      const { asked, opened, read } = opening(stateOf(90), { remember: 1 });
      await asked.transact(stream, enter('a'), { ...by, known: stateOf(100) });
      expect(opened).toEqual([]);
      for (let i = 0; i < 3; i++) await asked.transact(aStream(), enter('elsewhere'), by);
      const others = opened.length;
      expect(await asked.transact(stream, enter('a'), by)).toMatchObject({ result: 'already', revision: 101 });
      expect(opened.slice(others)).toEqual([stream]);
      expect(read()).toBe(12);
    });

    test.each([
      ['of another history, longer than the stream', stateOf(80), 3],
      ['that is not there', undefined, 3],
    ])('%s: the stream is loaded from its beginning', async (_, stored, count) => {
      const stream = aStream();
      for (const who of people.slice(0, count)) await gates[0]!.transact(stream, enter(who), by);
      expect(await opening(stored).asked.read(stream)).toEqual(stateOf(count));
      expect(await opening(stored).asked.transact(stream, enter('person 50'), by)).toMatchObject({
        result: 'in',
        state: new Set([...people.slice(0, count), 'person 50']),
        revision: count + 1,
      });
    });

    test('that cannot be read fails those who wait for it, and is asked for again', async () => {
      const stream = await longStream();
      let away = true;
      const open = () => (away ? Promise.reject(new StoreUnavailable('away')) : Promise.resolve(stateOf(90)));
      const asked = streams(stores[1], hall, { catalog: hallEvents, remember: 10, open });
      const outcomes = await Promise.allSettled([asked.transact(stream, enter('a'), by), asked.read(stream)]);
      expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason)).toEqual([
        new StoreUnavailable('away'),
        new StoreUnavailable('away'),
      ]);
      away = false;
      expect(await asked.transact(stream, enter('a'), by)).toMatchObject({ result: 'in', revision: 101 });
    });

    test('a lost race goes on from what memory has, and so does the command after it', async () => {
      const stream = await longStream();
      const { asked, opened, read } = opening(stateOf(100));
      await asked.read(stream);
      const before = read();
      await gates[0]!.transact(stream, enter('elsewhere'), by);
      // Its decision on the state in memory would have been to write; on the state now it is not.
      expect(await asked.transact(stream, enter('elsewhere'), by)).toMatchObject({ result: 'already', revision: 101 });
      expect(read() - before).toBe(2);
      expect(await asked.transact(stream, enter('a'), by)).toMatchObject({ result: 'in', revision: 102 });
      expect(read() - before).toBe(2);
      expect(opened).toEqual([stream]);
    });

    test.each([
      ['an append whose outcome is unknown', 'append'],
      ['a lost race and a store that goes away then', 'load'],
    ] as const)('after %s memory has still how the stream begins', async (_, failing) => {
      const stream = await longStream();
      let fails = false;
      const failOnce =
        <A extends unknown[], T>(work: (...asked: A) => Promise<T>) =>
        async (...asked: A): Promise<T> => {
          const [done, failed] = [await work(...asked), fails];
          fails = false;
          if (failed) throw new StoreUnavailable('the answer was lost');
          return done;
        };
      const store = { ...stores[1], [failing]: failOnce(stores[1][failing] as never) };
      const { asked, opened, read } = opening(stateOf(100), { store });
      await asked.read(stream);
      const before = read();
      if (failing === 'load') await gates[0]!.transact(stream, enter('elsewhere'), by);
      fails = true;
      await expect(asked.transact(stream, enter('a'), by)).rejects.toBeInstanceOf(StoreUnavailable);
      const again = await asked.transact(stream, enter('a'), by);
      expect(again).toMatchObject(
        failing === 'append' ? { result: 'already', revision: 101 } : { result: 'in', revision: 102 },
      );
      expect(read() - before).toBe(2);
      expect(opened).toEqual([stream]);
    });
  });

  describe('requests', () => {
    test('their events have ids that derive from them, and are found again with the state before and after', async () => {
      const stream = aStream();
      const request = randomUUID();
      expect(await gates[0]!.recall(stream, request)).toBeUndefined();
      await gates[0]!.transact(stream, enter('a'), by);
      const both = (): Decision<string, HallEvent> => ({
        result: 'both',
        events: ['b', 'c'].map((who) => ({ type: 'Entered', data: { who } })),
      });
      await gates[0]!.transact(stream, both, { ...by, request });
      const stored = await stores[1].load(stream, 1);
      expect(stored.map((each) => each.id)).toEqual([uuidV5(request, '0'), uuidV5(request, '1')]);
      await gates[0]!.transact(stream, enter('d'), by);
      expect(await gates[1]!.recall(stream, request)).toEqual({ events: both().events, revision: 3 });
      expect(await gates[1]!.recallStates(stream, request)).toEqual({
        before: { state: new Set(['a']), revision: 1 },
        after: { state: new Set(['a', 'b', 'c']), revision: 3 },
      });
      expect(await gates[1]!.recall(stream, randomUUID())).toBeUndefined();
      expect(await gates[1]!.recallStates(stream, randomUUID())).toBeUndefined();
    });

    test('in a stream of many events only those of the request are read, and none when it wrote nothing', async () => {
      const stream = aStream();
      const enterAll = (who: readonly string[]) => (): Decision<string, HallEvent> => ({
        result: 'all',
        events: who.map((each) => ({ type: 'Entered', data: { who: each } })),
      });
      const crowd = Array.from({ length: 1_000 }, (_, i) => `person ${i}`);
      const [few, many] = [randomUUID(), randomUUID()];
      const group = Array.from({ length: 70 }, (_, i) => `friend ${i}`);
      await gates[0]!.transact(stream, enterAll(crowd), by);
      await gates[0]!.transact(stream, enter('a guest'), { ...by, request: few });
      await gates[0]!.transact(stream, enterAll(group), { ...by, request: many });
      await gates[0]!.transact(stream, enterAll(crowd), by);

      const counted = countingReads(stores[1]);
      const asked = gate(counted.store);
      expect(await asked.recall(stream, randomUUID())).toBeUndefined();
      expect(await asked.recallStates(stream, randomUUID())).toBeUndefined();
      expect(counted.read()).toBe(0);
      expect((await asked.recall(stream, few))?.revision).toBe(1_001);
      // The event, and the events after it that might have been the request's, too.
      expect(counted.read()).toBe(17);
      expect(await asked.recall(stream, many)).toEqual({ events: enterAll(group)().events, revision: 1_071 });
      expect(counted.read()).toBe(17 + 1 + 16 + 32 + 64);
      const { before, after } = (await asked.recallStates(stream, few))!;
      expect([before.revision, after.revision]).toEqual([1_000, 1_001]);
      expect(counted.read()).toBe(17 + 1 + 16 + 32 + 64 + 17 + 1_000);
    });

    test('a request that comes twice at once, at two processes, takes one place', async () => {
      const stream = aStream();
      const request = randomUUID();
      const twice = await Promise.all(
        stores.map((store) => gate(store).transact(stream, enter('a'), { ...by, request })),
      );
      expect(twice.every(({ result }) => result === 'in' || result === 'already')).toBe(true);
      expect(await stores[0].load(stream)).toHaveLength(1);
    });

    test('uuidV5 is the one of RFC 9562', () => {
      expect(uuidV5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe(
        '2ed6657d-e927-568b-95e1-2665a8aea6a2',
      );
    });
  });

  describe('lanes', () => {
    test('a decision that throws, or an event that no catalog allows, fails its own command only', async () => {
      const stream = aStream();
      const asked = gate();
      const outcomes = await Promise.allSettled([
        asked.transact(stream, enter('a'), by),
        asked.transact(
          stream,
          () => {
            throw new Error('no');
          },
          by,
        ),
        asked.transact(stream, () => ({ result: 1, events: [{ type: 'Entered', data: { who: 7 } } as never] }), by),
        asked.transact(stream, () => ({ result: 1, events: [{ type: 'Entered', data: { who: '\0' } }] }), by),
        asked.transact(stream, enter('b'), by),
      ]);
      expect(outcomes.map((outcome) => outcome.status)).toEqual([
        'fulfilled',
        'rejected',
        'rejected',
        'rejected',
        'fulfilled',
      ]);
      expect(await enteredIn(asked, stream)).toEqual(['a', 'b']);
    });

    test('what waits together goes down in one append; each command has its own outcome', async () => {
      const counted = countingAppends(stores[0]);
      const asked = gate(counted.store);
      const stream = aStream();
      const people = Array.from({ length: 50 }, (_, i) => `person ${i % 40}`);
      const outcomes = await Promise.all(people.map((who) => asked.transact(stream, enter(who, 30), by)));
      expect(outcomes.map(({ result }) => result)).toEqual(
        people.map((_, i) => (i < 30 ? 'in' : i < 40 ? 'full' : 'already')),
      );
      expect(outcomes.map(({ revision }) => revision)).toEqual(people.map((_, i) => Math.min(i + 1, 30)));
      expect(outcomes.map(({ position }) => position !== null)).toEqual(people.map((_, i) => i < 30));
      // The first is appended alone, since nothing was waiting yet.
      expect(counted.sizes).toEqual([1, 29]);
      expect(await enteredIn(gates[1]!, stream)).toEqual(people.slice(0, 30));
    });

    test('50 scans of one ticket at once cost one append', async () => {
      const counted = countingAppends(stores[0]);
      const asked = gate(counted.store);
      const stream = aStream();
      const results = await Promise.all(
        Array.from({ length: 50 }, () => asked.transact(stream, enter('the ticket'), by)),
      );
      expect(results.filter(({ result }) => result === 'in')).toHaveLength(1);
      expect(counted.sizes).toEqual([1]);
    });

    test('a lost race decides all that wait together again', async () => {
      const stream = aStream();
      const asked = gate(stores[0]);
      await asked.transact(stream, enter('first', 4), by);
      // Past the memory of `asked`.
      await gate(stores[1]).transact(stream, enter('elsewhere', 4), by);
      const people = ['alone', 'a', 'elsewhere', 'b', 'c'];
      const outcomes = await Promise.all(people.map((who) => asked.transact(stream, enter(who, 4), by)));
      expect(outcomes.map(({ result }) => result)).toEqual(['in', 'in', 'already', 'full', 'full']);
      expect(await enteredIn(asked, stream)).toEqual(['first', 'elsewhere', 'alone', 'a']);
    });

    test('an event that cannot be stored fails its own command only, wherever it waits', async () => {
      const stream = aStream();
      const asked = gate();
      const people = Array.from({ length: 20 }, (_, i) => (i === 7 || i === 12 ? `\0${i}` : `person ${i}`));
      const outcomes = await Promise.allSettled(people.map((who) => asked.transact(stream, enter(who), by)));
      expect(outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([7, 12]);
      expect(await enteredIn(asked, stream)).toEqual(people.filter((who) => !who.startsWith('\0')));
    });

    test('what is too large for one append goes down in several', async () => {
      const stream = aStream();
      const asked = gate();
      const people = Array.from({ length: 12 }, (_, i) => `${i}`.padEnd(MAX_APPEND_BYTES / 5, '.'));
      const outcomes = await Promise.all(people.map((who) => asked.transact(stream, enter(who), by)));
      expect(outcomes.map(({ result }) => result)).toEqual(people.map(() => 'in'));
      expect(await enteredIn(gates[1]!, stream)).toEqual(people);
    });

    test('a lane is bounded: what is too much is turned away, the rest is done', async () => {
      const asked = streams(memoryStore(), hall, { catalog: hallEvents, remember: 10 });
      const stream = aStream();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20_010 }, () => asked.transact(stream, enter('the ticket'), by)),
      );
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(refused).toHaveLength(9);
      for (const { reason } of refused) expect(reason).toBeInstanceOf(StoreOverloaded);
      expect(await asked.transact(stream, enter('another'), by)).toMatchObject({ result: 'in', revision: 2 });
    });

    test('commands at one stream are decided in their order', async () => {
      const asked = streams(memoryStore(), hall, { catalog: hallEvents, remember: 10 });
      const stream = aStream();
      const people = Array.from({ length: 50 }, (_, i) => `person ${i}`);
      await Promise.all(people.map((who) => asked.transact(stream, enter(who), by)));
      expect(await enteredIn(asked, stream)).toEqual(people);
    });

    test('state is what was written: what a schema drops is not remembered either', async () => {
      const stream = aStream();
      const asked = gate();
      const decide = (): Decision<string, HallEvent> => ({
        result: 'in',
        events: [{ type: 'Entered', data: { who: 'a', secret: 's' } as { who: string } }],
      });
      let seen: unknown;
      const spying: Decider<Hall, HallEvent> = {
        ...hall,
        evolve(state, each) {
          seen = each.data;
          return hall.evolve(state, each);
        },
      };
      await streams(stores[0], spying, { catalog: hallEvents, remember: 1 }).transact(stream, decide, by);
      expect(seen).toEqual({ who: 'a' });
      expect((await asked.read(stream)).revision).toBe(1);
    });
  });
});
