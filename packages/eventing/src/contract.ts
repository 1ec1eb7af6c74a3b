import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewEvent, Recorded } from '@gatehouse/events/envelope';
import { MAX_APPEND_BYTES, RejectedEvent, StoreOverloaded, WrongRevision, type EventStore } from './event-store';
import { EncodedData } from './storable';
import { uuidV5 } from './uuid';

export type StoreUnderTest = {
  readonly store: EventStore;
  /** Another instance on the same history, as in another process. */
  another?(): Promise<EventStore>;
  /** Writes events of other contexts next to this one's history. */
  foreign?(): Promise<void>;
  /** Number of concurrent appends above which further ones are rejected. */
  readonly bounded?: number;
  /** Number of events in a large append, where 400 would be too slow. */
  readonly large?: number;
  close(): Promise<void>;
};

/** The contract of every event store: one suite for all adapters. */
export function eventStoreContract(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`the event store contract: ${name}`, () => {
    let made: StoreUnderTest;
    let store: EventStore;
    let other: EventStore;

    beforeAll(async () => {
      made = await makeStore();
      store = made.store;
      other = (await made.another?.()) ?? store;
    });
    afterAll(() => made.close());

    test('two first writers of a stream: one wins', async () => {
      const rounds = Array.from({ length: 40 }, () => {
        const stream = aStream();
        const writers = [store, other, store, other].map((each) => ({ each, event: anEvent() }));
        return { stream, writers };
      });
      await Promise.all(
        rounds.map(async ({ stream, writers }) => {
          const outcomes = await Promise.all(
            writers.map(({ each, event }) => outcomeOf(each.append(stream, 0, [event]))),
          );
          const winners = writers.filter((_, i) => typeof outcomes[i] === 'string');
          const losses = outcomes.filter((outcome) => typeof outcome !== 'string');
          expect(winners).toHaveLength(1);
          for (const loss of losses) expect(loss).toEqual(new WrongRevision(stream, 0, 1));
          expect(idsOf(await other.load(stream))).toEqual([winners[0]!.event.id]);
        }),
      );
    });

    test('many writers of one long stream: each revision has one winner, and its events only', async () => {
      const stream = aStream();
      const written: string[] = [];
      const write = async (each: EventStore) => {
        for (let done = 0; done < 10;) {
          const expected = (await each.load(stream)).length;
          const events = [anEvent(), anEvent()];
          const outcome = await outcomeOf(each.append(stream, expected, events));
          if (typeof outcome === 'string') {
            written.push(...idsOf(events));
            done++;
          } else expect(outcome).toBeInstanceOf(WrongRevision);
        }
      };
      await Promise.all([store, other, store, other].map(write));
      const stored = await store.load(stream);
      expect(stored.map((event) => event.revision)).toEqual(stored.map((_, i) => i));
      expect(idsOf(stored).sort()).toEqual(written.sort());
    });

    test('a gap before the expected revision is refused, and so is a look back', async () => {
      const stream = aStream();
      await expect(store.append(stream, 2, [anEvent()])).rejects.toEqual(new WrongRevision(stream, 2, 0));
      const three = [anEvent(), anEvent(), anEvent()];
      await store.append(stream, 0, three);
      await expect(store.append(stream, 4, [anEvent()])).rejects.toEqual(new WrongRevision(stream, 4, 3));
      await expect(store.append(stream, 1, [anEvent()])).rejects.toEqual(new WrongRevision(stream, 1, 3));
      expect(idsOf(await store.load(stream))).toEqual(idsOf(three));
    });

    test('an append is all or nothing', async () => {
      const stream = aStream();
      const few = [anEvent(), anEvent(), anEvent()];
      const many = [anEvent(), anEvent(), anEvent(), anEvent()];
      const outcomes = await Promise.all([
        outcomeOf(store.append(stream, 0, few)),
        outcomeOf(other.append(stream, 0, many)),
      ]);
      const won = typeof outcomes[0] === 'string' ? few : many;
      expect(outcomes.filter((outcome) => typeof outcome === 'string')).toHaveLength(1);
      expect(outcomes.find((outcome) => typeof outcome !== 'string')).toEqual(new WrongRevision(stream, 0, won.length));
      expect(idsOf(await store.load(stream))).toEqual(idsOf(won));
    });

    test('a repeat with the same ids is a success, also when the tail has grown since', async () => {
      const stream = aStream();
      const first = [anEvent(), anEvent()];
      const second = [anEvent()];
      const position = await store.append(stream, 0, first);
      expect(await other.append(stream, 0, first)).toBe(position);
      const later = await store.append(stream, 2, second);
      expect(await store.append(stream, 0, first)).toBe(position);
      expect(await other.append(stream, 2, second)).toBe(later);
      expect(idsOf(await store.load(stream))).toEqual(idsOf([...first, ...second]));
    });

    test('the same append twice at once writes once', async () => {
      const rounds = Array.from({ length: 20 }, () => ({ stream: aStream(), events: [anEvent(), anEvent()] }));
      await Promise.all(
        rounds.map(async ({ stream, events }) => {
          const asked = [store, store, other].map((each) => each.append(stream, 0, events));
          expect(new Set(await Promise.all(asked)).size).toBe(1);
          expect(idsOf(await store.load(stream))).toEqual(idsOf(events));
        }),
      );
    });

    test('a repeat with other ids is WrongRevision with the actual length', async () => {
      const stream = aStream();
      const [a, b, c] = [anEvent(), anEvent(), anEvent()];
      await store.append(stream, 0, [a, b]);
      await store.append(stream, 2, [c]);
      const refused = new WrongRevision(stream, 0, 3);
      await expect(store.append(stream, 0, [anEvent(), anEvent()])).rejects.toEqual(refused);
      await expect(store.append(stream, 0, [a, anEvent()])).rejects.toEqual(refused);
      await expect(store.append(stream, 0, [b, a])).rejects.toEqual(refused);
      await expect(store.append(stream, 0, [a, b, c, anEvent()])).rejects.toEqual(refused);
      expect(idsOf(await store.load(stream))).toEqual(idsOf([a, b, c]));
    });

    test('appends to one stream that are made together keep their order', async () => {
      const stream = aStream();
      const events = Array.from({ length: 10 }, () => anEvent());
      const positions = await Promise.all(events.map((event, i) => store.append(stream, i, [event])));
      expect(idsOf(await store.load(stream))).toEqual(idsOf(events));
      for (let i = 1; i < positions.length; i++) expect(store.before(positions[i - 1]!, positions[i]!)).toBe(true);
    });

    test('one failing append among 50 leaves the 49', async () => {
      const appends = Array.from({ length: 50 }, (_, i) => ({
        stream: aStream(),
        event: anEvent(),
        expected: i === 17 ? 3 : 0,
      }));
      const outcomes = await Promise.all(
        appends.map(({ stream, event, expected }) => outcomeOf(store.append(stream, expected, [event]))),
      );
      for (const [i, { stream, event }] of appends.entries()) {
        if (i === 17) expect(outcomes[i]).toEqual(new WrongRevision(stream, 3, 0));
        else expect(typeof outcomes[i]).toBe('string');
        expect(idsOf(await store.load(stream))).toEqual(i === 17 ? [] : [event.id]);
      }
    });

    const circular: Record<string, unknown> = {};
    circular['itself'] = circular;
    const unstorable: [string, NewEvent[]][] = [
      ['no event at all', []],
      ['NUL in a value', [anEvent({ text: 'a\0b' })]],
      ['NUL in a key, behind backslashes', [anEvent({ '\\\\\0': 1 })]],
      ['half of a surrogate pair', [anEvent({ text: 'a\ud83c' })]],
      ['the other half', [anEvent({ text: '\udf9fb' })]],
      ['NUL in the actor', [{ ...anEvent(), actor: 'token:\0' }]],
      ['half of a surrogate pair in the trace', [{ ...anEvent(), trace: '\ud83c' }]],
      ['NUL in the type', [{ ...anEvent(), type: '\0' }]],
      ['no UUID', [{ ...anEvent(), id: 'first' }]],
      ['no data', [{ ...anEvent(), data: undefined }]],
      ['a circle', [anEvent(circular)]],
      ['a bigint', [anEvent({ n: 1n })]],
      ['too many bytes', [anEvent({ text: 'x'.repeat(MAX_APPEND_BYTES) })]],
      ['too many bytes in characters of three', [anEvent({ text: '中'.repeat(MAX_APPEND_BYTES / 3) })]],
      [
        'too many bytes together',
        Array.from({ length: 10 }, () => anEvent({ text: 'x'.repeat(MAX_APPEND_BYTES / 10) })),
      ],
    ];
    test.each(unstorable)('%s is rejected, and spoils no other append', async (_, events) => {
      const neighbours = Array.from({ length: 5 }, () => ({ stream: aStream(), event: anEvent() }));
      const stream = aStream();
      const outcomes = await Promise.all([
        ...neighbours.slice(0, 3).map((each) => outcomeOf(store.append(each.stream, 0, [each.event]))),
        outcomeOf(store.append(stream, 0, events)),
        ...neighbours.slice(3).map((each) => outcomeOf(store.append(each.stream, 0, [each.event]))),
      ]);
      expect(outcomes[3]).toBeInstanceOf(RejectedEvent);
      expect(outcomes.filter((outcome) => typeof outcome === 'string')).toHaveLength(5);
      expect(await store.load(stream)).toEqual([]);
    });

    test('a stream that cannot be named is rejected', async () => {
      await expect(store.append('a\0b', 0, [anEvent()])).rejects.toBeInstanceOf(RejectedEvent);
      await expect(store.append('a\udc00', 0, [anEvent()])).rejects.toBeInstanceOf(RejectedEvent);
    });

    test('an append just within the limit is stored', async () => {
      const stream = aStream();
      const text = 'x'.repeat(MAX_APPEND_BYTES - 20);
      await store.append(stream, 0, [anEvent({ text })]);
      expect((await store.load(stream))[0]!.data).toEqual({ text });
    });

    test('data survives as it is', async () => {
      let deep: unknown = 'bottom';
      for (let depth = 0; depth < 500; depth++) deep = depth % 2 ? { deeper: deep } : [deep];
      const datas = [
        { text: 'Zoë 中文 🎟 \u{10ffff} é é', '🎪 key': true },
        { text: 'a literal \\u0000, \\\\u0000, \\ud800 and "quotes" \\ \n\r\t\b\f \u0001 \u2028 \u007f' },
        { instant: '2026-11-20T13:45:30.123456Z', offset: '2026-11-20T23:45:30.000001+10:00' },
        {
          n: [0, -0.5, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, Number.MAX_SAFE_INTEGER, 123456789012345680000, 0.1],
        },
        { order: { z: 1, a: 2, 10: 3, 2: 4 }, empty: {}, none: [], nothing: null, no: false, blank: '' },
        { deep },
        ['an', 'array'],
        'a text',
        17,
        null,
      ];
      const stream = `${aStream()}-Zoë/中 'quoted' "twice" {a,b}\\`;
      const events = datas.map((data) => anEvent(data));
      await store.append(stream, 0, events);
      const stored = await other.load(stream);
      expect(stored.map((event) => event.data)).toEqual(datas);
    });

    test('an event is told with the facts of its recording', async () => {
      const stream = aStream();
      const events: NewEvent[] = [
        { id: randomUUID(), type: 'Happened', version: 1, data: { a: 1 }, actor: 'token:3', trace: null },
        {
          id: randomUUID(),
          type: 'HappenedToo',
          version: 12,
          data: { b: 2 },
          actor: 'device:"12"\\',
          trace: '00-ab-cd-01',
        },
      ];
      const head = await store.head();
      await store.append(stream, 0, events);
      const loaded = await store.load(stream);
      const { events: followedEvents } = await followed(store, head, {
        matches: (event) => event.stream === stream,
        count: 2,
      });
      for (const [i, event] of events.entries()) {
        for (const stored of [loaded[i]!, followedEvents[i]!]) {
          expect(stored).toMatchObject({ ...event, stream, revision: i });
          expect(stored.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$/);
        }
        expect(loaded[i]!.time).toBe(followedEvents[i]!.time);
      }
    });

    test('load: nothing of a stream that does not exist, the tail from a revision, nothing beyond the end', async () => {
      const [stream, neighbour] = [aStream(), aStream()];
      const events = Array.from({ length: 5 }, () => anEvent());
      await Promise.all([store.append(stream, 0, events), store.append(neighbour, 0, [anEvent()])]);
      const asked = await Promise.all([
        other.load(aStream()),
        other.load(stream, 3),
        other.load(stream),
        other.load(stream, 5),
        other.load(stream, 99),
        other.load(stream, 3),
      ]);
      const ids = idsOf(events);
      expect(asked.map(idsOf)).toEqual([[], ids.slice(3), ids, [], [], ids.slice(3)]);
    });

    test('load: the part between two revisions', async () => {
      const stream = aStream();
      const events = Array.from({ length: 5 }, () => anEvent());
      await store.append(stream, 0, events);
      const asked = await Promise.all([
        other.load(stream, 1, 3),
        other.load(stream, 0, 5),
        other.load(stream, 3, 99),
        other.load(stream, 2, 2),
        other.load(stream, 5, 7),
        other.load(aStream(), 0, 3),
      ]);
      const ids = idsOf(events);
      expect(asked.map(idsOf)).toEqual([ids.slice(1, 3), ids, ids.slice(3), [], [], []]);
    });

    test('find: the event of a stream with an id that derives from a request, whatever else has it', async () => {
      const [stream, neighbour] = [aStream(), aStream()];
      const request = randomUUID();
      const derived = (n: number) => ({ ...anEvent({ n }), id: uuidV5(request, String(n)) });
      await store.append(stream, 0, [anEvent(), derived(0), derived(1), anEvent()]);
      // A request may write to several streams; its events have the same ids there.
      await store.append(neighbour, 0, [derived(1), derived(2)]);
      const stored = await store.load(stream);
      const asked = await Promise.all([
        other.find(stream, derived(0).id),
        other.find(stream, derived(1).id),
        other.find(neighbour, derived(1).id),
        other.find(neighbour, derived(0).id),
        other.find(stream, derived(2).id),
        other.find(aStream(), derived(0).id),
        other.find(stream, derived(0).id),
      ]);
      const [second] = await store.load(neighbour);
      expect(asked).toEqual([stored[1], stored[2], second, undefined, undefined, undefined, stored[1]]);
    });

    test('head: the start when empty, then the position of the newest event, foreign events apart', async () => {
      const fresh = await makeStore();
      try {
        const { store: empty } = fresh;
        await fresh.foreign?.();
        expect(await empty.head()).toBe(empty.start);
        const first = await empty.append(aStream(), 0, [anEvent(), anEvent()]);
        expect(await empty.head()).toBe(first);
        expect(empty.before(empty.start, first)).toBe(true);
        const second = await empty.append(aStream(), 0, [anEvent()]);
        await fresh.foreign?.();
        expect(await empty.head()).toBe(second);
        expect(empty.before(first, second)).toBe(true);
        expect(empty.before(second, first)).toBe(false);
        expect(empty.before(second, second)).toBe(false);
      } finally {
        await fresh.close();
      }
    });

    test('before: the order of commits, also where the digits grow', async () => {
      const positions = [store.start];
      const stream = aStream();
      for (let i = 0; i < 120; i++) positions.push(await store.append(stream, i, [anEvent()]));
      for (const [i, a] of positions.entries()) {
        for (const [j, b] of positions.entries()) expect(store.before(a, b)).toBe(i < j);
      }
    });

    test('follow misses nothing while several write much and little, and keeps the order of each stream', async () => {
      const writers = [store, other, (await made.another?.()) ?? store, (await made.another?.()) ?? store];
      const shared = Array.from({ length: 4 }, aStream);
      const [large, last] = [aStream(), aStream()];
      const from = await store.head();
      const following = followed(other, from, { matches: (event) => event.stream === last, count: 1 });
      let busy = true;
      // A large append gets its positions long before it commits, and small ones commit in between.
      const writeMuch = async (writer: EventStore) => {
        for (let i = 0; i < 20; i++) {
          const events = Array.from({ length: made.large ?? 400 }, () => anEvent({ text: 'x'.repeat(500) }));
          await writer.append(large, i * events.length, events);
        }
        busy = false;
      };
      const writeLittle = async (writer: EventStore, stream: string) => {
        let expected = 0;
        for (let i = 0; i < 10 || busy; i++) {
          expected += (await writer.load(stream, expected)).length;
          const outcome = await outcomeOf(writer.append(stream, expected, [anEvent(), anEvent()]));
          if (typeof outcome !== 'string') expect(outcome).toBeInstanceOf(WrongRevision);
        }
      };
      const small = writers.slice(1).flatMap((writer) => shared.map((stream) => writeLittle(writer, stream)));
      await Promise.all([writeMuch(writers[0]!), ...small]);
      await store.append(last, 0, [anEvent()]);

      const { batches } = await following;
      const seen = batches.flatMap((batch) => batch.events);
      for (const stream of [...shared, large, last]) {
        const stored = await store.load(stream);
        expect(idsOf(seen.filter((event) => event.stream === stream))).toEqual(idsOf(stored));
      }
      for (let i = 1; i < seen.length; i++) expect(store.before(seen[i - 1]!.position, seen[i]!.position)).toBe(true);
      let at = from;
      for (const batch of batches) {
        expect(store.before(at, batch.position)).toBe(true);
        for (const event of batch.events) expect(store.before(batch.position, event.position)).toBe(false);
        at = batch.position;
      }
    });

    test('follow resumes after any position', async () => {
      const from = await store.head();
      const stream = aStream();
      const inStream = (event: Recorded) => event.stream === stream;
      const events = Array.from({ length: 12 }, () => anEvent());
      for (const [i, event] of events.entries()) await store.append(stream, i, [event]);
      const { events: all } = await followed(store, from, { matches: inStream, count: 12 });
      expect(idsOf(all)).toEqual(idsOf(events));
      for (const i of [0, 4, 10]) {
        const { events: rest } = await followed(other, all[i]!.position, { matches: inStream, count: 11 - i });
        expect(idsOf(rest)).toEqual(idsOf(events.slice(i + 1)));
      }
      const { events: whole } = await followed(store, store.start, { matches: inStream, count: 12 });
      expect(idsOf(whole)).toEqual(idsOf(events));
    });

    test('follow waits for more, and is woken by the appends of others', async () => {
      const stream = aStream();
      const inStream = (event: Recorded) => event.stream === stream;
      const following = followed(store, await store.head(), { matches: inStream, count: 3 });
      const events = [anEvent(), anEvent(), anEvent()];
      for (const [i, event] of events.entries()) {
        await sleep(20);
        await other.append(stream, i, [event]);
      }
      expect(idsOf((await following).events)).toEqual(idsOf(events));
    });

    test('data that is JSON already is stored like any other, and refused like any other', async () => {
      const stream = aStream();
      const data = { name: 'Øystein "der Große" 🎪', nothing: null, path: 'C:\\u0000' };
      const encoded = (json: string) => anEvent(new EncodedData(Buffer.from(json)));
      const event = encoded(JSON.stringify(data));
      await store.append(stream, 0, [event, anEvent(data)]);
      expect((await store.load(stream)).map((each) => each.data)).toEqual([data, data]);
      for (const json of [String.raw`{"a":"\u0000"}`, String.raw`{"a":"\ud800"}`]) {
        expect(await outcomeOf(store.append(stream, 2, [encoded(json)]))).toBeInstanceOf(RejectedEvent);
      }
      expect(await store.load(stream)).toHaveLength(2);
    });

    test('follow of some types has all their events in order, and its position moves past the others', async () => {
      const stream = aStream();
      const from = await store.head();
      const events = Array.from({ length: 40 }, (_, i) => ({
        ...anEvent({ i }),
        type: i % 10 === 3 ? 'Rare' : 'Happened',
      }));
      const last = await store.append(stream, 0, events);
      const stop = new AbortController();
      const seen: Recorded[] = [];
      let reached = from;
      for await (const batch of store.follow(from, stop.signal, ['Rare'])) {
        seen.push(...batch.events.filter(({ type }) => type === 'Rare'));
        expect(store.before(reached, batch.position)).toBe(true);
        reached = batch.position;
        if (!store.before(reached, last)) stop.abort();
      }
      expect(seen.filter((event) => event.stream === stream)).toMatchObject(
        events.filter(({ type }) => type === 'Rare').map(({ id, data }) => ({ id, data })),
      );
    });

    test('an abort ends follow: before it began, while it waits, and between batches', async () => {
      const ended = async (signal: AbortSignal, from: string, then: () => void = () => undefined) => {
        let batches = 0;
        for await (const batch of store.follow(from, signal)) {
          if (batch.events.length > 0) batches++;
          then();
        }
        return batches;
      };
      await store.append(aStream(), 0, [anEvent()]);
      expect(await ended(AbortSignal.abort(), store.start)).toBe(0);

      const waiting = new AbortController();
      const waits = ended(waiting.signal, await store.head());
      await sleep(50);
      waiting.abort();
      expect(await waits).toBe(0);

      const between = new AbortController();
      expect(await ended(between.signal, store.start, () => between.abort())).toBe(1);
    });

    test('too many appends at once are StoreOverloaded, and what was refused is not written', async () => {
      const { bounded } = made;
      if (bounded === undefined) return;
      const appends = Array.from({ length: bounded + 100 }, () => ({ stream: aStream(), event: anEvent({}) }));
      const outcomes = await Promise.all(
        appends.map(({ stream, event }) => outcomeOf(store.append(stream, 0, [event]))),
      );
      const refused = appends.filter((_, i) => typeof outcomes[i] !== 'string');
      expect(refused.length).toBeGreaterThan(0);
      for (const outcome of outcomes) if (typeof outcome !== 'string') expect(outcome).toBeInstanceOf(StoreOverloaded);
      expect((await Promise.all(refused.map(({ stream }) => store.load(stream)))).flat()).toEqual([]);
      await store.append(aStream(), 0, [anEvent()]);
    });
  });
}

/** The name of a stream that no other test uses. */
export const aStream = (): string => `ticket-${randomUUID()}`;

/** An event that can be stored. */
export function anEvent(data: unknown = { n: 1 }): NewEvent {
  return { id: randomUUID(), type: 'Happened', version: 1, data, actor: 'token:1', trace: null };
}

export const idsOf = (events: readonly { id: string }[]): string[] => events.map((event) => event.id);

/** The result of an append: its position, or the error. */
export const outcomeOf = <T>(promise: Promise<T>): Promise<T | Error> => promise.catch((error: Error) => error);

/** Follows until `count` matching events have come. */
export async function followed(
  store: Pick<EventStore, 'follow'>,
  from: string,
  wanted: { matches(event: Recorded): boolean; count: number },
): Promise<{ events: Recorded[]; batches: { events: Recorded[]; position: string }[] }> {
  const stop = new AbortController();
  const events: Recorded[] = [];
  const batches: { events: Recorded[]; position: string }[] = [];
  for await (const batch of store.follow(from, stop.signal)) {
    batches.push(batch);
    events.push(...batch.events.filter((event) => wanted.matches(event)));
    if (events.length >= wanted.count) stop.abort();
  }
  return { events, batches };
}
