import { setTimeout as sleep } from 'node:timers/promises';
import {
  BACKWARDS,
  END,
  EventStoreDBClient,
  isCommandError,
  jsonEvent,
  NO_STREAM,
  START,
  streamNameFilter,
  WrongExpectedVersionError,
  type AllStreamResolvedEvent,
  type CommandError,
  type ResolvedEvent,
  type StreamingRead,
} from '@eventstore/db-client';
import type { NewEvent, Recorded } from '@gatehouse/events/envelope';
import { bounded } from './bounded';
import { coalesce } from './coalesce';
import { RejectedEvent, StoreUnavailable, WrongRevision, type ContextStore, type Position } from './event-store';
import { waker } from './postgres';
import { EncodedData, storable } from './storable';
import { within } from './within';

type Json = Record<string, unknown>;

type Batch = { events: Recorded[]; position: Position };

type Subscribed = { readonly position: Position; readonly prefixes: string[]; onLive(): void };

type Append = { stream: string; expected: number; events: readonly NewEvent[]; bytes: number; time: string };

/** The metadata of our events in EventStoreDB. */
type Metadata = { version: number; time: string; actor: string; trace: string | null };

/** Time limit for a reply or a step of a read: on a network that drops packets callers must not wait for ever. */
const ANSWER_MS = 5_000;
/** A turn of the event loop in a process under load. */
const TURN_MS = 20;
/** How long a call is retried: a short restart of the server causes no error. */
const PATIENCE_MS = 4_000;
/** The server allows 100 streams on a connection (Kestrel's default); subscriptions need some of them. */
const APPENDS_AT_ONCE = 50;
const READS_AT_ONCE = 30;
const WAITING = 20_000;
/** Most events buffered by a follower before the server must wait. */
const FOLLOW_BATCH = 1_000;
/** The server reports its progress every 32 times this many events; each report is a transaction of every consumer. */
const CHECKPOINT_WINDOWS = 32;
const FOLLOW_PATIENCE_MS = 5_000;
const LONGEST_PAUSE_MS = 1_000;
const MANY = 500;
/** How many events from a stream's end are searched for an id, in pages: the server has no index of ids. */
export const FIND_WITHIN = 4_096;
const FIND_PAGE = 256;
const HEAD_PAGE = 32;
const HEAD_LARGEST_PAGE = 2_048;
const MEGABYTE = 1_000_000;

/**
 * A client for `esdbStore`; several stores may share it. `url` has the client's format:
 * `esdb://[user:password@]host:2113?tls=…`. The caller disposes of it.
 */
export function esdbClient(url: string): EventStoreDBClient {
  const client = EventStoreDBClient.connectionString(url);
  // Each append is a separate call with a deadline. The batch stream that the client would prefer keeps the promises of all
  // clients in one map: when one stream breaks, replies on another find no promise, which ends the process.
  Object.defineProperty(client, 'supports', { value: () => Promise.resolve(false) });
  return client;
}

/**
 * The event store on EventStoreDB (22.6 or later: earlier versions do not return positions when a stream is read). A
 * context's streams are `<context>.<stream>`. The server has no group commit: appends to different streams run in parallel.
 */
