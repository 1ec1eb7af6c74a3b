import { randomUUID } from 'node:crypto';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Catalog, DomainEvent } from '@gatehouse/events/define';
import type { NewEvent } from '@gatehouse/events/envelope';
import type { Decider, Decision } from '@gatehouse/domain/decider';
import { WrongRevision, type EventStore, type Position } from './event-store';
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
  /** Where the last event went; null when nothing was written. */
  readonly position: Position | null;
};

/** The state when a request was decided, and when its events were written: what a repeat of it answers from. */
export type Recalled<S> = { readonly before: Known<S>; readonly after: Known<S> };

export type Streams<S, E extends DomainEvent> = {
  /**
   * Decides on one stream and appends what was decided: one command per stream at a time in this process. A decision without
   * events is confirmed against the store before it is told. On a lost race the tail is loaded and the decision taken again.
   */
  transact<R>(stream: string, decide: (state: S) => Decision<R, E>, command: Command<S>): Promise<Outcome<S, R>>;
  /** What a request has written to a stream already; undefined when it wrote nothing there. */
  recall(stream: string, request: string): Promise<Recalled<S> | undefined>;
  /** The state of a stream now. */
  read(stream: string): Promise<Known<S>>;
};

const MAX_TRIES = 100;

/** Asks the deciders of one kind of stream. Lanes and memory only make it fast; the expected revision makes it true. */
export function streams<S, E extends DomainEvent>(
  store: EventStore,
  decider: Decider<S, E>,
  options: { catalog: Pick<Catalog<E>, 'write' | 'read'>; remember: number },
): Streams<S, E> {
  const { catalog, remember } = options;
  const lanes = new Map<string, Promise<unknown>>();
  const memory = new Recent<Known<S>>(remember);

  const nothing: Known<S> = { state: decider.initial, revision: 0 };

  /** The state now. The last known event is loaded, too: were it missing, what is known would be of another history. */
  async function advance(stream: string, from: Known<S>): Promise<Known<S>> {
    if (from.revision === 0) return evolve(from, await store.load(stream));
    const [last, ...tail] = await store.load(stream, from.revision - 1);
    return last ? evolve(from, tail) : evolve(nothing, await store.load(stream));
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

  async function attempt<R>(
    stream: string,
    decide: (state: S) => Decision<R, E>,
    command: Command<S>,
  ): Promise<Outcome<S, R>> {
    let at: Known<S> = newest(memory.get(stream), command.known) ?? nothing;
    let confirmed = false;
    for (let tries = 1; ; tries++) {
      const decision = decide(at.state);
      if (decision.events.length === 0) {
        if (confirmed) return { ...at, result: decision.result, position: null };
        at = await advance(stream, at);
        memory.set(stream, at);
        confirmed = true;
        continue;
      }
      try {
        const written = decision.events.map((event, i) => recordable(event, i, command));
        const position = await store.append(stream, at.revision, written);
        const after = evolve(at, written);
        memory.set(stream, after);
        return { ...after, result: decision.result, position };
      } catch (error) {
        memory.delete(stream);
        if (!(error instanceof WrongRevision) || tries >= MAX_TRIES) throw error;
        if (tries > 1) await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(tries, 20)));
        at = await advance(stream, at);
        confirmed = true;
      }
    }
  }

  function recordable(event: E, index: number, command: Command<S>): NewEvent {
    const id = command.request ? uuidV5(command.request, String(index)) : randomUUID();
    return { id, ...catalog.write(event), actor: command.actor, trace: command.trace };
  }

  return {
    transact(stream, decide, command) {
      const before = lanes.get(stream);
      const mine = before ? before.then(() => attempt(stream, decide, command)) : attempt(stream, decide, command);
      // The lane goes on whatever becomes of this command.
      const lane = mine.then(noop, noop).then(() => {
        if (lanes.get(stream) === lane) lanes.delete(stream);
      });
      lanes.set(stream, lane);
      return mine;
    },
    async recall(stream, request) {
      const history = await store.load(stream);
      const id = uuidV5(request, '0');
      const start = history.findIndex((event) => event.id === id);
      if (start === -1) return undefined;
      const own = history.slice(start).filter((event, i) => event.id === uuidV5(request, String(i)));
      const before = evolve(nothing, history.slice(0, start));
      return { before, after: evolve(before, own) };
    },
    read: (stream) => advance(stream, nothing),
  };
}

const noop = (): void => undefined;

function newest<S>(a: Known<S> | undefined, b: Known<S> | undefined): Known<S> | undefined {
  if (!a || !b) return a ?? b;
  return a.revision >= b.revision ? a : b;
}
