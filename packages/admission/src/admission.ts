import type { CheckinListEvent, TicketEvent } from '@gatehouse/events/admission';
import type { CheckinList } from '@gatehouse/domain/checkin-list';
import type { Admissions } from '@gatehouse/domain/ticket';
import type { EventBus, Patience } from '@gatehouse/eventing/event-bus';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import { opening } from '@gatehouse/eventing/opening';
import { openKeyedPool, openRequestPool } from '@gatehouse/eventing/postgres';
import { freshness } from '@gatehouse/eventing/freshness';
import type { Streams } from '@gatehouse/eventing/streams';
import type { Backends } from '@gatehouse/service/backends';
import type { Pool } from 'pg';
import { newsOf, type News } from '@gatehouse/shop/news';
import { openShop, type Shop } from '@gatehouse/shop/shop';
import { listsModel, listStreams } from './lists';
import { noncesModel } from './nonces';
import { lookups, type Found, type Lookup } from './tickets/lookup';
import { refusalLog } from './refusals';
import { gate, ticketStreams, type Gate } from './scan';
import { ticketsModel } from './tickets/read-model';

const ADMISSION = 'admission';

/** The value that services (checkin, legacy-droid) and commands of this context use. */
export type Admission = Shop & {
  /** The pools whose connections requests and scans need. */
  readonly serving: readonly Pool[];
  readonly store: ContextStore;
  readonly gate: Gate;
  readonly lists: Streams<CheckinList, CheckinListEvent>;
  readonly tickets: Streams<Admissions, TicketEvent>;
  lookup(ask: Lookup): Promise<Found>;
  /** Call it, besides `news`, before refusing an unknown ticket: it may be one of a batch (contract §9.4). */
  readonly newsOfSales: News;
  /** Waits, up to a limit, until read models have applied everything that this context's history holds (design §1.9). */
  caughtUp(models: readonly ('lists' | 'tickets' | 'nonces')[]): Promise<boolean>;
  close(): Promise<void>;
};

/** For requests other than scans. */
const REQUEST_CONNECTIONS = 4;
/** One each for look-ups, appends and loads of scans, of which never two of a kind run at once, and one for the rest. */
const KEYED_CONNECTIONS = 4;
/** Connections that every process needs to serve, those of the pools in `Admission.serving`. */
export const SERVING_CONNECTIONS = REQUEST_CONNECTIONS + KEYED_CONNECTIONS;

/**
 * The tickets of a batch are valid when BatchCreated is published. Applying ten thousand takes a second or two on a quiet machine, in one
 * transaction, so nothing is seen of it meanwhile; several batches may come at once. Nobody who holds such a ticket is to be sent away.
 */
const SALES_PATIENCE: Patience = { stillMs: 10_000, mostMs: 20_000 };
/** For the same reason a broker that is busy, or is being connected to, gets more time to answer than for the shop's facts. */
const SALES_ANSWER_MS = 2_000;

/** Opens the context on a migrated schema; a command needs no bus. */
export async function openAdmission(backends: Backends, { bus }: { bus?: EventBus } = {}): Promise<Admission> {
  const listener = backends.listenerOf(ADMISSION);
  const url = backends.urlOf(ADMISSION);
  const pool = openRequestPool(url, ADMISSION, REQUEST_CONNECTIONS);
  const keyed = openKeyedPool(url, ADMISSION, KEYED_CONNECTIONS);
  const store = backends.store(ADMISSION, keyed, [listsModel, ticketsModel, noncesModel]);
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
    newsOfSales: bus
      ? newsOf(bus, {
          topics: ['sales'],
          readModels: [ticketsModel.name],
          patience: SALES_PATIENCE,
          answerMs: SALES_ANSWER_MS,
        })
      : () => Promise.resolve(false),
    caughtUp: (models) => fresh.caughtUp(models),
    async close() {
      shop.catalog.close();
      // Before the connections end: this writes the counts of repeated scans.
      await refusals.close();
      await reads.idle();
      await store.idle();
      await keyed.end();
      await pool.end();
    },
  };
}
