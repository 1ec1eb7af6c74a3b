import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '@gatehouse/events/contexts';
import { hasReached, type EventBus, type Patience } from '@gatehouse/eventing/event-bus';
import { within } from '@gatehouse/eventing/within';

/**
 * Resolves with true when everything that had been published before the call has been applied: then a repeated look-up may
 * find more.
 */
export type News = () => Promise<boolean>;

const PATIENCE: Patience = { stillMs: 500, mostMs: 500 };
/** How long the bus may take to answer at all: one that is away may need much longer to say so. */
const ANSWER_MS = 500;
/** The bus is asked at most once in this time, and not while it is being asked; calls in between share the next answer. */
const EVERY_MS = 50;
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
    patience = PATIENCE,
    answerMs = ANSWER_MS,
  }: { topics: readonly Context[]; readModels: readonly string[]; patience?: Patience; answerMs?: number },
): News {
  let next: Promise<boolean> | undefined;
  let askedAt = -Infinity;
  let restUntil = -Infinity;
  let asking: Promise<boolean> = Promise.resolve(true);

  const isResting = () => performance.now() < restUntil;

  async function ask(): Promise<boolean> {
    await asking;
    await sleep(Math.max(0, askedAt + EVERY_MS - performance.now()));
    // A later call may be about a newer event, so it needs another check.
    next = undefined;
    if (isResting()) return false;
    askedAt = performance.now();
    asking = isAllApplied();
    return asking;
  }

  async function isAllApplied(): Promise<boolean> {
    const isApplied = await areEndsReached().catch(() => false);
    if (!isApplied) restUntil = performance.now() + REST_MS;
    return isApplied;
  }

  async function areEndsReached(): Promise<boolean> {
    const ends = await within(answerMs, bus.ends(topics), () => undefined);
    if (!ends) return false;
    const reached = Promise.all(readModels.map((group) => hasReached(bus, { group, ends }, patience)));
    const each = await within(patience.mostMs + ANSWER_MS, reached, () => [false]);
    return each.every(Boolean);
  }

  return () => (isResting() ? Promise.resolve(false) : (next ??= ask()));
}
