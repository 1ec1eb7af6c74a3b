import type { Context } from '@gatehouse/events/contexts';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Admin, Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import type { Pool } from 'pg';
import { eventOf } from './cloud-events';
import type { Tx } from './event-bus';
import { disconnected, RETRY } from './kafka-client';
import type { Lag } from './lag';
import { factsOf, forgetStuck, PoisonEvent, rememberStuck, skippedBy, type Skipped } from './poison';
import { inTransaction, isPassing, waker } from './postgres';
import { reasonOf, type EventFacts, type FeedHealth } from './feed-health';
import { mendingOf, sameGeneration, WrongGeneration } from './topic-generation';
import { spanOver, traceparentIn } from './tracing';
import { settledWithin } from './within';

export type ConsumerGroup = {
  readonly kafka: Kafka;
  ask<T>(question: (admin: Admin) => Promise<T>): Promise<T>;
  readonly pool: Pool;
  readonly schema: string;
  /** Names the checkpoints. */
  readonly group: string;
  readonly groupId: string;
  /** A member that sends no heartbeat for so long is removed from the group. */
  readonly sessionMs: number;
  /** The contexts by the names of their topics. */
  readonly topics: ReadonlyMap<string, Context>;
  handle(tx: Tx, batch: readonly Envelope[], from: Context): Promise<void>;
  onHealth(health: FeedHealth): void;
  readonly lags: Set<() => Lag[]>;
};

const LONGEST_PAUSE_MS = 5_000;
/** After a session of this length the back-off starts again from its first pause. */
const GOOD_SESSION_MS = 10_000;
/** Limits how long a stop waits for a fetch without messages. */
const FETCH_WAIT_MS = 500;
const HEARTBEAT_MS = 2_000;
/** Interval at which offsets are committed to Kafka (for display) and checkpoints are checked for a reset by a command. */
const LOOK_MS = 2_000;
/** kafkajs sometimes hangs without an error: after this time without a fetch or heartbeat the session is restarted. */
const SILENCE_MS = 90_000;

/**
 * Consumes until aborted. kafkajs's own restarts are off: after a crash, a deleted topic or a database failure a new
 * consumer is created, with back-off.
 */
export async function consumeTopics(group: ConsumerGroup, signal: AbortSignal): Promise<void> {
  const health = healthReporter(group);
  const pause = waker();
  let failures = 0;
  health.all('starting');
  while (!signal.aborted) {
    const begunMs = Date.now();
    try {
      await runSession(group, { health, signal });
    } catch (error) {
      if (signal.aborted) return;
      failures = Date.now() - begunMs > GOOD_SESSION_MS ? 1 : failures + 1;
      health.all('failing', reasonOf(error));
      await pause.next(signal, Math.min(100 * 2 ** failures, LONGEST_PAUSE_MS));
    }
  }
}

type HealthReporter = {
  all(state: FeedHealth['state'], error?: string): void;
  /** `error` null: the partition works. `poison`: the event at which it is stuck, if that is why it fails. */
  partition(place: Place, error: string | null, poison?: EventFacts): void;
  /** The partitions assigned now; the state of all others is dropped. */
  assigned(places: readonly Place[]): void;
};

type Place = { readonly topic: string; readonly partition: number };
const keyOf = ({ topic, partition }: Place): string => `${topic} ${partition}`;

