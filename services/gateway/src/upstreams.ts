import { get } from 'node:http';

/** A process behind the gateway. */
export type Upstream = { readonly host: string; readonly port: number; isReady: boolean };

/** The processes of one service. */
export type Group = {
  /**
   * The next process, round-robin among the ready ones; among all while none is ready, since they can answer with the
   * reason.
   */
  next(): Upstream | undefined;
  isReady(): boolean;
  /** Asks each process whether it is ready. */
  poll(): void;
};

const LOOK_PATIENCE_MS = 2_000;

/** `urls` as `http://host:port`. */
export function group(urls: readonly string[]): Group {
  const all = urls.map((url): Upstream => {
    const { hostname, port } = new URL(url);
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80), isReady: false };
  });
  let turn = 0;
  return {
    next() {
      const ready = all.filter((each) => each.isReady);
      const choice = ready.length > 0 ? ready : all;
      return choice[turn++ % choice.length];
    },
    isReady: () => all.some((each) => each.isReady),
    poll() {
      for (const each of all) {
        const { host, port } = each;
        const request = get({ host, port, path: '/readyz', timeout: LOOK_PATIENCE_MS, agent: false }, (answer) => {
          each.isReady = answer.statusCode === 200;
          answer.resume();
        });
        request.on('timeout', () => request.destroy(new Error('no answer')));
        request.on('error', () => (each.isReady = false));
      }
    },
  };
}
