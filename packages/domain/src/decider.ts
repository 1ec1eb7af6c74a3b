import type { DomainEvent } from '@gatehouse/events/define';

/** Computes the state of one kind of stream from its events. */
export type Decider<S, E extends DomainEvent> = { readonly initial: S; evolve(state: S, event: E): S };

/** The result of a decision for its caller, and the events to append. */
export type Decision<R, E extends DomainEvent> = { readonly result: R; readonly events: readonly E[] };

/** The state after a history. */
export function fold<S, E extends DomainEvent>(decider: Decider<S, E>, events: Iterable<E>, from = decider.initial): S {
  let state = from;
  for (const event of events) state = decider.evolve(state, event);
  return state;
}