/** Reports each change of state once per topic, and each failure. A topic is failing while one of its partitions is stuck. */
function healthReporter({ group, topics, onHealth }: ConsumerGroup): HealthReporter {
  const last = new Map<string, string>();
  const stuck = new Map<string, { place: Place; error: string; poison?: EventFacts }>();
  let running = new Set<string>();
  const report = (topic: string, state: FeedHealth['state'], error: string | null, poison?: EventFacts) => {
    if (last.get(topic) === state && state !== 'failing') return;
    last.set(topic, state);
    onHealth({ name: group, topic: topics.get(topic)!, state, error, ...(poison === undefined ? {} : { poison }) });
  };
  const sum = (topic: string) => {
    const [first] = [...stuck.values()].filter((each) => each.place.topic === topic);
    if (first) report(topic, 'failing', first.error, first.poison);
    else report(topic, running.has(topic) ? 'running' : 'standby', null);
  };
  return {
    all(state, error) {
      stuck.clear();
      for (const topic of topics.keys()) report(topic, state, error ?? null);
    },
    partition(place, error, poison) {
      if (error === null) stuck.delete(keyOf(place));
      else stuck.set(keyOf(place), { place, error, ...(poison === undefined ? {} : { poison }) });
      sum(place.topic);
    },
    assigned(places) {
      const keys = new Set(places.map(keyOf));
      for (const key of stuck.keys()) if (!keys.has(key)) stuck.delete(key);
      running = new Set(places.map((place) => place.topic));
      for (const topic of topics.keys()) sum(topic);
    },
  };
}

/** A partition that is assigned to us. */
type Owned = Place & {
  /** Everything before this offset is applied, as far as this process knows; the checkpoint row decides. */
  at: bigint;
  failures: number;
  /**
   * Where the last attempt stopped. One failure may be caused by the connection; a second one at the same event makes it a
   * poison event.
   */
  stopped?: string | undefined;
  oldest: number | null;
};

