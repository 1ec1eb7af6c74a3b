import { StoreOverloaded } from './event-store';

type Waiting<Ask, Answer> = { ask: Ask; resolve(answer: Answer): void; reject(error: unknown): void };

export type CoalesceLimits<Ask> = {
  /** Most requests in one call. */
  readonly batch: number;
  /** Most requests that may wait; a further one is rejected with StoreOverloaded. */
  readonly waiting: number;
  /** Requests with the same key never share a batch and keep their order. */
  readonly key?: (ask: Ask) => string;
  /** The same two limits by size. A request larger than a batch gets a call of its own. */
  readonly size?: { of(ask: Ask): number; readonly batch: number; readonly waiting: number };
};

/**
 * Natural micro-batching: while one call is in flight, further requests collect and share the next call. There is no timer:
 * a batch is whatever arrived during the previous call. `run` returns the results in the order of the requests, with an
 * Error for one that failed alone; when it throws, the whole batch fails.
 */
export function coalesce<Ask, Answer>(
  run: (asks: readonly Ask[]) => Promise<readonly (Answer | Error)[]>,
  limits: CoalesceLimits<Ask>,
): { ask(ask: Ask): Promise<Answer>; idle(): Promise<void> } {
  const { key, size } = limits;
  const sizeOf = (ask: Ask) => size?.of(ask) ?? 0;
  let waiting: Waiting<Ask, Answer>[] = [];
  let waitingSize = 0;
  let inFlight = false;
  const idlers: (() => void)[] = [];

  function take(): Waiting<Ask, Answer>[] {
    const batch: Waiting<Ask, Answer>[] = [];
    const later: Waiting<Ask, Answer>[] = [];
    const keys = new Set<string>();
    let batchSize = 0;
    let next = 0;
    for (; next < waiting.length && batch.length < limits.batch; next++) {
      const each = waiting[next]!;
      const name = key?.(each.ask);
      if (name !== undefined && keys.has(name)) {
        later.push(each);
        continue;
      }
      const bytes = sizeOf(each.ask);
      if (size && batch.length > 0 && batchSize + bytes > size.batch) break;
      if (name !== undefined) keys.add(name);
      batch.push(each);
      batchSize += bytes;
    }
    waiting = later.concat(waiting.slice(next));
    waitingSize -= batchSize;
    return batch;
  }

  async function drain(): Promise<void> {
    inFlight = true;
    // Requests that arrive on other sockets in this turn of the event loop join the first batch.
    await new Promise(setImmediate);
    while (waiting.length > 0) {
      const batch = take();
      try {
        const answers = await run(batch.map((each) => each.ask));
        batch.forEach((each, i) => {
          const answer = answers[i] as Answer | Error;
          if (answer instanceof Error) each.reject(answer);
          else each.resolve(answer);
        });
      } catch (error) {
        for (const each of batch) each.reject(error);
      }
    }
    inFlight = false;
    for (const idle of idlers.splice(0)) idle();
  }

  return {
    ask: (ask) =>
      new Promise<Answer>((resolve, reject) => {
        if (waiting.length >= limits.waiting || (size && waitingSize >= size.waiting)) {
          reject(new StoreOverloaded(`${waiting.length} requests are waiting`));
          return;
        }
        waiting.push({ ask, resolve, reject });
        waitingSize += sizeOf(ask);
        if (!inFlight) void drain();
      }),
    idle: () => (inFlight ? new Promise((resolve) => idlers.push(resolve)) : Promise.resolve()),
  };
}
