import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '@gatehouse/events/contexts';
import { caughtUp, type EventBus } from '@gatehouse/eventing/event-bus';
import { within } from '@gatehouse/eventing/within';

/**
 * Resolves with true when everything that had been published before the call has been applied: then a repeated look-up may
 * find more.
 */
export type News = () => Promise<boolean>;

/** The bus is asked at most once in this time; calls in between share the next answer. */
const EVERY_MS = 50;
/** How long it may take until all is applied. */
const PATIENCE_MS = 500;
/** How long a bus may take to answer at all, beside that. */
const ANSWER_MS = 500;
/**
 * For this time after a timeout or a failure of the bus, calls return at once, and the gates use the facts that they have.
 */
const REST_MS = 5_000;

/**
 * An unknown ticket or credential may be in an event that is not applied yet: before it is refused, the service waits for
 * these read models, with a time limit and a rate limit (design §8).
 */
export function newsOf(
  bus: Pick<EventBus, 'ends' | 'backlog'>,
  {
    topics,
    readModels,
    patienceMs = PATIENCE_MS,
  }: { topics: readonly Context[]; readModels: readonly string[]; patienceMs?: number },
): News {
  let next: Promise<boolean> | undefined;
  let askedAt = -Infinity;
  let restUntil = -Infinity;

  async function ask(): Promise<boolean> {
    await sleep(Math.max(0, askedAt + EVERY_MS - performance.now()));
    // A later call may be about a newer event, so it needs another check.
    next = undefined;
    askedAt = performance.now();
    const answers = readModels.map((group) => caughtUp(bus, { group, topics }, patienceMs));
    const all = Promise.all(answers).then(
      (applied) => applied.every(Boolean),
      () => false,
    );
    // The bus itself may take long to report that it is away.
    const isApplied = await within(patienceMs + ANSWER_MS, all, () => false);
    if (!isApplied) restUntil = performance.now() + REST_MS;
    return isApplied;
  }

  return () => {
    if (performance.now() < restUntil) return Promise.resolve(false);
    return (next ??= ask());
  };
}
