import { randomUUID } from 'node:crypto';
import { catalog, event } from '@gatehouse/events/define';
import type { Context } from '@gatehouse/events/contexts';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Pool } from 'pg';
import { z } from 'zod';
import {
  consumerStatus,
  resetConsumer,
  skipEvent,
  skipStuckEvent,
  stuckConsumers,
  type StuckConsumer,
} from './consumer-admin';
import { aStream, idsOf } from './contract';
import type { EventBus, Tx } from './event-bus';
import type { FeedHealth } from './feed-health';
import { until } from './history-in-test';

export type ConsumingProcess = {
  readonly bus: EventBus;
  readonly pool: Pool;
  /** The topics of its consumers' checkpoints. */
  readonly topics: readonly string[];
  /** The health reports so far. */
  readonly said: readonly FeedHealth[];
};

export type BusUnderTest = {
  /** The context whose events are published. */
  readonly topic: Context;
  /** Publishes events as their context would: into the history for the log bus, through the relay for a broker. */
  publish(events: readonly Envelope[]): Promise<void>;
  /** Bus and database of a further consuming process. */
  consumer(): Promise<ConsumingProcess>;
  close(): Promise<void>;
};

/** The contract of every event bus: one suite for all adapters. */
export function eventBusContract(name: string, makeBus: () => Promise<BusUnderTest>): void {
  describe(`the event bus contract: ${name}`, () => {
    let made: BusUnderTest;
    let pool: Pool;
    let running: { stop: AbortController; ended: Promise<void> }[] = [];

    beforeAll(async () => {
      made = await makeBus();
      ({ pool } = await made.consumer());
      await pool.query(
        `create table effects (n bigint generated always as identity, group_name text, id uuid, stream text, revision integer)`,
      );
    });
    afterEach(async () => {
      for (const { stop } of running) stop.abort();
      for (const { ended } of running) await ended;
      running = [];
    });
    afterAll(() => made.close());

    type Handle = (tx: Tx, batch: readonly Envelope[], from: Context) => Promise<void>;

    /** A process of the group, which runs until the test ends or stops it. */
    async function process(group: string, handle: Handle): Promise<{ stop: AbortController; ended: Promise<void> }> {
      const { bus } = await made.consumer();
      const stop = new AbortController();
      const started = { stop, ended: bus.consume(group, [made.topic], handle, { signal: stop.signal }) };
      running.push(started);
      return started;
    }

    /** A process of the group, with its effects and health. */
    async function consuming(group: string, handle: Handle) {
      const { bus, pool: theirs, topics, said } = await made.consumer();
      const stop = new AbortController();
      const started = { stop, ended: bus.consume(group, [made.topic], handle, { signal: stop.signal }) };
      running.push(started);
      return { started, pool: theirs, topics, said };
    }

    /** Applies all events but one, at which PostgreSQL raises an error. */
    const poisonable = (group: string, poison: Envelope) =>
      consuming(group, async (tx, batch) => {
        await applyTo(group)(tx, batch);
        if (batch.some((each) => each.id === poison.id)) await tx.query('select 1/0');
      });

    /** Waits until the group is stuck; returns where. */
    async function untilStuck(group: string): Promise<StuckConsumer> {
      const { pool: theirs, topics } = await made.consumer();
      let found: StuckConsumer | undefined;
      await until(async () => {
        found = stuckConsumers(await consumerStatus(theirs, topics)).find((each) => each.name === group);
        return found !== undefined;
      });
      return found!;
    }

    const applyTo =
      (group: string) =>
      async (tx: Tx, batch: readonly Envelope[]): Promise<void> => {
        for (const { id, stream, revision } of batch) {
          await tx.query('insert into effects (group_name, id, stream, revision) values ($1, $2, $3, $4)', [
            group,
            id,
            stream,
            revision,
          ]);
        }
      };

    async function effectsOf(group: string): Promise<{ id: string; stream: string; revision: number }[]> {
      const { rows } = await pool.query<{ id: string; stream: string; revision: number }>(
        'select id, stream, revision from effects where group_name = $1 order by n',
        [group],
      );
      return rows;
    }

    /** The effects in these streams, as soon as all events have one. */
    async function appliedTo(group: string, events: readonly Envelope[]): Promise<{ id: string; revision: number }[]> {
      const ours = new Set(events.map((each) => each.stream));
      const effects = async () => (await effectsOf(group)).filter((effect) => ours.has(effect.stream));
      await until(async () => (await effects()).length >= events.length);
      return effects();
    }

    const inOrder = (effects: readonly { stream?: string; revision: number }[], stream: string) =>
      effects.filter((effect) => effect.stream === stream).map((effect) => effect.revision);

    test('every event reaches each group, in the order of its stream', async () => {
      const streams = [aStream(), aStream(), aStream()];
      const events = Array.from({ length: 20 }, (_, revision) =>
        streams.map((stream) => anEnvelope(stream, revision)),
      ).flat();
      const [one, two] = [aGroup(), aGroup()];
      await process(one, applyTo(one));
      await made.publish(events.slice(0, 30));
      await process(two, applyTo(two));
      await made.publish(events.slice(30));
      for (const group of [one, two]) {
        const effects = await appliedTo(group, events);
        expect(idsOf(effects).sort()).toEqual(idsOf(events).sort());
        for (const stream of streams) expect(inOrder(effects, stream)).toEqual(Array.from({ length: 20 }, (_, i) => i));
      }
    });

    test('a batch comes with the context whose events it holds', async () => {
      const group = aGroup();
      const from = new Set<Context>();
      await process(group, async (tx, batch, context) => {
        from.add(context);
        await applyTo(group)(tx, batch);
      });
      const events = [anEnvelope(aStream(), 0), anEnvelope(aStream(), 0)];
      await made.publish(events);
      await appliedTo(group, events);
      expect([...from]).toEqual([made.topic]);
    });

    test('an event arrives as it was recorded', async () => {
      const sent = { ...anEnvelope(aStream(), 0, { n: 1, text: 'Zoë 🎟 \\u0000' }), trace: '00-ab-cd-01' };
      const group = aGroup();
      const seen: Envelope[] = [];
      await process(group, (_, batch) => {
        seen.push(...batch);
        return Promise.resolve();
      });
      await made.publish([sent]);
      await until(() => seen.some((each) => each.id === sent.id));
      const { time, ...facts } = sent;
      const arrived = seen.find((each) => each.id === sent.id)!;
      expect(arrived).toMatchObject(facts);
      expect(Number.isNaN(Date.parse(arrived.time))).toBe(Number.isNaN(Date.parse(time)));
    });

    test('effect and checkpoint are one: what fails half-way leaves nothing, and is applied once in the end', async () => {
      const stream = aStream();
      const events = Array.from({ length: 12 }, (_, revision) => anEnvelope(stream, revision));
      const group = aGroup();
      let failures = 0;
      await process(group, async (tx, batch) => {
        await applyTo(group)(tx, batch);
        const fails = batch.some((each) => each.stream === stream && each.revision === 7) && failures < 3;
        if (!fails) return;
        failures++;
        throw new Error('after the effect');
      });
      await made.publish(events);
      const effects = await appliedTo(group, events);
      expect(failures).toBe(3);
      expect(idsOf(effects)).toEqual(idsOf(events));
    });

    test('a consumer that is replaced in the middle of a batch: the next one goes on, each effect is there once', async () => {
      const stream = aStream();
      const events = Array.from({ length: 10 }, (_, revision) => anEnvelope(stream, revision));
      const group = aGroup();
      let backend: number | undefined;
      let release: () => void = () => undefined;
      const blocked = new Promise<void>((resolve) => (release = resolve));
      const first = await process(group, async (tx, batch) => {
        await applyTo(group)(tx, batch);
        if (!batch.some((each) => each.stream === stream && each.revision >= 4)) return;
        const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
        backend = rows[0]!.pid;
        await blocked;
      });
      await made.publish(events.slice(0, 4));
      await appliedTo(group, events.slice(0, 4));
      await made.publish(events.slice(4));
      await until(() => backend !== undefined);
      await process(group, applyTo(group));
      first.stop.abort();
      await pool.query('select pg_terminate_backend($1)', [backend]);
      const effects = await appliedTo(group, events);
      release();
      await first.ended;
      expect(idsOf(effects)).toEqual(idsOf(events));
    });

    test('a newer version of a known event halts the group before it, until a reader that knows it comes', async () => {
      const schema = z.object({ n: z.number() });
      const old = catalog([event('Happened', schema)]);
      const current = catalog([event('Happened', schema, { upcasts: [(data) => data] })]);
      const stream = aStream();
      const events = Array.from({ length: 6 }, (_, revision) => {
        return { ...anEnvelope(stream, revision), version: revision === 3 ? 2 : 1 };
      });
      const [halting, careless] = [aGroup(), aGroup()];
      let refused = 0;
      const reading =
        (reader: typeof old | typeof current): Handle =>
        async (tx, batch) => {
          await applyTo(halting)(tx, batch);
          try {
            for (const each of batch) reader.read(each);
          } catch (error) {
            refused++;
            throw error;
          }
        };
      const first = await process(halting, reading(old));
      await process(careless, applyTo(careless));
      await made.publish(events);
      await appliedTo(careless, events);
      await appliedTo(halting, events.slice(0, 3));
      const sofar = refused;
      await until(() => refused > sofar + 1);
      expect(idsOf((await effectsOf(halting)).filter((effect) => effect.stream === stream))).toEqual(
        idsOf(events.slice(0, 3)),
      );
      first.stop.abort();
      await first.ended;
      await process(halting, reading(current));
      expect(idsOf(await appliedTo(halting, events))).toEqual(idsOf(events));
    });

    test('a poison event: all before it is applied, what it is can be asked, and a recorded command passes over it', async () => {
      const stream = aStream();
      const events = Array.from({ length: 9 }, (_, revision) =>
        anEnvelope(stream, revision, { n: revision, secret: 'x' }),
      );
      const poison = events[6]!;
      const group = aGroup();
      const { started, pool: theirs, topics } = await poisonable(group, poison);
      await made.publish(events);
      const stuck = await untilStuck(group);
      const { id, type, version, revision } = poison;
      expect(stuck).toMatchObject({
        name: group,
        stuck: { event: { id, type, version, stream, revision, code: '22012' }, error: 'the database answered 22012' },
      });
      expect(JSON.stringify(stuck)).not.toContain('secret');
      expect(idsOf((await effectsOf(group)).filter((each) => each.stream === stream))).toEqual(
        idsOf(events.slice(0, 6)),
      );
      const shown = (await consumerStatus(theirs, topics)).filter((each) => each.name === group && each.stuck !== null);
      expect(shown).toMatchObject([{ name: group, stuck: { event: { id } } }]);

      const { topic, partition } = stuck;
      expect(await skipStuckEvent(theirs, { name: group, topic, partition, reason: 'a test' })).toBe(
        stuck.stuck.position,
      );
      const others = events.filter((each) => each !== poison);
      expect(idsOf(await appliedTo(group, others))).toEqual(idsOf(others));
      expect(await skipStuckEvent(theirs, { name: group, topic, partition, reason: 'a test' })).toBeNull();
      const skipped = await theirs.query("select event ->> 'id' as id, reason from skipped_events where name = $1", [
        group,
      ]);
      expect(skipped.rows).toEqual([{ id, reason: 'a test' }]);

      // Not applied after a reset either, nor by the next process.
      started.stop.abort();
      await started.ended;
      await resetConsumer(theirs, { name: group, topic });
      await poisonable(group, poison);
      await until(async () => (await effectsOf(group)).filter((each) => each.stream === stream).length === 16);
      expect(idsOf(await effectsOf(group))).not.toContain(id);
    });

    test('an event that was told to be skipped beforehand is never applied', async () => {
      const stream = aStream();
      const events = Array.from({ length: 3 }, (_, revision) => anEnvelope(stream, revision));
      const group = aGroup();
      const { pool: theirs, topics } = await poisonable(group, events[1]!);
      const skip = { name: group, topic: topics[0]!, id: events[1]!.id, reason: 'a test' };
      expect(await skipEvent(theirs, skip)).toBe(true);
      expect(await skipEvent(theirs, skip)).toBe(false);
      await made.publish(events);
      expect(idsOf(await appliedTo(group, [events[0]!, events[2]!]))).toEqual([events[0]!.id, events[2]!.id]);
    });

    test('what passes is no poison: it is tried again until it is applied', async () => {
      const stream = aStream();
      const events = Array.from({ length: 5 }, (_, revision) => anEnvelope(stream, revision));
      // A deadlock, an unavailable lock, a cancelled statement, no free connection: each in a group of its own.
      const groups = await Promise.all(
        ['40P01', '55P03', '57014', '53300'].map(async (code) => {
          const group = aGroup();
          const seen = { failures: 0, wasStuck: false };
          const {
            pool: theirs,
            topics,
            said,
          } = await consuming(group, async (tx, batch) => {
            if (batch.some((each) => each.id === events[2]!.id) && seen.failures++ < 4) {
              await tx.query(`do $$ begin raise exception 'in the way' using errcode = '${code}'; end $$`);
            }
            await applyTo(group)(tx, batch);
          });
          const looking = setInterval(() => {
            void consumerStatus(theirs, topics).then(
              (found) => (seen.wasStuck ||= stuckConsumers(found).some((each) => each.name === group)),
              () => undefined,
            );
          }, 20);
          return { group, seen, said, looking };
        }),
      );
      await made.publish(events);
      for (const { group, seen, said, looking } of groups) {
        expect(idsOf(await appliedTo(group, events))).toEqual(idsOf(events));
        clearInterval(looking);
        expect(seen).toEqual({ failures: 5, wasStuck: false });
        expect(said.filter((each) => each.name === group && each.poison !== undefined)).toEqual([]);
      }
    });

    test('several processes of one group share the work, and each effect is there once', async () => {
      const streams = Array.from({ length: 5 }, aStream);
      const group = aGroup();
      const events = Array.from({ length: 30 }, (_, revision) =>
        streams.map((stream) => anEnvelope(stream, revision)),
      ).flat();
      await Promise.all([
        process(group, applyTo(group)),
        process(group, applyTo(group)),
        process(group, applyTo(group)),
      ]);
      for (let i = 0; i < events.length; i += 15) await made.publish(events.slice(i, i + 15));
      const effects = await appliedTo(group, events);
      expect(idsOf(effects).sort()).toEqual(idsOf(events).sort());
      for (const stream of streams) expect(inOrder(effects, stream)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    });

    test('an abort ends consuming', async () => {
      const group = aGroup();
      const early = await process(group, applyTo(group));
      early.stop.abort();
      await early.ended;
      const later = await process(group, applyTo(group));
      const sent = [anEnvelope(aStream(), 0)];
      await made.publish(sent);
      await appliedTo(group, sent);
      later.stop.abort();
      await later.ended;
    });
  });
}

const aGroup = (): string => `group-${randomUUID()}`;

const anEnvelope = (stream: string, revision: number, data: unknown = { n: revision }): Envelope => ({
  id: randomUUID(),
  type: 'Happened',
  version: 1,
  data,
  stream,
  revision,
  time: '2026-11-20T13:45:30.123456Z',
  actor: 'token:1',
  trace: null,
});
