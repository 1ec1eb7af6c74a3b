import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '@gatehouse/events/contexts';
import type { Envelope } from '@gatehouse/events/envelope';
import type { PoolClient } from 'pg';
import type { Position } from './event-store';

/** A transaction in the consumer's database. */
export type Tx = Pick<PoolClient, 'query'>;

/** Carries events to other contexts and to analysts; a context's own projections follow its own store (design §8). */
export interface EventBus {
  /** Delivery is at least once; the first occurrences of one stream's events keep their order. */
  publish(events: readonly Envelope[]): Promise<void>;
  /**
   * Delivers the events of other contexts to the group, at least once, until aborted. The adapter opens the transaction,
   * locks and checks the group's checkpoint, calls `handle`, moves the checkpoint and commits: for a projection, effect and
   * checkpoint are one transaction. All events of a batch are from one context, `from`. `only`: the types for which `handle`
   * does anything; others need not be delivered.
   */
  consume(
    group: string,
    topics: readonly Context[],
    handle: (tx: Tx, batch: readonly Envelope[], from: Context) => Promise<void>,
    options: { readonly signal: AbortSignal; readonly only?: readonly string[] },
  ): Promise<void>;
  /** The current ends of these topics. Throws when the bus does not answer. */
  ends(topics: readonly Context[]): Promise<Ends>;
  /**
   * How much before `ends` the group has not applied, in the bus's own measure (events, bytes); 0 when it has applied
   * everything.
   */
  backlog(group: string, ends: Ends): Promise<number>;
}

/** End positions of topics, by topic and partition as in the checkpoints. */
export type Ends = readonly { readonly topic: string; readonly partition: number; readonly end: Position }[];

const ASK_AGAIN_MS = 50;

/** How long somebody waits for a consumer. */
export type Patience = {
  /** Until something more is applied. */
  readonly stillMs: number;
  /** In all. */
  readonly mostMs: number;
};

/**
 * True when the group has applied everything that the topics held at the time of the call. Waits up to `atMostMs` for that
 * (0: does not wait). False, too, when the bus does not answer.
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
  const leftMs = until - Date.now();
  return hasReached(bus, { group, ends }, { stillMs: leftMs, mostMs: leftMs });
}

/** True when the group has applied everything before `ends`; waits for that as long as `patience` says. */
export async function hasReached(
  bus: Pick<EventBus, 'backlog'>,
  { group, ends }: { group: string; ends: Ends },
  { stillMs, mostMs }: Patience,
): Promise<boolean> {
  const last = Date.now() + mostMs;
  let until = Math.min(last, Date.now() + stillMs);
  let least = Infinity;
  for (;;) {
    const backlog = await bus.backlog(group, ends);
    if (backlog <= 0) return true;
    if (backlog < least) until = Math.min(last, Date.now() + stillMs);
    least = Math.min(least, backlog);
    const remainingMs = until - Date.now();
    if (remainingMs <= 0) return false;
    await sleep(Math.min(ASK_AGAIN_MS, remainingMs));
  }
}
