import { StoreOverloaded } from './event-store';

type Waiting<Ask, Answer> = { ask: Ask; resolve(answer: Answer | Promise<Answer>): void };

export type BoundedLimits<Ask> = {
  /** Asks under way at once. */
  readonly parallel: number;
  /** Asks that may wait; beyond, an ask is StoreOverloaded. */
  readonly waiting: number;
  /** The same by size. */
  readonly size?: { of(ask: Ask): number; readonly waiting: number };
  /** Asks of one key run one after the other, in their order. */
  readonly key?: (ask: Ask) => string;
};

/** Runs asks side by side, not too many at once: for a store that cannot take many of them in one call. */
export function bounded<Ask, Answer>(
  run: (ask: Ask) => Promise<Answer>,
  limits: BoundedLimits<Ask>,
): { ask(ask: Ask): Promise<Answer>; idle(): Promise<void> } {
  const { key, size } = limits;
  const ready = new Set<Waiting<Ask, Answer>>();
  /** Of each key that is ready or under way: those that wait behind it. */
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
