import { setTimeout as sleep } from 'node:timers/promises';
import type { Inventory } from '@gatehouse/domain/inventory';
import { conflict } from '@gatehouse/service/errors';

/** Pauses before facts that were too old are read again (contract §2.10). */
const PAUSES_MS = [10, 20, 40, 80, 160];

/**
 * Decides until facts are new enough; `decide` reads them each time, and answers undefined while they are older than what was decided
 * meanwhile. Undefined when they stay so: the read model that they come from is behind.
 */
export async function decideOnFreshFacts<T>(decide: () => Promise<T | undefined>): Promise<T | undefined> {
  for (const pause of [...PAUSES_MS, undefined]) {
    const decided = await decide();
    if (decided !== undefined) return decided;
    if (pause !== undefined) await sleep(pause);
  }
  return undefined;
}

/** The same for a request. Throws the 409 of contract §2.10 when facts stay too old. */
export async function withFreshFacts<T>(decide: () => Promise<T | undefined>): Promise<T> {
  const decided = await decideOnFreshFacts(decide);
  if (decided !== undefined) return decided;
  throw conflict('The server was too busy to process your request. Please try again.', 5);
}

/** Of each stream the revision of the shop's facts up to which its state has learned all changed terms of vouchers. */
export type LearnedRevisions = {
  /** 0: unknown. Facts that are read from a lower one on are the more, and as good. */
  of(stream: string): number;
  /** A state of the stream was seen. */
  saw(stream: string, state: Inventory): void;
};

/** What this process has seen of it. */
export function learnedRevisions(): LearnedRevisions {
  const learned = new Map<string, number>();
  const of = (stream: string): number => learned.get(stream) ?? 0;
  return {
    of,
    saw(stream, { learnedRevision }) {
      if (learnedRevision > of(stream)) learned.set(stream, learnedRevision);
    },
  };
}
