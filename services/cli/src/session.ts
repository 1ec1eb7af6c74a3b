import { setTimeout as sleep } from 'node:timers/promises';
import type { Admission } from '@gatehouse/admission/admission';
import { admissionContext } from '@gatehouse/admission/context';
import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { checkDatabase } from '@gatehouse/eventing/database-check';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import { opening } from '@gatehouse/eventing/opening';
import { relayBacklog } from '@gatehouse/eventing/relay';
import { within } from '@gatehouse/eventing/within';
import { CONTEXT_NAMES, type Context } from '@gatehouse/events/contexts';
import { inventoryContext } from '@gatehouse/inventory/context';
import { referenceContext } from '@gatehouse/reference/context';
import { salesContext } from '@gatehouse/sales/context';
import { syncContext } from '@gatehouse/sync/context';
import { openBackends } from '@gatehouse/service/backends';
import type { Config } from '@gatehouse/service/config';
import { followedBy, type ContextDefinition } from '@gatehouse/service/context';
import { openFeeds, type Feeds } from '@gatehouse/service/feeds';
import { installReadModels } from '@gatehouse/service/read-models';
import type { Pool } from 'pg';

/** The contexts that commands open. */
export const DEFINITIONS: Readonly<Record<Context, ContextDefinition<unknown>>> = {
  reference: referenceContext,
  admission: admissionContext,
  inventory: inventoryContext,
  sales: salesContext,
  sync: syncContext,
};

/** Passed to a command: the databases of the system, which may be running or not. */
export type Session = {
  readonly config: Config;
  /** Histories and pool of each context. */
  readonly feeds: Readonly<Record<Context, Feeds>>;
  readonly admission: Admission;
  /** Pool and store of `reference`. */
  readonly pool: Pool;
  readonly reference: ContextStore;
  /**
   * Waits until the other contexts have applied all facts of `reference`. Returns what makes no progress any more: the
   * relay that publishes them, or the gates' consumers. `onProgress` gets the applied fraction.
   */
  factsApplied(onProgress?: (fraction: number) => void): Promise<'applied' | 'relay' | 'gates'>;
  close(): Promise<void>;
};

/** Time without progress after which it counts as not running; a group on Kafka may be rebalancing. */
const PATIENCE_MS = { postgres: 3_000, kafka: 20_000 };
const LOOK_MS = 100;
const CLOSE_MS = 5_000;
/** Connections of a command. */
const CONNECTIONS = 6;
/** Connections for each context. For an import: one holds the lock, the others read and write in parallel. */
const FEED_CONNECTIONS = 4;

export const openSession = (config: Config): Promise<Session> => opening((opened) => open(config, opened));

async function open(config: Config, opened: (close: () => unknown) => void): Promise<Session> {
  const database = CONTEXT_NAMES.every((context) => config.databases[context] !== undefined)
    ? undefined
    : await openDatabase(config, { log: (sentence) => process.stderr.write(`${sentence}\n`) });
  opened(() => database?.stop());
  const backends = openBackends(config, database?.url);
  opened(() => backends.close());
  for (const url of new Set(CONTEXT_NAMES.map((context) => backends.urlOf(context)))) {
    await checkDatabase(url, CONNECTIONS);
  }
  const feeds: Partial<Record<Context, Feeds>> = {};
  for (const context of CONTEXT_NAMES) {
    const definition = DEFINITIONS[context];
    const own = await openFeeds(definition, backends, { connections: FEED_CONNECTIONS });
    opened(() => own.close());
    await installReadModels(definition.readModels, own);
    feeds[context] = own;
  }
  const all = feeds as Record<Context, Feeds>;
  const admission = await admissionContext.open(backends);
  const { own: reference, pool, ownFeed, bus } = all.reference;
  const followers = CONTEXT_NAMES.filter((context) => followedBy(DEFINITIONS[context]).includes('reference'));

  /** What the gates have not applied yet, in the measures of store and bus. */
  async function backlog(): Promise<{ relay: number; gates: number }> {
    if (bus.isRelayed) {
      const relay = await relayBacklog(pool, ownFeed);
      if (relay > 0) return { relay, gates: 0 };
    }
    let gates = 0;
    for (const context of followers) {
      // If the broker is away it is asked again: the facts are safe in the history.
      const ends = await all[context].followedEnds().catch(() => undefined);
      if (!ends) return { relay: 0, gates: 1 };
      gates = Math.max(gates, ...(await all[context].backlogs(ends)));
    }
    return { relay: 0, gates };
  }

  return {
    config,
    feeds: all,
    admission,
    pool,
    reference,
    async factsApplied(onProgress) {
      const most = { relay: 0, gates: 0 };
      let before = '';
      let since = Date.now();
      for (;;) {
        const now = await backlog();
        if (now.relay === 0 && now.gates === 0) return 'applied';
        const state = JSON.stringify(now);
        if (state !== before) since = Date.now();
        else if (Date.now() - since > PATIENCE_MS[config.eventBus.kind]) return now.relay > 0 ? 'relay' : 'gates';
        before = state;
        most.relay = Math.max(most.relay, now.relay);
        most.gates = Math.max(most.gates, now.gates);
        onProgress?.(fractionOf(now, most));
        await sleep(LOOK_MS);
      }
    },
    async close() {
      const closing = (async () => {
        await admission.close();
        for (const each of Object.values(all)) await each.close();
        await backends.close();
      })();
      // Unfinished work of a command must not delay its end for long.
      await within(CLOSE_MS, closing, () => undefined);
      await database?.stop();
    },
  };
}

/** First publishing, then consuming: each counts as a half if there is a relay. */
function fractionOf(now: { relay: number; gates: number }, most: { relay: number; gates: number }): number {
  if (now.relay > 0) return (1 - now.relay / most.relay) / 2;
  const done = 1 - now.gates / most.gates;
  return most.relay > 0 ? 0.5 + done / 2 : done;
}
