import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import type { NewEvent } from '@gatehouse/events/envelope';
import { esdbEmulator, type EsdbEmulator, type Fault } from '../emulator/esdb-emulator';
import { aStream, anEvent, followed, idsOf, outcomeOf } from './contract';
import { esdbClient, esdbStore, FIND_WITHIN } from './esdb-store';
import { RejectedEvent, StoreUnavailable, WrongRevision } from './event-store';
import { until } from './history-in-test';
import { uuidV5 } from './uuid';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let emulator: EsdbEmulator;
let clients: EventStoreDBClient[];
const open = (limits: { answerMs?: number; patienceMs?: number } = {}) => {
  const client = esdbClient(emulator.url);
  clients.push(client);
  return esdbStore({ client, context: 'admission', ...limits });
};

beforeEach(async () => {
  emulator = await esdbEmulator();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) await client.dispose();
  await emulator.stop();
});

describe('an append whose outcome is unknown', () => {
  const faults: Fault[] = ['answer cut', 'answer lost', 'call cut', 'call delayed'];
  /** A short limit for a reply that never comes. */
  const impatient = { answerMs: 200 };

  test.each(faults)('%s: it happens exactly once', async (fault) => {
    const store = open(impatient);
    const appends = Array.from({ length: 10 }, () => ({ stream: aStream(), events: [anEvent(), anEvent()] }));
    await store.append(aStream(), 0, [anEvent()]);
    emulator.arm(fault);
    const positions = await Promise.all(appends.map(({ stream, events }) => store.append(stream, 0, events)));
    expect(emulator.faults()).toBe(1);
    // By then a delayed call has arrived, as a repeat.
    if (fault === 'call delayed') await pause(250);
    for (const [i, { stream, events }] of appends.entries()) {
      const stored = await open().load(stream);
      expect(idsOf(stored)).toEqual(idsOf(events));
      expect((stored[1] as unknown as { position: string }).position).toBe(positions[i]);
    }
  });

  test.each(faults)('%s, while another was first: WrongRevision, and nothing of the loser', async (fault) => {
    const store = open(impatient);
    const stream = aStream();
    const winner = anEvent();
    await open().append(stream, 0, [winner]);
    emulator.arm(fault);
    await expect(store.append(stream, 0, [anEvent()])).rejects.toEqual(new WrongRevision(stream, 0, 1));
    if (fault === 'call delayed') await pause(250);
    expect(idsOf(await store.load(stream))).toEqual([winner.id]);
  });

  test.each(['answer cut', 'answer lost'] as const)('%s, and the tail grows meanwhile: success', async (fault) => {
    const stream = aStream();
    const [mine, next] = [anEvent(), anEvent()];
    const other = open();
    emulator.arm(fault);
    const appended = open(impatient).append(stream, 0, [mine]);
    await until(async () => typeof (await outcomeOf(other.append(stream, 1, [next]))) === 'string');
    await appended;
    expect(idsOf(await other.load(stream))).toEqual([mine.id, next.id]);
  });
});

test('a server that restarts is waited for; a long outage is StoreUnavailable, and passes', async () => {
  const store = open({ patienceMs: 30_000 });
  const stream = aStream();
  await store.append(stream, 0, [anEvent()]);

  await emulator.stop();
  const waiting = store.append(stream, 1, [anEvent()]);
  await pause(100);
  await emulator.start();
  await waiting;

  await emulator.stop();
  const hasty = open({ patienceMs: 500 });
  const asked = [hasty.append(stream, 2, [anEvent()]), hasty.load(stream), hasty.head(), hasty.heads([stream])];
  for (const outcome of await Promise.all(asked.map((each) => outcomeOf<unknown>(each)))) {
    expect(outcome).toBeInstanceOf(StoreUnavailable);
  }
  await emulator.start();
  await store.append(stream, 2, [anEvent()]);
  expect(await store.load(stream)).toHaveLength(3);
});

test('one failing append among 50 leaves the 49, and they went side by side', async () => {
  const store = open();
  emulator.delayAppends(50);
  const appends = Array.from({ length: 50 }, (_, i) => ({ stream: aStream(), expected: i === 17 ? 3 : 0 }));
  const outcomes = await Promise.all(
    appends.map(({ stream, expected }) => outcomeOf(store.append(stream, expected, [anEvent()]))),
  );
  for (const [i, { stream }] of appends.entries()) {
    if (i === 17) expect(outcomes[i]).toEqual(new WrongRevision(stream, 3, 0));
    else expect(typeof outcomes[i]).toBe('string');
  }
  expect(emulator.mostAtOnce()).toBeGreaterThan(25);
});