/** Runs one kafkajs consumer. Returns when aborted, throws when the consumer must be replaced. */
async function runSession(
  group: ConsumerGroup,
  { health, signal }: { health: HealthReporter; signal: AbortSignal },
): Promise<void> {
  const { kafka, groupId, topics, pool } = group;
  /** The skipped events, read at each assignment together with the checkpoints. */
  let skipped: Skipped | undefined;
  const consumer = kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    sessionTimeout: group.sessionMs,
    rebalanceTimeout: 60_000,
    heartbeatInterval: HEARTBEAT_MS,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    retry: { ...RETRY, restartOnFailure: () => Promise.resolve(false) },
  });
  let owned = new Map<string, Owned>();
  let placing: Promise<void> = Promise.resolve();
  let working: Promise<void> = Promise.resolve();
  let lastSignalMs = Date.now();
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined);
  const resumes = new Set<NodeJS.Timeout>();

  /** Seeks to the checkpoints: Kafka's own offsets are for display only. */
  async function place(assignment: Readonly<Record<string, readonly number[]>>): Promise<void> {
    const places = Object.entries(assignment).flatMap(([topic, partitions]) =>
      partitions.map((partition): Place => ({ topic, partition })),
    );
    owned = new Map();
    skipped = await skippedBy(pool, group.group);
    const positions = await startingPoints(group, places);
    owned = new Map(positions.map((each) => [keyOf(each), { ...each, failures: 0, oldest: null }]));
    for (const { topic, partition, at } of owned.values()) consumer.seek({ topic, partition, offset: String(at) });
    health.assigned(places);
  }

  async function work(payload: EachBatchPayload): Promise<void> {
    const { batch, resolveOffset, heartbeat, isRunning, isStale } = payload;
    await placing;
    const mine = owned.get(keyOf(batch));
    if (!mine || !skipped || !isRunning() || isStale()) return;
    const seekTo = (at: bigint) => {
      mine.at = at;
      consumer.seek({ topic: mine.topic, partition: mine.partition, offset: String(at) });
    };
    const { fetchedOffset } = batch as unknown as { fetchedOffset: string };
    if (BigInt(fetchedOffset) !== mine.at) {
      // kafkajs jumps to the first available offset when ours is out of range. It also skips transaction markers.
      const [now] = await startingPoints(group, [mine]);
      if (BigInt(fetchedOffset) < now!.at) return seekTo(now!.at);
    }
    mine.oldest = Number(batch.messages[0]!.timestamp);
    const beating = keepBeating(heartbeat);
    try {
      const next = BigInt(batch.lastOffset()) + 1n;
      const outcome = await applyBatch(group, { place: mine, at: mine.at, next, skipped }, batch.messages);
      if (outcome.kind === 'set back') return seekTo(outcome.at);
      mine.at = outcome.at;
      if (outcome.kind === 'applied') {
        resolveOffset(batch.lastOffset());
        mine.oldest = BigInt(batch.highWatermark) <= next ? null : mine.oldest;
        if (mine.failures > 0) await forgetStuck(pool, { ...mine, name: group.group });
        mine.failures = 0;
        mine.stopped = undefined;
        health.partition(mine, null);
      } else {
        if (outcome.at > BigInt(fetchedOffset)) resolveOffset(String(outcome.at - 1n));
        await pausePartition(payload, mine, outcome);
      }
    } finally {
      beating.stop();
    }
    beating.throwIfFailed();
  }

  /** Pauses this partition only, with everything before the event applied, and retries after growing pauses. */
  async function pausePartition(
    { pause }: EachBatchPayload,
    mine: Owned,
    { at, error, poison }: Stopped,
  ): Promise<void> {
    mine.failures++;
    const isAgain = poison !== undefined && mine.stopped === poison.position;
    mine.stopped = poison?.position;
    if (poison) skipped = await skippedBy(pool, group.group).catch(() => skipped);
    if (poison && isAgain) {
      const next = String(BigInt(poison.position) + 1n);
      await rememberStuck(pool, { ...mine, name: group.group }, { poison, checkpoint: String(at), next });
    }
    health.partition(mine, reasonOf(error), isAgain ? poison.event : undefined);
    const resume = pause();
    const timer = setTimeout(
      () => {
        resumes.delete(timer);
        resume();
      },
      Math.min(100 * 2 ** mine.failures, LONGEST_PAUSE_MS),
    );
    resumes.add(timer);
  }

  const poll = setInterval(() => {
    if (Date.now() - lastSignalMs > SILENCE_MS) fail(new Error('the Kafka client stands still'));
    void showOffsets(consumer, [...owned.values()]);
    void setBack(group, [...owned.values()]).then(
      (places) => {
        for (const { topic, partition, at } of places) {
          const mine = owned.get(keyOf({ topic, partition }));
          if (!mine || mine.at <= at) continue;
          mine.at = at;
          consumer.seek({ topic, partition, offset: String(at) });
        }
      },
      () => undefined,
    );
  }, LOOK_MS);
  const lag = () =>
    [...owned.values()].map(({ topic, oldest }): Lag => ({
      kind: 'consumer',
      name: group.group,
      topic: topics.get(topic)!,
      oldestMs: oldest,
    }));
  group.lags.add(lag);
  const stopped = onAbort(signal);
  const { GROUP_JOIN, CRASH, FETCH, HEARTBEAT } = consumer.events;
  const onSignal = () => void (lastSignalMs = Date.now());
  consumer.on(FETCH, onSignal);
  consumer.on(HEARTBEAT, onSignal);
  consumer.on(CRASH, ({ payload }) => fail(payload.error));
  consumer.on(GROUP_JOIN, ({ payload }) => {
    onSignal();
    placing = place(payload.memberAssignment);
    placing.catch(fail);
  });
  try {
    // Before joining, so that a missing topic is reported with our own message.
    await startingPoints(group, []);
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics.keys()], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => {
        if (!signal.aborted) {
          working = work(payload);
          working.catch((error: Error) => {
            // kafkajs handles its own errors, such as a rebalance.
            if (!error.name.startsWith('KafkaJS')) fail(error);
          });
          // A slow handler must not delay leaving the group; the checkpoint's row lock fences off its transaction.
          const leaving = onAbort(signal);
          await Promise.race([working, leaving.promise]).finally(leaving.forget);
        }
        // Otherwise kafkajs fetches the batch again at once, and this process applies it while it leaves.
        if (signal.aborted) payload.pause();
      },
    });
    await Promise.race([failed, stopped.promise]);
  } finally {
    stopped.forget();
    clearInterval(poll);
    for (const timer of resumes) clearTimeout(timer);
    group.lags.delete(lag);
    if (signal.aborted) await settledWithin(1_000, showOffsets(consumer, [...owned.values()]));
    await disconnected(consumer);
    await working.catch(() => undefined);
  }
}