export function esdbStore(options: {
  client: EventStoreDBClient;
  context: string;
  /** Most appends that may wait; further ones are rejected with StoreOverloaded. */
  waiting?: number;
  /** Time limit for one reply, and how long calls are retried. */
  answerMs?: number;
  patienceMs?: number;
}): ContextStore {
  const { client, context, waiting = WAITING, answerMs = ANSWER_MS, patienceMs = PATIENCE_MS } = options;
  const prefix = `${context}.`;
  /** The newest known event of this context, and the position from which on $all has been searched. */
  let knownHead: { head: Position; stream: string | null; seen: Position } = {
    head: BEGINNING,
    stream: null,
    seen: BEGINNING,
  };

  const appends = bounded<Append, Position>(append, {
    parallel: APPENDS_AT_ONCE,
    waiting,
    size: { of: ({ bytes }) => bytes, waiting: 64 * MEGABYTE },
    key: ({ stream }) => stream,
  });
  const loads = bounded<{ stream: string; from: number; to: number }, Recorded[]>(
    ({ stream, from, to }) => patiently(() => load(stream, from, to)),
    { parallel: READS_AT_ONCE, waiting: WAITING },
  );
  const finds = bounded<{ stream: string; id: string }, Recorded | undefined>(
    ({ stream, id }) => patiently(() => find(stream, id)),
    { parallel: READS_AT_ONCE, waiting: WAITING },
  );
  const newests = bounded<string, Recorded | undefined>((stream) => patiently(() => newestOf(stream)), {
    parallel: READS_AT_ONCE,
    waiting: Infinity,
  });
  /** Requests during a read share the next one: they must not get a result that is older than the request. */
  const heads = coalesce<null, typeof knownHead>(
    async (asks) => {
      const newest = await patiently(findHead);
      return asks.map(() => newest);
    },
    { batch: Infinity, waiting: WAITING },
  );

  /**
   * After an attempt with unknown outcome the stream is searched for the append's own ids. If they are missing the append
   * is repeated; should the lost call arrive later, the server treats the second of the two as a repeat.
   */
  function append({ stream, expected, events, time }: Append): Promise<Position> {
    const written = events.map(({ id, type, version, data, actor, trace }) =>
      jsonEvent({
        id,
        type,
        data: (data instanceof EncodedData ? data.toJSON() : data) as Json,
        metadata: { version, time, actor, trace } satisfies Metadata,
      }),
    );
    const expectedRevision = expected === 0 ? NO_STREAM : BigInt(expected - 1);
    return patiently(async (again) => {
      if (again) {
        const there = await load(stream, expected);
        if (events.every((event, i) => event.id === there[i]?.id)) return there[events.length - 1]!.position;
        if (there.length > 0) throw new WrongRevision(stream, expected, expected + there.length);
      }
      try {
        // The client sends one event per turn of the event loop.
        const deadline = answerMs + events.length * TURN_MS;
        const appending = client.appendToStream(prefix + stream, written, { expectedRevision, deadline });
        const { position } = await within(deadline, appending, () => {
          throw noAnswer();
        });
        const at = positionReturned(position);
        if (before(knownHead.seen, at)) knownHead = { head: at, stream, seen: at };
        return at;
      } catch (error) {
        if (error instanceof WrongExpectedVersionError) {
          const { actualVersion } = error;
          throw new WrongRevision(stream, expected, typeof actualVersion === 'bigint' ? Number(actualVersion) + 1 : 0);
        }
        if (isUnstorable(error)) throw new RejectedEvent('the store refuses this append', { cause: error });
        throw error;
      }
    });
  }

  /** Retries while the server is away or changes its leader; a definite error is thrown at once. */
  async function patiently<T>(work: (again: boolean) => Promise<T>): Promise<T> {
    const until = Date.now() + patienceMs;
    for (let tries = 1; ; tries++) {
      try {
        return await work(tries > 1);
      } catch (error) {
        if (isCertain(error)) throw error;
        if (Date.now() >= until) throw new StoreUnavailable('the event store is away', { cause: error });
        await sleep(Math.min(25 * 2 ** tries, LONGEST_PAUSE_MS));
      }
    }
  }

  async function load(stream: string, from: number, to = Infinity): Promise<Recorded[]> {
    if (to <= from) return [];
    const events: Recorded[] = [];
    const count = to === Infinity ? {} : { maxCount: to - from };
    const read = client.readStream(prefix + stream, { fromRevision: BigInt(from), requiresLeader: true, ...count });
    await readInto(read, answerMs, (resolved) => void events.push(recorded(resolved, prefix)));
    return events;
  }

  /** Backwards, because a repeated request usually follows soon. */
  async function find(stream: string, id: string): Promise<Recorded | undefined> {
    let found: Recorded | undefined;
    let from: typeof END | bigint = END;
    for (let looked = 0; looked < FIND_WITHIN; looked += FIND_PAGE) {
      let oldest: bigint | undefined;
      const page = { direction: BACKWARDS, fromRevision: from, maxCount: FIND_PAGE, requiresLeader: true } as const;
      await readInto(client.readStream(prefix + stream, page), answerMs, (resolved) => {
        oldest = resolved.event?.revision ?? oldest;
        if (resolved.event?.id !== id) return false;
        found = recorded(resolved, prefix);
        return true;
      });
      if (found || oldest === undefined || oldest === 0n) return found;
      from = oldest - 1n;
    }
    return undefined;
  }

  async function newestOf(stream: string): Promise<Recorded | undefined> {
    let newest: Recorded | undefined;
    const from = { direction: BACKWARDS, fromRevision: END, maxCount: 1, requiresLeader: true } as const;
    await readInto(client.readStream(prefix + stream, from), answerMs, (resolved) => {
      newest = recorded(resolved, prefix);
    });
    return newest;
  }

  /**
   * Reads $all backwards to an event of this context, or to where an earlier read began: the client cannot filter a read.
   * The cost is the number of others' events since then; at the first call, since our newest event.
   */
  async function findHead(): Promise<typeof knownHead> {
    const { seen: until } = knownHead;
    let newest: Position | undefined;
    let found: { head: Position; stream: string } | undefined;
    let from: typeof END | AllPosition = END;
    let done = false;
    for (let maxCount = HEAD_PAGE; !done; maxCount = Math.min(maxCount * 4, HEAD_LARGEST_PAGE)) {
      let count = 0;
      const page = { direction: BACKWARDS, fromPosition: from, maxCount, requiresLeader: true } as const;
      await readInto(client.readAll(page), answerMs, ({ event }) => {
        count++;
        if (!event) return false;
        from = event.position;
        const at = textOf(event.position);
        newest ??= at;
        if (before(until, at) && !isOurs(event, prefix)) return false;
        if (before(until, at)) found = { head: at, stream: event.streamId.slice(prefix.length) };
        return (done = true);
      });
      // Inclusive: each page begins with the last event of the previous one.
      done ||= count < maxCount;
    }
    // An append may have recorded a newer one in the meantime.
    if (newest !== undefined && before(knownHead.seen, newest)) knownHead = { ...knownHead, ...found, seen: newest };
    return knownHead;
  }

  async function* subscribe(position: Position, prefixes: string[], signal: AbortSignal): AsyncGenerator<Batch> {
    let at = position;
    let failures = 0;
    const onLive = () => (failures = 0);
    while (!signal.aborted) {
      for await (const batch of subscription({ position: at, prefixes, onLive }, signal)) {
        at = batch.position;
        yield batch;
      }
      // A stopping server ends it with `cancelled`; the client does not subscribe again.
      await waker().next(signal, Math.min(50 * 2 ** failures++, LONGEST_PAUSE_MS));
    }
  }

  /** One live subscription, until it breaks. A batch is whatever arrived while the previous one was applied. */
  async function* subscription(from: Subscribed, signal: AbortSignal): AsyncGenerator<Batch> {
    const arrived = waker();
    let { position } = from;
    let events: Recorded[] = [];
    let at = position;
    let checkpoint = position;
    let ended = false;
    let broken: Error | undefined;
    const live = client.subscribeToAll({
      // A position is exclusive, so an event at the very beginning has no position before it.
      fromPosition: position === BEGINNING ? START : positionOf(position),
      requiresLeader: true,
      filter: streamNameFilter({
        prefixes: from.prefixes,
        checkpointInterval: CHECKPOINT_WINDOWS,
        checkpointReached(_, reached) {
          checkpoint = textOf(reached);
          arrived.wake();
          return Promise.resolve();
        },
      }),
    });
    const end = (error?: unknown) => {
      ended = true;
      // A permanent failure is reported after all events that came before it.
      if (isCertain(error)) broken ??= error as Error;
      arrived.wake();
    };
    live.on('confirmation', from.onLive).on('error', end).on('end', end).on('close', end);
    live.on('data', ({ event }: AllStreamResolvedEvent) => {
      if (!event || broken) return;
      try {
        if (isOurs(event, prefix)) events.push(recorded({ event }, prefix));
        at = textOf(event.position);
      } catch (error) {
        ended = true;
        broken = error as Error;
      }
      if (events.length >= FOLLOW_BATCH) live.pause();
      arrived.wake();
    });
    try {
      while (!signal.aborted) {
        // A checkpoint may arrive while events before it are still in the stream's buffer.
        if (!ended && live.readableLength === 0 && before(at, checkpoint)) at = checkpoint;
        if (before(position, at)) {
          const batch = { events, position: at };
          events = [];
          position = at;
          live.resume();
          yield batch;
        } else if (broken) throw broken;
        else if (ended) return;
        else await arrived.next(signal, FOLLOW_PATIENCE_MS);
      }
    } finally {
      live.unsubscribe().catch(() => undefined);
    }
  }

  async function* scan(wanted: string): AsyncGenerator<Recorded[]> {
    const { head, stream } = await heads.ask(null);
    if (stream === null) return;
    const stop = new AbortController();
    // Includes the head's own stream, so that the end is recognised.
    for await (const batch of subscribe(BEGINNING, [prefix + wanted, prefix + stream], stop.signal)) {
      yield batch.events.filter((event) => event.stream.startsWith(wanted) && !before(head, event.position));
      if (!before(batch.position, head)) stop.abort();
    }
  }

  let many: Promise<unknown> = Promise.resolve();

  return {
    context,
    start: BEGINNING,
    before,
    // Positions are offsets in the server's log.
    between: (a, b) => (before(a, b) ? Math.max(1, Number(positionOf(b).commit - positionOf(a).commit)) : 0),
    load: (stream, from = 0, to = Infinity) => loads.ask({ stream, from, to }),
    find: (stream, id) => finds.ask({ stream, id }),
    append: async (stream, expected, events) => appends.ask(prepare({ stream, expected, events })),
    /**
     * Appends to one kind of stream (`order-…`) run in parallel; kinds, and calls, keep their order, so that no order
     * overtakes its list.
     */
    async appendMany(asked) {
      const prepared = asked.map(prepare);
      const mine = many.then(async () => {
        const outcomes: (Position | WrongRevision)[] = [];
        for (const group of groupsOf(prepared)) {
          const appending = group.map((each) =>
            appends.ask(each).catch((error: unknown) => {
              if (error instanceof WrongRevision) return error;
              throw error;
            }),
          );
          outcomes.push(...(await Promise.all(appending)));
        }
        return outcomes;
      });
      many = mine.catch(() => undefined);
      return await mine;
    },
    head: async () => (await heads.ask(null)).head,
    async heads(streams) {
      const newest = await Promise.all(streams.map((stream) => newests.ask(stream)));
      return new Map(
        newest.flatMap((event) => {
          if (!event) return [];
          const { hash } = (event.data ?? {}) as { hash?: string };
          return [[event.stream, { revision: event.revision, hash: hash ?? null }] as const];
        }),
      );
    },
    /** The server reads its whole log for this. */
    async latest(wanted) {
      const newest = new Map<string, Recorded>();
      for await (const events of scan(wanted)) for (const event of events) newest.set(event.stream, event);
      return [...newest.values()].sort((a, b) => (a.stream < b.stream ? -1 : 1));
    },
    scan,
    follow: (position, signal) => subscribe(position, [prefix], signal),
    idle: () => appends.idle(),
  };
}