test('never more appends at once than the connection takes', async () => {
  const store = open();
  emulator.delayAppends(20);
  await Promise.all(Array.from({ length: 120 }, () => store.append(aStream(), 0, [anEvent()])));
  expect(emulator.mostAtOnce()).toBeLessThanOrEqual(50);
});

test('more than the server takes at once is RejectedEvent', async () => {
  const store = open();
  const stream = aStream();
  const actor = 'token:1'.padEnd(900, '1');
  const events = Array.from({ length: 1_200 }, () => ({ ...anEvent(), actor }));
  await expect(store.append(stream, 0, events)).rejects.toBeInstanceOf(RejectedEvent);
  expect(await store.load(stream)).toEqual([]);
});

describe('1,000 foreign and system events', () => {
  test('move no head, and are read once to know it', async () => {
    const [store, fresh] = [open(), open()];
    const position = await store.append(aStream(), 0, [anEvent()]);
    emulator.foreign(1_000);
    for (const each of [store, fresh]) {
      expect(await each.head()).toBe(position);
      const before = emulator.eventsSent();
      expect(await each.head()).toBe(position);
      // At most one page, which is interrupted at its first event.
      expect(emulator.eventsSent() - before).toBeLessThanOrEqual(32);
    }
  });

  test('keep no reader waiting: who has followed to the own events is at the head, foreign ones or not', async () => {
    const store = open();
    const stop = new AbortController();
    let at = store.start;
    let seen = 0;
    const following = (async () => {
      for await (const batch of store.follow(store.start, stop.signal)) {
        at = batch.position;
        seen += batch.events.length;
      }
    })();
    for (let round = 1; round <= 3; round++) {
      await store.append(aStream(), 0, [anEvent()]);
      emulator.foreign(1_000);
      await until(() => seen === round);
      const head = await open().head();
      expect(store.before(at, head)).toBe(false);
    }
    // The position moves past them, so that a later follower does not start before them.
    emulator.foreign(1_100);
    const head = await store.head();
    await until(() => store.before(head, at));
    stop.abort();
    await following;
    expect(seen).toBe(3);
  });
});

