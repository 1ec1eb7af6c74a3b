import { deepStrictEqual } from 'node:assert/strict';
import { fold, type Decider, type Decision } from './decider';
import type { DomainEvent } from '@gatehouse/events/define';

/**
 * A small test language for deciders: `const given = spec(ticket)`, then `given(...events).when(decision).then(result,
 * ...events)`. `then` throws an AssertionError that shows the difference.
 */
export const spec =
  <S, E extends DomainEvent>(decider: Decider<S, E>) =>
  (...history: readonly E[]) => ({
    when: <R>(decide: (state: S) => Decision<R, E>) => ({
      then(result: R, ...events: readonly E[]): void {
        deepStrictEqual(decide(fold(decider, history)), { result, events });
      },
    }),
  });