/** Before every event: the first event of a log is never one of ours. */
const BEGINNING = '0/0';

const prepare = (ask: Pick<Append, 'stream' | 'expected' | 'events'>): Append => ({
  ...ask,
  bytes: storable(ask.stream, ask.events).bytes,
  // A canonical instant has no fraction or six digits of it.
  time: new Date().toISOString().replace('Z', '000Z'),
});

/** Splits appends into groups of limited size with the same kind of stream. */
function groupsOf(appends: readonly Append[]): Append[][] {
  const groups: Append[][] = [];
  for (const append of appends) {
    const group = groups.at(-1);
    if (group && group.length < MANY && kindOf(group[0]!) === kindOf(append)) group.push(append);
    else groups.push([append]);
  }
  return groups;
}

const kindOf = ({ stream }: Append): string => stream.slice(0, stream.indexOf('-'));

type AllPosition = { commit: bigint; prepare: bigint };

const textOf = ({ commit, prepare }: AllPosition): Position => `${commit}/${prepare}`;

/** The position that a server before 22.6 returns for events read from their stream. */
const UNKNOWN = 2n ** 64n - 1n;

function positionReturned(position: AllPosition | undefined): Position {
  if (!position || position.commit === UNKNOWN) throw new Error('the server does not tell positions: it is too old');
  return textOf(position);
}