describe('a live subscription that breaks', () => {
  test.each([
    ['is cancelled', () => Promise.resolve(emulator.disconnect())],
    [
      'loses its server, which comes back',
      async () => {
        await emulator.stop();
        await pause(20);
        await emulator.start();
      },
    ],
  ])('%s: nothing is missed and nothing comes twice', async (_, breaks) => {
    const [writer, reader] = [open(), open()];
    const ids: string[] = [];
    const following = followed(reader, reader.start, { matches: () => true, count: 60 });
    for (let round = 0; round < 6; round++) {
      const events = Array.from({ length: 10 }, () => anEvent());
      ids.push(...idsOf(events));
      const writing = writer.append(aStream(), 0, events);
      if (round % 2 === 0) await writing;
      await breaks();
      emulator.foreign(40);
      await writing;
    }
    const { events, batches } = await following;
    expect(idsOf(events)).toEqual(ids);
    let at = reader.start;
    for (const batch of batches) {
      expect(reader.before(at, batch.position)).toBe(true);
      at = batch.position;
    }
  });

  test('a checkpoint does not overtake events that the follower has not taken', async () => {
    const [store, writer] = [open(), open()];
    await writer.append(aStream(), 0, [anEvent()]);
    const ids: string[] = [];
    const sizes: number[] = [];
    const stop = new AbortController();
    let at = store.start;
    for await (const batch of store.follow(store.start, stop.signal)) {
      at = batch.position;
      sizes.push(batch.events.length);
      ids.push(...idsOf(batch.events));
      if (sizes.length > 1) stop.abort();
      else {
        // While this batch is applied: as many events as are buffered, ten more, and foreign ones for a checkpoint after
        // them.
        for (let i = 0; i < 10; i++)
          await writer.append(
            aStream(),
            0,
            Array.from({ length: 101 }, () => anEvent()),
          );
        emulator.foreign(100);
        await pause(500);
      }
    }
    expect(sizes).toEqual([1, 1_000]);
    const { events } = await followed(store, at, { matches: () => true, count: 10 });
    ids.push(...idsOf(events));
    expect(new Set(ids).size).toBe(1_011);
  });

  test('an event of another writer in a stream of ours ends follow, after all before it', async () => {
    const store = open();
    const events = [anEvent(), anEvent()];
    await store.append(aStream(), 0, events);
    await clients[0]!.appendToStream('admission.ticket-1', jsonEvent({ type: 'Strange', data: {} }));
    const seen: string[] = [];
    const following = (async () => {
      for await (const batch of store.follow(store.start, new AbortController().signal))
        seen.push(...idsOf(batch.events));
    })();
    await expect(following).rejects.toThrow('another writer');
    expect(seen).toEqual(idsOf(events));
  });

  test('a follower that stands still holds no more than a batch', async () => {
    const store = open();
    await Promise.all(
      Array.from({ length: 10 }, () =>
        store.append(
          aStream(),
          0,
          Array.from({ length: 400 }, () => anEvent()),
        ),
      ),
    );
    const stop = new AbortController();
    const sizes: number[] = [];
    for await (const batch of store.follow(store.start, stop.signal)) {
      sizes.push(batch.events.length);
      if (sizes.length === 1) await pause(1_000);
      if (sizes.reduce((sum, size) => sum + size, 0) === 4_000) stop.abort();
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
  });
});

describe('what importer and credentials ask', () => {
  test('heads: revision and hash of the streams that exist', async () => {
    const store = open();
    const [a, b, c] = [aStream(), aStream(), aStream()];
    await store.append(a, 0, [anEvent({ hash: 'old' }), anEvent({ hash: 'new' })]);
    await store.append(b, 0, [anEvent([1])]);
    const heads = await store.heads([a, b, c]);
    expect(heads).toEqual(
      new Map([
        [a, { revision: 1, hash: 'new' }],
        [b, { revision: 0, hash: null }],
      ]),
    );
  });

  test('latest: the newest event of each stream of a kind, also when the head is of another', async () => {
    const store = open();
    expect(await store.latest('token-')).toEqual([]);
    await store.append('token-2', 0, [anEvent(1), anEvent(2)]);
    await store.append('token-10', 0, [anEvent(3)]);
    await store.append('tokens-1', 0, [anEvent(4)]);
    emulator.foreign(1_000);
    const latest = await store.latest('token-');
    expect(latest.map(({ stream, revision, data }) => [stream, revision, data])).toEqual([
      ['token-10', 0, 3],
      ['token-2', 1, 2],
    ]);
    expect((await store.latest('')).map(({ stream }) => stream)).toEqual(['token-10', 'token-2', 'tokens-1']);
  });

  test('appendMany: each its outcome, no kind overtakes the one before it, nor a call the one before it', async () => {
    const store = open();
    emulator.delayAppends(5);
    await store.append('list-1', 0, [anEvent()]);
    const from = await store.head();
    const of = (kind: string, count: number) =>
      Array.from({ length: count }, (_, i) => ({ stream: `${kind}-${i}`, expected: 0, events: [anEvent()] }));
    const asked = [[...of('list', 3), ...of('order', 30)], of('voucher', 3), of('order2', 30)];
    const outcomes = (await Promise.all(asked.map((appends) => store.appendMany(appends)))).flat();
    expect(outcomes[1]).toEqual(new WrongRevision('list-1', 0, 1));
    expect(outcomes.filter((outcome) => typeof outcome === 'string')).toHaveLength(65);
    const { events } = await followed(store, from, { matches: () => true, count: 65 });
    const kinds = events.map(({ stream }) => stream.split('-')[0]);
    expect(kinds.filter((kind, i) => kind !== kinds[i - 1])).toEqual(['list', 'order', 'voucher', 'order2']);
  });
});

test('the store never opens the client’s batch stream, although the server has one', async () => {
  await open().append(aStream(), 0, [anEvent()]);
  expect(emulator.calls.get('append')).toBe(1);
  const usual = EventStoreDBClient.connectionString(emulator.url);
  clients.push(usual);
  await expect(usual.appendToStream('any', jsonEvent({ type: 'A', data: {} }))).rejects.toThrow('no batch appends');
});

test('find looks through the newest events of a long stream only, page by page', async () => {
  const store = open();
  const stream = aStream();
  const [old, near] = ['1', '2'].map((name) => ({ ...anEvent({}), id: uuidV5(randomUUID(), name) })) as [
    NewEvent,
    NewEvent,
  ];
  await store.append(stream, 0, [old, near]);
  let length = 2;
  const grow = async (count: number) => {
    await store.append(
      stream,
      length,
      Array.from({ length: count }, () => anEvent({})),
    );
    length += count;
  };
  await grow(300);
  const reads = () => emulator.calls.get('read') ?? 0;
  const before = reads();
  expect((await store.find(stream, near.id))?.revision).toBe(1);
  expect((await store.find(stream, old.id))?.revision).toBe(0);
  expect(await store.find(stream, uuidV5(near.id, ''))).toBeUndefined();
  expect(reads() - before).toBe(6);
  while (length < FIND_WITHIN + 1) await grow(Math.min(800, FIND_WITHIN + 1 - length));
  expect((await store.find(stream, near.id))?.revision).toBe(1);
  expect(await store.find(stream, old.id)).toBeUndefined();
});
