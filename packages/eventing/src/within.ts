import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The result of `work`, or, when it takes longer than `atMostMs`, what `late` returns or throws. The work then continues,
 * and its outcome, even a failure, is ignored.
 */
export async function within<T, L>(atMostMs: number, work: Promise<T>, late: () => L): Promise<T | L> {
  const timer = new AbortController();
  try {
    return await Promise.race([work, sleep(atMostMs, undefined, { signal: timer.signal }).then(late)]);
  } finally {
    timer.abort();
  }
}

/** Waits until `work` has settled, at most `atMostMs`. */
export const settledWithin = (atMostMs: number, work: Promise<unknown>): Promise<void> =>
  within(
    atMostMs,
    work.then(
      () => undefined,
      () => undefined,
    ),
    () => undefined,
  );