function positionOf(text: Position): AllPosition {
  const [commit, prepare] = text.split('/');
  return { commit: BigInt(commit!), prepare: BigInt(prepare!) };
}

function before(a: Position, b: Position): boolean {
  const [left, right] = [positionOf(a), positionOf(b)];
  return left.commit === right.commit ? left.prepare < right.prepare : left.commit < right.commit;
}

type Event = NonNullable<ResolvedEvent['event']>;

/** System events in our streams, such as tombstones, are not events of the context. */
const isOurs = ({ streamId, type }: Pick<Event, 'streamId' | 'type'>, prefix: string): boolean =>
  streamId.startsWith(prefix) && !type.startsWith('$');

function recorded({ event }: ResolvedEvent, prefix: string): Recorded {
  const { id, type, data, streamId, revision, position, metadata } = event!;
  const { version, time, actor, trace } = (metadata ?? {}) as Partial<Metadata>;
  if (!version || !time || !actor || trace === undefined) throw new Error(`${streamId} has an event of another writer`);
  const stream = streamId.slice(prefix.length);
  return {
    id,
    type,
    version,
    data,
    stream,
    revision: Number(revision),
    time,
    actor,
    trace,
    position: positionReturned(position),
  };
}

/** Reads until `each` returns true or the end; a stream that does not exist has no events. */
async function readInto<E>(
  read: StreamingRead<E>,
  answerMs: number,
  each: (resolved: E) => boolean | void,
): Promise<void> {
  // Errors after the end of the loop below are ignored.
  read.on('error', () => undefined);
  const tooLong = () => void read.destroy(noAnswer());
  const timer = setTimeout(tooLong, answerMs);
  try {
    for await (const resolved of read) {
      timer.refresh();
      if (each(resolved) === true) break;
    }
  } catch (error) {
    if (!isCommand(error) || error.type !== 'stream-not-found') throw error;
  } finally {
    clearTimeout(timer);
    // An unfinished read would occupy a stream of the connection.
    read.cancel().catch(() => undefined);
  }
}

const noAnswer = (): Error => new Error('the event store does not answer');

/** The same call would fail again; after any other error the outcome is unknown. */
const isCertain = (error: unknown): boolean =>
  error instanceof WrongRevision ||
  error instanceof RejectedEvent ||
  (isCommand(error) && ['access-denied', 'stream-deleted', 'unsupported'].includes(error.type));

const isUnstorable = (error: unknown): boolean =>
  isCommand(error) && ['maximum-append-size-exceeded', 'invalid-argument'].includes(error.type);

const isCommand = (error: unknown): error is CommandError => error instanceof Error && isCommandError(error);
