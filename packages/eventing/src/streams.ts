import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Catalog, DomainEvent } from '@gatehouse/events/define';
import type { NewEvent } from '@gatehouse/events/envelope';
import type { Decider, Decision } from '@gatehouse/domain/decider';
import { RejectedEvent, StoreOverloaded, WrongRevision, type EventStore, type Position } from './event-store';
import { Recent } from './recent';
import { streamCounts } from './stream-counts';
import { uuidV5 } from './uuid';

/** A state and the number of events that it includes. */
export type Known<S> = { readonly state: S; readonly revision: number };

export type Command<S> = {
  /** Who gave the command, as `kind:id`. */
  readonly actor: string;
  readonly trace: string | null;
  /** The stream's state in a read model: a hint, which is confirmed against the store. */
  readonly known?: Known<S>;
  /** UUID of the request: its events' ids are derived from it, so that a repeat after a crash finds them (design §3). */
  readonly request?: string;
};

export type Outcome<S, R> = Known<S> & {
  readonly result: R;
  /** Position of the append with its events; null when it has none. */
  readonly position: Position | null;
};

/** The events that a request has appended to a stream, and the number of the stream's events up to and including them. */
export type Recalled<E> = { readonly events: readonly E[]; readonly revision: number };

/** The states before and after a request's events, from which a repeat can be answered. */
export type RecalledStates<S> = { readonly before: Known<S>; readonly after: Known<S> };

export type Streams<S, E extends DomainEvent> = {
  /**
   * Decides a command on one stream and appends its events. Commands that wait for the same stream in this process are
   * decided in their order, each on the state that the previous one left, and appended together; each has its own outcome.
   * A decision without events is confirmed against the store before it is returned. After a lost race the new events are
   * loaded and all commands are decided again. Rejects with StoreOverloaded when too many wait, and as `EventStore.append`
   * does.
   */
  transact<R>(stream: string, decide: (state: S) => Decision<R, E>, command: Command<S>): Promise<Outcome<S, R>>;
  /**
   * Finds the events that a request has already appended to a stream, by their ids, however long the stream is. Undefined
   * when there are none, or further back than `EventStore.find` searches. Rejects with StoreUnavailable.
   */
  recall(stream: string, request: string): Promise<Recalled<E> | undefined>;
  /** The same with the states before and after. Loads the stream up to the request's events, and only when there are any: for short streams. */
  recallStates(stream: string, request: string): Promise<RecalledStates<S> | undefined>;
  /** The current state of a stream. */
  read(stream: string): Promise<Known<S>>;
};

const MAX_TRIES = 100;
/** Events read in the first attempt to get all events of a request. */
const RECALL_PAGE = 16;
/** Events in one read of a stream: all of a long one would take longer than a store may need to answer. */
export const LOAD_PAGE = 2_000;
/** Most commands in one append. */
const LANE_BATCH = 500;
/** Most commands that may wait for one stream. */
const LANE_WAITING = 20_000;

/** A command in its stream's lane, and the functions that settle its promise. */
type Waiting<S, E extends DomainEvent> = {
  readonly decide: (state: S) => Decision<unknown, E>;
  readonly command: Command<S>;
  resolve(outcome: Outcome<S, unknown>): void;
  reject(error: unknown): void;
};

/** A decided command: its events as they will be stored, and the state after them. */
type Decided<S, E extends DomainEvent> = {
  readonly waiting: Waiting<S, E>;
  readonly result: unknown;
  readonly events: readonly NewEvent[];
  readonly after: Known<S>;
};

export type StreamOptions<S, E extends DomainEvent> = {
  readonly catalog: Pick<Catalog<E>, 'write' | 'read'>;
  /** Streams whose states are kept in memory. */
  readonly remember: number;
  /**
   * A stored state of a stream, such as a snapshot, for streams that are too long to be loaded; undefined when there is none. Asked when
   * memory and the command have nothing: when a process starts, and after the stream was evicted. A hint like `Command.known`: the store
   * is asked for the last event before it and for all after it. What it rejects with is the outcome of the commands that wait.
   */
  open?(stream: string): Promise<Known<S> | undefined>;
};

