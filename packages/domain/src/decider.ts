import type { DomainEvent } from '@gatehouse/events/define';

/** How the state of one kind of stream follows from its events. */
export type Decider<S, E extends DomainEvent> = { readonly initial: S; evolve(state: S, event: E): S };

/** What a decision answers its caller, and what it commits to history. */
export type Decision<R, E extends DomainEvent> = { readonly result: R; readonly events: readonly E[] };

/** The state that a history leads to. */
export function fold<S, E extends DomainEvent>(decider: Decider<S, E>, events: Iterable<E>, from = decider.initial): S {
  let state = from;
  for (const event of events) state = decider.evolve(state, event);
  return state;
}
