import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';

/** Ids in one block (sql/002-cart-ids.sql). */
const BLOCK = 1_000;
/** With fewer left the next block is fetched: while they last nobody waits for it. */
const FEW = 500;

export type CartIds = {
  /** Ascending ids that nobody else has. */
  take(count: number): Promise<number[]>;
  /** Takes back ids that nothing was written under, for whoever comes next: else a storm of refusals would use them up. */
  giveBack(unused: readonly number[]): void;
};

/**
 * Gives out ids of cart positions, from blocks of a sequence, so that a reservation costs no query of its own. What a process has left of
 * its blocks when it ends is never used.
 */
export function cartIds(pool: Pool): CartIds {
  const unused: number[] = [];
  let next = 0;
  let end = 0;
  let ahead: Promise<number> | undefined;

  async function fetchBlock(): Promise<number> {
    const { rows } = await available(
      pool.query<{ first: number }>({ name: 'cart_id_block', text: "select nextval('cart_ids')::integer as first" }),
    );
    return rows[0]!.first;
  }

  function fetchAhead(): Promise<number> {
    if (ahead) return ahead;
    const mine = fetchBlock();
    ahead = mine;
    // Whoever needs it then tries again.
    mine.catch(() => (ahead = undefined));
    return mine;
  }

  /** Begins the block that was fetched, once, whoever waits for it. */
  async function nextBlock(): Promise<void> {
    const mine = fetchAhead();
    const first = await mine;
    if (ahead !== mine) return;
    ahead = undefined;
    next = first;
    end = first + BLOCK;
  }

  return {
    async take(count) {
      const ids = unused.splice(0, count);
      for (;;) {
        while (next < end && ids.length < count) ids.push(next++);
        if (end - next < FEW) void fetchAhead();
        if (ids.length === count) return ids.sort((a, b) => a - b);
        await nextBlock();
      }
    },
    giveBack(ids) {
      unused.push(...ids);
    },
  };
}
