import { join } from 'node:path';
import type { CheckinListEvent, TicketEvent } from '@gatehouse/events/admission';
import type { Context } from '@gatehouse/events/contexts';
import type { CheckinList } from '@gatehouse/domain/checkin-list';
import type { Admissions } from '@gatehouse/domain/ticket';
import type { EventBus } from '@gatehouse/eventing/event-bus';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import { opening } from '@gatehouse/eventing/opening';
import { EVENT_STORE_SQL, migrate, openKeyedPool, openRequestPool } from '@gatehouse/eventing/postgres';
import { consumeFeed, freshness, type ConsumerContext, type Feed } from '@gatehouse/eventing/projection';
import { installReadModel, type ReadModel, type ReadModelContext } from '@gatehouse/eventing/read-model';
import type { Streams } from '@gatehouse/eventing/streams';
import type { Backends } from '@gatehouse/service/backends';
import type { Pool } from 'pg';
import { catalogModel, openCatalog, type Catalog } from './catalog';
import { credentialsModel } from './credentials';
import { HISTORY_GROUP, historySubscriber } from './history';
import { listsModel, listStreams } from './lists';
import { lookups, type Found, type Lookup } from './lookup';
import { referenceNews, type News } from './reference-news';
import { refusalLog } from './refusals';
import { gate, ticketStreams, type Gate } from './scan';
import { ticketsModel } from './tickets';

/** The schema of admission's tables, and the topic of its events. */
export const ADMISSION = 'admission';

/** The contexts whose events it consumes. */
export const FOLLOWED: readonly Context[] = ['reference'];

export const READ_MODELS: readonly ReadModel[] = [catalogModel, credentialsModel, listsModel, ticketsModel];

/** The consumer groups that follow other contexts. */
export const FOLLOWERS: readonly string[] = [
  ...READ_MODELS.filter(({ handles }) => handles.reference).map(({ name }) => name),
  HISTORY_GROUP,
];

/** What a head (checkin, legacy-droid) or a command works with. */
export type Admission = {
  readonly pool: Pool;
  /** The pools that requests and scans need. */
  readonly serving: readonly Pool[];
  readonly store: ContextStore;
  readonly catalog: Catalog;
  readonly gate: Gate;
  readonly lists: Streams<CheckinList, CheckinListEvent>;
  readonly tickets: Streams<Admissions, TicketEvent>;
  lookup(ask: Lookup): Promise<Found>;
  /** Asked before an unknown ticket or credential is refused. */
  readonly news: News;
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
  await pool.query('create extension if not exists pg_trgm with schema public').catch((error: unknown) => {
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
  const catalog = await opening((opened) => {
    opened(() => pool.end());
    return openCatalog({ pool, schema: ADMISSION, listener });
  });
  const tickets = ticketStreams(store);
  const reads = lookups(keyed);
  return {
    pool,
    serving: [pool, keyed],
    store,
    catalog,
    tickets,
    lists: listStreams(store),
    gate: gate(tickets, refusalLog(store)),
    lookup: (ask) => reads.find(ask),
    news: bus
      ? referenceNews(bus, { topics: FOLLOWED, readModels: [credentialsModel.name, ticketsModel.name] })
      : () => Promise.resolve(false),
    caughtUp: (models) => fresh.caughtUp(models),
    async close() {
      catalog.close();
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

/** Runs admission's projections and its subscriber until aborted. */
export async function runProjections(
  admission: Admission,
  sources: { own: Feed; bus: EventBus },
  context: ConsumerContext,
): Promise<void> {
  const { signal } = context;
  const runs: Promise<void>[] = [];
  for (const { name, handles, concerns } of READ_MODELS) {
    if (handles.admission) {
      runs.push(
        consumeFeed({ name, feed: sources.own, handle: handles.admission, ...(concerns ? { concerns } : {}) }, context),
      );
    }
    if (handles.reference) runs.push(sources.bus.consume(name, FOLLOWED, handles.reference, signal));
  }
  const remember = historySubscriber({
    pool: admission.pool,
    lists: admission.lists,
    tickets: admission.tickets,
    listsCaughtUp: () => admission.caughtUp(['lists']),
  });
  runs.push(sources.bus.consume(HISTORY_GROUP, FOLLOWED, (_tx, batch) => remember(batch), signal));
  await Promise.all(runs);
}
