import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '@gatehouse/events/contexts';
import type { Envelope } from '@gatehouse/events/envelope';
import type { PoolClient } from 'pg';
import type { Position } from './event-store';

/** A transaction in the consumer's database. */
export type Tx = Pick<PoolClient, 'query'>;

/** Carries events to foreign contexts and to analysts; a context's own projections follow their own store (design §8). */
export interface EventBus {
  /** At least once; the first occurrences of one stream's events keep their order. */
  publish(events: readonly Envelope[]): Promise<void>;
  /**
   * Hands the events of foreign contexts to the group, at least once, until aborted. The adapter opens the transaction, locks and checks the group's
   * checkpoint, calls `handle`, moves the checkpoint and commits: for a projection, effect and checkpoint are one transaction. A batch
   * is of one context, `from`.
   */
  consume(
    group: string,
    topics: readonly Context[],
    handle: (tx: Tx, batch: readonly Envelope[], from: Context) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Where these topics end now. Throws when the bus cannot be asked. */
  ends(topics: readonly Context[]): Promise<Ends>;
  /** How much before `ends` the group has not applied, in the bus's own measure (events, bytes); 0: it has applied all. */
  backlog(group: string, ends: Ends): Promise<number>;
}

/** Places in topics, by the names and partitions of their checkpoints. */
export type Ends = readonly { readonly topic: string; readonly partition: number; readonly end: Position }[];

const ASK_AGAIN_MS = 50;

/**
 * Whether the group has applied all that the topics held when this was asked; waits for it no longer than `atMostMs` (0: not at
 * all). False, too, when the bus cannot be asked.
 */
export async function caughtUp(
  bus: Pick<EventBus, 'ends' | 'backlog'>,
  { group, topics }: { group: string; topics: readonly Context[] },
  atMostMs = 0,
): Promise<boolean> {
  const until = Date.now() + atMostMs;
  let ends: Ends;
  try {
    ends = await bus.ends(topics);
  } catch {
    return false;
  }
  while ((await bus.backlog(group, ends)) > 0) {
    const remainingMs = until - Date.now();
    if (remainingMs <= 0) return false;
    await sleep(Math.min(ASK_AGAIN_MS, remainingMs));
  }
  return true;
}
