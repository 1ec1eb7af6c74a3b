import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '@gatehouse/events/contexts';
import { caughtUp, type EventBus } from '@gatehouse/eventing/event-bus';
import { within } from '@gatehouse/eventing/within';

/** True when everything that `reference` had published before the call has been applied: then it is worth to look again. */
export type News = () => Promise<boolean>;

/** So often at most is the bus asked; those who ask in between share the next answer. */
const EVERY_MS = 50;
const PATIENCE_MS = 500;
/** After the bus could not be asked, or was far ahead, nothing waits for it for this time: the gates go on with what they know. */
const REST_MS = 5_000;

/**
 * A ticket or a credential that nobody knows may be on its way: before a head refuses it, it waits for these read models, bounded
 * and rate-limited (design §8).
 */
export function referenceNews(
  bus: Pick<EventBus, 'ends' | 'backlog'>,
  { topics, readModels }: { topics: readonly Context[]; readModels: readonly string[] },
): News {
  let next: Promise<boolean> | undefined;
  let askedAt = -Infinity;
  let restUntil = -Infinity;

  async function ask(): Promise<boolean> {
    await sleep(Math.max(0, askedAt + EVERY_MS - performance.now()));
    // Whoever asks from here on may know of something newer.
    next = undefined;
    askedAt = performance.now();
    const answers = readModels.map((group) => caughtUp(bus, { group, topics }, PATIENCE_MS));
    const all = Promise.all(answers).then(
      (applied) => applied.every(Boolean),
      () => false,
    );
    // The bus itself may be slow to say that it is away.
    const isApplied = await within(2 * PATIENCE_MS, all, () => false);
    if (!isApplied) restUntil = performance.now() + REST_MS;
    return isApplied;
  }

  return () => {
    if (performance.now() < restUntil) return Promise.resolve(false);
    return (next ??= ask());
  };
}
