import { StoreOverloaded } from './event-store';

type Waiting<Ask, Answer> = { ask: Ask; resolve(answer: Answer | Promise<Answer>): void };

export type BoundedLimits<Ask> = {
  /** Most requests that run at once. */
  readonly parallel: number;
  /** Most requests that may wait; a further one is rejected with StoreOverloaded. */
  readonly waiting: number;
  /** The limit of waiting requests by their total size. */
  readonly size?: { of(ask: Ask): number; readonly waiting: number };
  /** Requests with the same key run one after another, in the order of their calls. */
  readonly key?: (ask: Ask) => string;
};

/** Runs requests in parallel, up to a limit: for a store that cannot take many of them in one call. */
export function bounded<Ask, Answer>(
  run: (ask: Ask) => Promise<Answer>,
  limits: BoundedLimits<Ask>,
): { ask(ask: Ask): Promise<Answer>; idle(): Promise<void> } {
  const { key, size } = limits;
  const ready = new Set<Waiting<Ask, Answer>>();
  /** By key, for each key with a request that is ready or running: the requests that wait for it. */
  const behind = new Map<string, Waiting<Ask, Answer>[]>();
  let waiting = 0;
  let waitingSize = 0;
  let underWay = 0;
  const idlers: (() => void)[] = [];

  function start(): void {
    for (const next of ready) {
      if (underWay >= limits.parallel) return;
      ready.delete(next);
      waiting--;
      waitingSize -= size?.of(next.ask) ?? 0;
      underWay++;
      const running = run(next.ask);
      next.resolve(running);
      const done = () => finish(next.ask);
      running.then(done, done);
    }
  }

  function finish(ask: Ask): void {
    underWay--;
    const name = key?.(ask);
    if (name !== undefined) {
      const next = behind.get(name)!.shift();
      if (next) ready.add(next);
      else behind.delete(name);
    }
    start();
    if (underWay === 0) for (const idle of idlers.splice(0)) idle();
  }

  return {
    ask: (ask) =>
      new Promise<Answer>((resolve, reject) => {
        if (waiting >= limits.waiting || (size && waitingSize >= size.waiting)) {
          reject(new StoreOverloaded(`${waiting} requests are waiting`));
          return;
        }
        waiting++;
        waitingSize += size?.of(ask) ?? 0;
        const name = key?.(ask);
        const lane = name === undefined ? undefined : behind.get(name);
        if (lane) {
          lane.push({ ask, resolve });
          return;
        }
        if (name !== undefined) behind.set(name, []);
        ready.add({ ask, resolve });
        start();
      }),
    idle: () => (underWay === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
  };
}

/**
 * Makes a function that works off many tasks in parallel, up to a limit, those with the same key one after another in their
 * order. It rejects with the first error when all have settled, so that none goes on beside a repeat.
 */
export function sideBySide<Task>(
  work: (task: Task) => Promise<void>,
  limits: Omit<BoundedLimits<Task>, 'waiting' | 'size'>,
): (tasks: readonly Task[]) => Promise<void> {
  const runs = bounded(work, { ...limits, waiting: Infinity });
  return async (tasks) => {
    const settled = await Promise.allSettled(tasks.map((task) => runs.ask(task)));
    for (const each of settled) if (each.status === 'rejected') throw each.reason;
  };
}
