import { join } from 'node:path';
import type { CheckinListEvent, TicketEvent } from '@gatehouse/events/admission';
import type { CheckinList } from '@gatehouse/domain/checkin-list';
import type { Admissions } from '@gatehouse/domain/ticket';
import type { EventBus } from '@gatehouse/eventing/event-bus';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import { opening } from '@gatehouse/eventing/opening';
import { changingTables, EVENT_STORE_SQL, migrate, openKeyedPool, openRequestPool } from '@gatehouse/eventing/postgres';
import { consumeFeed, freshness, type ConsumerContext, type Feed } from '@gatehouse/eventing/projection';
import { installReadModel, type ReadModel, type ReadModelContext } from '@gatehouse/eventing/read-model';
import type { Streams } from '@gatehouse/eventing/streams';
import type { Backends } from '@gatehouse/service/backends';
import type { Pool } from 'pg';
import { catalogModel } from '@gatehouse/shop/catalog-model';
import { credentialsModel } from '@gatehouse/shop/credentials';
import { openShop, SHOP_TOPICS, type Shop } from '@gatehouse/shop/shop';
import { HISTORY_GROUP, historySubscriber } from './history';
import { listsModel, listStreams } from './lists';
import { lookups, type Found, type Lookup } from './tickets/lookup';
import { refusalLog } from './refusals';
import { gate, ticketStreams, type Gate } from './scan';
import { ticketsModel } from './tickets/read-model';

/** The schema of admission's tables, and the topic of its events. */
export const ADMISSION = 'admission';

/** The contexts whose events it consumes. */
export const FOLLOWED = SHOP_TOPICS;

export const READ_MODELS: readonly ReadModel[] = [
  catalogModel(['organizer', 'event', 'date', 'category', 'item', 'question', 'voucher', 'channel']),
  credentialsModel,
  listsModel,
  ticketsModel,
];

/** The consumer groups that follow other contexts. */
export const FOLLOWERS: readonly string[] = [
  ...READ_MODELS.filter(({ handles }) => handles.reference).map(({ name }) => name),
  HISTORY_GROUP,
];

/** What a head (checkin, legacy-droid) or a command works with. */
export type Admission = Shop & {
  /** The pools that requests and scans need. */
  readonly serving: readonly Pool[];
  readonly store: ContextStore;
  readonly gate: Gate;
  readonly lists: Streams<CheckinList, CheckinListEvent>;
  readonly tickets: Streams<Admissions, TicketEvent>;
  lookup(ask: Lookup): Promise<Found>;
  /** Waits until read models have applied all that this context's history holds, bounded (design §1.9). */
  caughtUp(models: readonly ('lists' | 'tickets')[]): Promise<boolean>;
  close(): Promise<void>;
};

/** For all that requests ask beside a scan. */
const REQUEST_CONNECTIONS = 4;
/** One each for the look-ups, the appends and the loads of scans, which never run two of a kind at once, and one for the rest. */
const KEYED_CONNECTIONS = 4;
/** What every process needs to serve; `Admission.serving` are the pools. */
export const SERVING_CONNECTIONS = REQUEST_CONNECTIONS + KEYED_CONNECTIONS;

/** Creates or updates the schema. Several processes may do so at once. */
export async function migrateAdmission(pool: Pool): Promise<void> {
  await migrate(pool, ADMISSION, EVENT_STORE_SQL);
  const trigrams = 'create extension if not exists pg_trgm with schema public';
  await changingTables(pool, (tx) => tx.query(trigrams)).catch((error: unknown) => {
    // Two at once: the other one has made it.
    if ((error as { code?: string }).code !== '23505') throw error;
  });
  await migrate(pool, ADMISSION, join(__dirname, '..', 'sql'));
}

/** Opens the context over a migrated schema; a command needs no bus. */
export async function openAdmission(backends: Backends, { bus }: { bus?: EventBus } = {}): Promise<Admission> {
  const listener = backends.listenerOf(ADMISSION);
  const url = backends.urlOf(ADMISSION);
  const pool = openRequestPool(url, ADMISSION, REQUEST_CONNECTIONS);
  const keyed = openKeyedPool(url, ADMISSION, KEYED_CONNECTIONS);
  const store = backends.store(ADMISSION, keyed);
  const fresh = freshness({ pool, schema: ADMISSION, listener, store });
  const shop = await opening((opened) => {
    opened(() => pool.end());
    return openShop({ pool, schema: ADMISSION, listener, bus, awaited: [ticketsModel.name] });
  });
  const tickets = ticketStreams(store);
  const refusals = refusalLog(store);
  const reads = lookups(keyed);
  return {
    ...shop,
    serving: [pool, keyed],
    store,
    tickets,
    lists: listStreams(store),
    gate: gate(tickets, refusals),
    lookup: (ask) => reads.find(ask),
    caughtUp: (models) => fresh.caughtUp(models),
    async close() {
      shop.catalog.close();
      // Before the connections end: scans that were only counted are history, too.
      await refusals.close();
      await reads.idle();
      await store.idle();
      await keyed.end();
      await pool.end();
    },
  };
}

/** Installs the read models; answers those that stand there in another version and need a rebuild. */
export async function installReadModels(context: ReadModelContext): Promise<ReadModel[]> {
  const outdated: ReadModel[] = [];
  for (const model of READ_MODELS) if (!(await installReadModel(model, context))) outdated.push(model);
  return outdated;
}

/** Runs admission's projections and its subscriber until aborted, each when the read model is there in this release's version. */
export async function runProjections(
  admission: Admission,
  sources: { own: Feed; bus: EventBus },
  { upgraded, ...context }: ConsumerContext & { upgraded(readModel: string): Promise<void> },
): Promise<void> {
  const { signal } = context;
  const runs: Promise<void>[] = [];
  const start = (readModel: string, work: () => Promise<void>) =>
    runs.push(upgraded(readModel).then(() => (signal.aborted ? undefined : work())));
  for (const { name, handles, concerns } of READ_MODELS) {
    const { admission: own, reference } = handles;
    if (own) {
      const consumer = { name, feed: sources.own, handle: own, ...(concerns ? { concerns } : {}) };
      start(name, () => consumeFeed(consumer, context));
    }
    if (reference) start(name, () => sources.bus.consume(name, FOLLOWED, reference, signal));
  }
  const remember = historySubscriber({
    pool: admission.pool,
    lists: admission.lists,
    tickets: admission.tickets,
    listsCaughtUp: () => admission.caughtUp(['lists']),
  });
  start(listsModel.name, () => sources.bus.consume(HISTORY_GROUP, FOLLOWED, (_tx, batch) => remember(batch), signal));
  await Promise.all(runs);
}