/** A promise that resolves when aborted; `forget` removes the listener. */
function onAbort(signal: AbortSignal): { promise: Promise<void>; forget(): void } {
  let onAborted: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => (onAborted = resolve));
  if (signal.aborted) onAborted();
  signal.addEventListener('abort', onAborted);
  return { promise, forget: () => signal.removeEventListener('abort', onAborted) };
}

/** Sends heartbeats while a batch is applied; a failed one is thrown at the end of the batch. */
function keepBeating(heartbeat: () => Promise<void>): { stop(): void; throwIfFailed(): void } {
  let failure: Error | undefined;
  const timer = setInterval(() => {
    heartbeat().catch((error: Error) => (failure = error));
  }, HEARTBEAT_MS);
  return {
    stop: () => clearInterval(timer),
    throwIfFailed() {
      if (failure) throw failure;
    },
  };
}

/**
 * The starting offset of each partition. Throws WrongGeneration when a topic is not the one to which the checkpoints
 * belong.
 */
async function startingPoints(
  { ask, pool, group, topics }: ConsumerGroup,
  places: readonly Place[],
): Promise<(Place & { at: bigint })[]> {
  const bounds = new Map<string, { low: bigint; end: bigint }>();
  for (const topic of topics.keys()) {
    const { lows, ends } = await ask((admin) => sameGeneration(pool, admin, { name: group, topic }));
    ends.forEach((end, partition) => bounds.set(keyOf({ topic, partition }), { low: lows[partition]!, end }));
  }
  if (places.length === 0) return [];
  const keys = [places.map((each) => each.topic), places.map((each) => each.partition)];
  await pool.query(
    `insert into checkpoints (name, topic, partition, position)
     select $1, topic, partition, '0' from unnest($2::text[], $3::integer[]) as assigned(topic, partition)
     on conflict do nothing`,
    [group, ...keys],
  );
  const { rows } = await pool.query<Place & { position: string }>(
    `select topic, partition, position from checkpoints
     where name = $1 and (topic, partition) in (select * from unnest($2::text[], $3::integer[]))`,
    [group, ...keys],
  );
  return rows.map(({ topic, partition, position }) => {
    const at = BigInt(position);
    const bound = bounds.get(keyOf({ topic, partition }));
    if (!bound || at < bound.low || at > bound.end) {
      const about = `Partition ${partition} of ${topic} does not hold what follows offset ${position}.`;
      throw new WrongGeneration(`${about} ${mendingOf({ name: group, topic })}`);
    }
    return { topic, partition, at };
  });
}

/** The checkpoints that a command has set back. */
async function setBack({ pool, group }: ConsumerGroup, owned: readonly Owned[]): Promise<(Place & { at: bigint })[]> {
  if (owned.length === 0) return [];
  const { rows } = await pool.query<Place & { position: string }>({
    name: 'checkpoints_set_back',
    text: `select topic, partition, position from checkpoints c
           join unnest($2::text[], $3::integer[], $4::bigint[]) as owned(topic, partition, at) using (topic, partition)
           where c.name = $1 and c.position::bigint < owned.at`,
    values: [
      group,
      owned.map((each) => each.topic),
      owned.map((each) => each.partition),
      owned.map((each) => String(each.at)),
    ],
  });
  return rows.map(({ topic, partition, position }) => ({ topic, partition, at: BigInt(position) }));
}

/** Commits offsets to Kafka for display only: Kafka's tools show them as the group's lag. */
async function showOffsets(consumer: Consumer, owned: readonly Owned[]): Promise<void> {
  if (owned.length === 0) return;
  const offsets = owned.map(({ topic, partition, at }) => ({ topic, partition, offset: String(at) }));
  await consumer.commitOffsets(offsets).catch(() => undefined);
}

