import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Catalog, DomainEvent } from '@gatehouse/events/define';
import type { NewEvent } from '@gatehouse/events/envelope';
import type { Decider, Decision } from '@gatehouse/domain/decider';
import { RejectedEvent, StoreOverloaded, WrongRevision, type EventStore, type Position } from './event-store';
import { Recent } from './recent';
import { uuidV5 } from './uuid';

/** A state and the number of events that led to it. */
export type Known<S> = { readonly state: S; readonly revision: number };

export type Command<S> = {
  /** Who asks, as `kind:id`. */
  readonly actor: string;
  readonly trace: string | null;
  /** What a read model knows of the stream: a hint, never trusted without the store's word. */
  readonly known?: Known<S>;
  /** UUID of the request: its events' ids derive from it, so that a repeat after a crash finds them (design §3). */
  readonly request?: string;
};

export type Outcome<S, R> = Known<S> & {
  readonly result: R;
  /** Where the append went that holds its events; null when it has none. */
  readonly position: Position | null;
};

/** What a request has written to a stream: its events, and the number of the stream's events up to and with them. */
export type Recalled<E> = { readonly events: readonly E[]; readonly revision: number };

/** The state when a request was decided, and when its events were written: what a repeat of it may answer from. */
export type RecalledStates<S> = { readonly before: Known<S>; readonly after: Known<S> };

export type Streams<S, E extends DomainEvent> = {
  /**
   * Decides on one stream and appends what was decided. Commands that wait for the same stream in this process are decided in
   * their order, each on the state that the one before has left, and go down in one append; each has its own outcome. A
   * decision without events is confirmed against the store before it is answered. On a lost race the tail is loaded and all of
   * them are decided again. Rejects with StoreOverloaded when too many wait, and as `EventStore.append` does.
   */
  transact<R>(stream: string, decide: (state: S) => Decision<R, E>, command: Command<S>): Promise<Outcome<S, R>>;
  /**
   * What a request has written to a stream already, found by the ids of its events however long the stream is; undefined when it
   * wrote nothing there, or further back than `EventStore.find` looks. Rejects with StoreUnavailable.
   */
  recall(stream: string, request: string): Promise<Recalled<E> | undefined>;
  /** The same with the states before and after. Loads the stream up to the request's events, and only when there are any: for short streams. */
  recallStates(stream: string, request: string): Promise<RecalledStates<S> | undefined>;
  /** The state of a stream now. */
  read(stream: string): Promise<Known<S>>;
};

const MAX_TRIES = 100;
/** Events that are read at first of those that may be a request's. */
const RECALL_PAGE = 16;
/** Commands in one append. */
const LANE_BATCH = 500;
/** Commands that may wait for one stream. */
const LANE_WAITING = 20_000;

/** A command in its stream's lane, and where its outcome goes. */
type Waiting<S, E extends DomainEvent> = {
  readonly decide: (state: S) => Decision<unknown, E>;
  readonly command: Command<S>;
  resolve(outcome: Outcome<S, unknown>): void;
  reject(error: unknown): void;
};

/** A command that is decided: its events as they will be stored, and the state after them. */
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

/** Asks the deciders of one kind of stream. Lanes and memory only make it fast; the expected revision makes it true. */
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

  const nothing: Known<S> = { state: decider.initial, revision: 0 };

  /** The state now. The last known event is loaded, too: were it missing, what is known would be of another history. */
  async function advance(stream: string, from: Known<S>): Promise<Known<S>> {
    if (from.revision === 0) return evolve(from, await store.load(stream));
    const [last, ...tail] = await store.load(stream, from.revision - 1);
    return last ? evolve(from, tail) : evolve(nothing, await store.load(stream));
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

  /** As a later load would: from what was written, not from what was decided. */
  function evolve(from: Known<S>, tail: readonly Pick<Envelope, 'type' | 'version' | 'data'>[]): Known<S> {
    let { state } = from;
    for (const stored of tail) {
      const event = catalog.read(stored);
      if (event) state = decider.evolve(state, event);
    }
    return { state, revision: from.revision + tail.length };
  }

  /** Works off a stream's lane: the first command at once, then all that came meanwhile, until none is left. */
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

  /** Decides on all of `batch` and settles each; what it throws is the outcome of those that are not settled yet. */
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
        if (confirmed) return answer(decided, null);
        at = await advance(stream, at);
        memory.set(stream, at);
        confirmed = true;
        continue;
      }
      try {
        const position = await store.append(stream, at.revision, written);
        memory.set(stream, decided.at(-1)!.after);
        return answer(decided, position);
      } catch (error) {
        // What memory has stays: whatever was written, it is still how the stream begins.
        if (error instanceof RejectedEvent && asking.length > 1) {
          // One of them cannot be stored, or all together are too large for one append: the halves are tried apart.
          const middle = asking.length >> 1;
          await settleApart(stream, asking.slice(0, middle));
          return settleApart(stream, asking.slice(middle));
        }
        if (!(error instanceof WrongRevision) || tries >= MAX_TRIES) throw error;
        if (tries > 1) await sleep(Math.random() * Math.min(tries, 20));
        at = await advance(stream, at);
        memory.set(stream, at);
        confirmed = true;
      }
    }
  }

  /** Settles a part of a batch whatever becomes of the rest. */
  async function settleApart(stream: string, part: readonly Waiting<S, E>[]): Promise<void> {
    try {
      await settle(stream, part);
    } catch (error) {
      for (const each of part) each.reject(error);
    }
  }

  /** Each decision on the state that the one before leaves. One that throws, or whose events no catalog allows, is rejected alone. */
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

  /** The events of a request in a stream: they stand there in one piece, since they were one append or a part of one. */
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
          // What comes out is what this command's own `decide` has answered.
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
