import type { Pool } from 'pg';
import type { EventStore, Position } from './event-store';
import { available, waker, type Listener } from './postgres';

/** Waits until read models have applied everything that their own store held at the time of the call (design §1.9). */
export function freshness(options: {
  pool: Pool;
  schema: string;
  listener: Listener;
  store: Pick<EventStore, 'head' | 'before' | 'start'>;
}): {
  caughtUp(names: readonly string[], atMostMs?: number): Promise<boolean>;
} {
  const { pool, schema, listener, store } = options;
  async function positions(names: readonly string[]): Promise<Position[]> {
    const { rows } = await available(
      pool.query<{ position: Position | null }>({
        name: 'positions_of',
        text: `select c.position from unnest($1::text[]) as wanted(name)
               left join checkpoints c on c.name = wanted.name and c.topic = $2 and c.partition = 0`,
        values: [names, schema],
      }),
    );
    return rows.map((row) => row.position ?? store.start);
  }
  return {
    async caughtUp(names, atMostMs = 2_000) {
      const until = Date.now() + atMostMs;
      // Only events up to this head count; otherwise a busy context would never catch up.
      const [head, now] = await Promise.all([store.head(), positions(names)]);
      const isBehind = (position: Position) => store.before(position, head);
      if (!now.some(isBehind)) return true;
      const waiting = waker();
      const forget = names.map((name) => listener.on(`${schema}.${name}`, waiting.wake));
      const never = new AbortController().signal;
      try {
        // Checked again after subscribing: they may have caught up before.
        while ((await positions(names)).some(isBehind)) {
          const remainingMs = until - Date.now();
          if (remainingMs <= 0) return false;
          await waiting.next(never, Math.min(250, remainingMs));
        }
        return true;
      } finally {
        for (const each of forget) each();
      }
    },
  };
}
