import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What `work` gives, but what `late` gives (or throws) when that takes longer than `atMostMs`. The work goes on then, and its outcome is not reported
 * of its end, not of a failure either.
 */
export async function within<T, L>(atMostMs: number, work: Promise<T>, late: () => L): Promise<T | L> {
  const timer = new AbortController();
  try {
    return await Promise.race([work, sleep(atMostMs, undefined, { signal: timer.signal }).then(late)]);
  } finally {
    timer.abort();
  }
}

/** Waits for the end of `work`, good or bad, but no longer than `atMostMs`. */
export const settledWithin = (atMostMs: number, work: Promise<unknown>): Promise<void> =>
  within(
    atMostMs,
    work.then(
      () => undefined,
      () => undefined,
    ),
    () => undefined,
  );