/**
 * Runs the decider of one kind of stream on a store. Lanes and cached states only make it fast; the expected revision of
 * each append makes it correct.
 */
export function streams<S, E extends DomainEvent>(
  store: EventStore,
  decider: Decider<S, E>,
  options: StreamOptions<S, E>,
): Streams<S, E> {
  const { catalog, remember } = options;
  const lanes = new Map<string, Waiting<S, E>[]>();
  const memory = new Recent<Known<S>>(remember);
  /** Stored states that are being read, so that no two callers read one at once. */
  const opening = new Map<string, Promise<Known<S> | undefined>>();
  const counts = streamCounts();

  const nothing: Known<S> = { state: decider.initial, revision: 0 };

  /**
   * The current state, loaded in pages. The last event of `from` is loaded, too: if it is missing, `from` belongs to another history.
   */
  async function advance(stream: string, from: Known<S>): Promise<Known<S>> {
    const first = Math.max(0, from.revision - 1);
    let page = await store.load(stream, first, first + LOAD_PAGE);
    if (page.length === 0 && from.revision > 0) return advance(stream, nothing);
    let at = evolve(from, page.slice(from.revision - first));
    while (page.length === LOAD_PAGE) {
      page = await store.load(stream, at.revision, at.revision + LOAD_PAGE);
      at = evolve(at, page);
    }
    return at;
  }

  /** The state now, from a stored one where there is one. */
  async function open(stream: string): Promise<Known<S>> {
    let stored = opening.get(stream);
    if (!stored && options.open) {
      stored = options.open(stream).finally(() => opening.delete(stream));
      opening.set(stream, stored);
    }
    return advance(stream, (await stored) ?? nothing);
  }

  /** Folds the events in their stored form, so that the state equals one that is loaded later. */
  function evolve(from: Known<S>, tail: readonly Pick<Envelope, 'type' | 'version' | 'data'>[]): Known<S> {
    let { state } = from;
    for (const stored of tail) {
      const event = catalog.read(stored);
      if (event) state = decider.evolve(state, event);
    }
    return { state, revision: from.revision + tail.length };
  }

  /**
   * Runs a stream's lane until it is empty: the first command at once, then in each batch all commands that have arrived in
   * the meantime.
   */
  async function run(stream: string, lane: Waiting<S, E>[]): Promise<void> {
    while (lane.length > 0) {
      const batch = lane.splice(0, LANE_BATCH);
      try {
        await settle(stream, batch);
      } catch (error) {
        for (const each of batch) each.reject(error);
      }
    }
    lanes.delete(stream);
  }

  /** Decides all commands of `batch` and settles each; an exception is the outcome of those that are not settled yet. */
  async function settle(stream: string, batch: readonly Waiting<S, E>[]): Promise<void> {
    const hint = batch.reduce((known, { command }) => newest(known, command.known), memory.get(stream));
    // Without a hint most streams are new ones, and the first append says whether it is so; not those that have stored states.
    let confirmed = hint === undefined && options.open !== undefined;
    let at = confirmed ? await open(stream) : (hint ?? nothing);
    if (confirmed) memory.set(stream, at);
    let asking = batch;
    for (let tries = 1; ; tries++) {
      const decided = decideInTurn(asking, at);
      asking = decided.map(({ waiting }) => waiting);
      const written = decided.flatMap(({ events }) => events);
      if (asking.length === 0) return;
      if (written.length === 0) {
        if (confirmed) {
          counts.settled(stream, decided.length);
          return answer(decided, null);
        }
        at = await advance(stream, at);
        memory.set(stream, at);
        confirmed = true;
        continue;
      }
      try {
        const { after } = decided.at(-1)!;
        const position = await store.append(stream, at.revision, written, { before: at.state, after: after.state });
        memory.set(stream, after);
        counts.settled(stream, decided.length);
        return answer(decided, position);
      } catch (error) {
        // What memory has stays: whatever was written, it is still how the stream begins.
        if (error instanceof RejectedEvent && asking.length > 1) {
          // One of them cannot be stored, or together they are too large for one append: try each half separately.
          const middle = asking.length >> 1;
          await settleApart(stream, asking.slice(0, middle));
          return settleApart(stream, asking.slice(middle));
        }
        if (!(error instanceof WrongRevision) || tries >= MAX_TRIES) throw error;
        counts.lost(stream);
        if (tries > 1) await sleep(Math.random() * Math.min(tries, 20));
        at = await advance(stream, at);
        memory.set(stream, at);
        confirmed = true;
      }
    }
  }

  /** Settles a part of a batch independently of the rest. */
  async function settleApart(stream: string, part: readonly Waiting<S, E>[]): Promise<void> {
    try {
      await settle(stream, part);
    } catch (error) {
      for (const each of part) each.reject(error);
    }
  }

  /**
   * Decides each command on the state that the previous one left. One that throws, or whose events the catalog refuses, is
   * rejected alone.
   */
  function decideInTurn(batch: readonly Waiting<S, E>[], from: Known<S>): Decided<S, E>[] {
    let at = from;
    return batch.flatMap((waiting) => {
      try {
        const { result, events: facts } = waiting.decide(at.state);
        const events = facts.map((event, i) => recordable(event, i, waiting.command));
        at = events.length === 0 ? at : evolve(at, events);
        return { waiting, result, events, after: at };
      } catch (error) {
        waiting.reject(error);
        return [];
      }
    });
  }

  function answer(decided: readonly Decided<S, E>[], position: Position | null): void {
    for (const { waiting, result, events, after } of decided) {
      waiting.resolve({ ...after, result, position: events.length === 0 ? null : position });
    }
  }

  function recordable(event: E, index: number, command: Command<S>): NewEvent {
    const id = command.request ? uuidV5(command.request, String(index)) : randomUUID();
    return { id, ...catalog.write(event), actor: command.actor, trace: command.trace };
  }

  /** The events of a request in a stream, which are contiguous, since they were one append or a part of one. */
  async function writtenBy(request: string, stream: string): Promise<readonly Envelope[]> {
    const first = await store.find(stream, uuidV5(request, '0'));
    if (!first) return [];
    const own = [first];
    for (let page = RECALL_PAGE; ; page *= 2) {
      const from = first.revision + own.length;
      const next = await store.load(stream, from, from + page);
      const others = next.findIndex((event, i) => event.id !== uuidV5(request, String(own.length + i)));
      own.push(...(others === -1 ? next : next.slice(0, others)));
      if (others !== -1 || next.length < page) return own;
    }
  }

  return {
    transact<R>(stream: string, decide: (state: S) => Decision<R, E>, command: Command<S>) {
      return new Promise<Outcome<S, R>>((resolve, reject) => {
        const waiting: Waiting<S, E> = {
          decide,
          command,
          // The outcome has the type that this command's own `decide` returns.
          resolve: (outcome) => resolve(outcome as Outcome<S, R>),
          reject,
        };
        const lane = lanes.get(stream);
        if (!lane) {
          const own = [waiting];
          lanes.set(stream, own);
          void run(stream, own);
        } else if (lane.length < LANE_WAITING) {
          lane.push(waiting);
        } else {
          reject(new StoreOverloaded(`${lane.length} commands wait for one stream`));
        }
      });
    },
    async recall(stream, request) {
      const own = await writtenBy(request, stream);
      const last = own.at(-1);
      return last && { events: own.flatMap((stored) => catalog.read(stored) ?? []), revision: last.revision + 1 };
    },
    async recallStates(stream, request) {
      const own = await writtenBy(request, stream);
      const [first] = own;
      if (!first) return undefined;
      const before = evolve(nothing, await store.load(stream, 0, first.revision));
      return { before, after: evolve(before, own) };
    },
    async read(stream) {
      const known = memory.get(stream);
      const now = known ? await advance(stream, known) : await open(stream);
      // A lane may have come further meanwhile.
      if (!memory.get(stream)) memory.set(stream, now);
      return now;
    },
  };
}

function newest<S>(a: Known<S> | undefined, b: Known<S> | undefined): Known<S> | undefined {
  if (!a || !b) return a ?? b;
  return a.revision >= b.revision ? a : b;
}
