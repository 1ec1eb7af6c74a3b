import type { Context } from '@gatehouse/events/contexts';
import { caughtUp, type EventBus } from '@gatehouse/eventing/event-bus';

/** Whether it is worth to look again: all that `reference` had published when this was asked is applied now. */
export type News = () => Promise<boolean>;

/** So often at most is the bus asked; those who ask in between share the next answer. */
const EVERY_MS = 50;
const PATIENCE_MS = 500;
/** A bus that cannot be asked, or that is far ahead, holds up nobody for so long: the gates go on with what they know. */
const REST_MS = 5_000;

/**
 * A ticket or a credential that nobody knows may be on its way: before a head refuses it, it waits for these read models, bounded
 * and rate-limited (design §8).
 */
export function referenceNews(
  bus: Pick<EventBus, 'ends' | 'left'>,
  { topics, readModels }: { topics: readonly Context[]; readModels: readonly string[] },
): News {
  let next: Promise<boolean> | undefined;
  let askedAt = -Infinity;
  let restUntil = -Infinity;

  async function ask(): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, askedAt + EVERY_MS - performance.now())));
    // Who comes from here on may have heard of something newer.
    next = undefined;
    askedAt = performance.now();
    const answers = readModels.map((group) => caughtUp(bus, { group, topics }, PATIENCE_MS));
    const all = Promise.all(answers).then(
      (applied) => applied.every(Boolean),
      () => false,
    );
    const isApplied = await Promise.race([all, patience()]);
    if (!isApplied) restUntil = performance.now() + REST_MS;
    return isApplied;
  }

  return () => {
    if (performance.now() < restUntil) return Promise.resolve(false);
    return (next ??= ask());
  };
}

/** The bus itself may be slow to say that it is away. */
const patience = (): Promise<false> =>
  new Promise((resolve) => setTimeout(() => resolve(false), 2 * PATIENCE_MS).unref());