type Span = { readonly place: Place; readonly at: bigint; readonly next: bigint; readonly skipped: Skipped };
/**
 * Everything before `at` is applied, and the next event failed: with `poison` because of the event, otherwise by a
 * transient error.
 */
type Stopped = {
  readonly kind: 'stopped';
  readonly at: bigint;
  readonly error: unknown;
  readonly poison?: PoisonEvent;
};
type Outcome =
  { readonly kind: 'applied'; readonly at: bigint } | Stopped | { readonly kind: 'set back'; readonly at: bigint };

/** If the batch fails, its events are applied one by one up to the one that fails. */
async function applyBatch(
  group: ConsumerGroup,
  { place, at, next, skipped }: Span,
  messages: readonly KafkaMessage[],
): Promise<Outcome> {
  try {
    return await applyAtOnce(group, { place, at, next, skipped }, messages);
  } catch (error) {
    if (isPassing(error)) return { kind: 'stopped', at, error };
  }
  let reached = at;
  for (const [i, message] of messages.entries()) {
    const after = i === messages.length - 1 ? next : BigInt(message.offset) + 1n;
    try {
      const outcome = await applyAtOnce(group, { place, at: reached, next: after, skipped }, [message]);
      if (outcome.kind !== 'applied') return outcome;
      reached = outcome.at;
    } catch (error) {
      if (isPassing(error)) return { kind: 'stopped', at: reached, error };
      const poison = new PoisonEvent(factsIn(message), message.offset, error);
      return { kind: 'stopped', at: reached, error, poison };
    }
  }
  return { kind: 'applied', at: reached };
}

function applyAtOnce(
  { pool, schema, group, topics, handle }: ConsumerGroup,
  { place: { topic, partition }, at, next, skipped }: Span,
  messages: readonly KafkaMessage[],
): Promise<Outcome> {
  return inTransaction(pool, async (tx): Promise<Outcome> => {
    // The row's lock fences off the owner from before a rebalance: its transaction fails here.
    const { rows } = await tx.query<{ position: string }>({
      name: 'lock_partition',
      text: 'select position from checkpoints where name = $1 and topic = $2 and partition = $3 for update',
      values: [group, topic, partition],
    });
    const applied = BigInt(rows[0]?.position ?? 0);
    if (applied < at) return { kind: 'set back', at: applied };
    const fresh = messages.filter((message) => BigInt(message.offset) >= applied);
    const isSkipped = ({ offset }: KafkaMessage) => skipped.hasPlace({ topic, partition, position: offset });
    const read = fresh
      .filter((message) => !isSkipped(message))
      .map((message) => ({ event: eventOf(message.value), message }))
      .filter(({ event }) => !skipped.has(event));
    if (read.length > 0) {
      const traces = read.map(({ message }) => traceOf(message));
      const events = read.map(({ event }) => event);
      await spanOver(`process ${schema}.${group}`, traces, () => handle(tx, events, topics.get(topic)!));
    }
    if (next <= applied) return { kind: 'applied', at: applied };
    await tx.query({
      name: 'move_partition',
      text: `with moved as (update checkpoints set position = $4 where name = $1 and topic = $2 and partition = $3)
             select tell($5)`,
      values: [group, topic, partition, String(next), `${schema}.${group}`],
    });
    return { kind: 'applied', at: next };
  });
}

/** The publisher's span if there is one, else the request's. */
function traceOf({ headers, value }: KafkaMessage): string | null {
  return traceparentIn(headers?.['traceparent']?.toString()) ?? eventOf(value).trace;
}

/** The event of a message; null when it is no event. */
function factsIn({ value }: KafkaMessage): EventFacts {
  try {
    return factsOf(eventOf(value));
  } catch {
    return null;
  }
}
