import type { Context } from '@gatehouse/events/contexts';
import type { EventBus } from '@gatehouse/eventing/event-bus';
import type { Listener } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import { openCatalog, type Catalog } from './catalog';
import { credentialFinder, credentialsModel, type CredentialFinder } from './credentials';
import { newsOf, type News } from './news';

/** The shop's facts for a context, from read models in its own schema: products, questions, credentials. */
export type Shop = {
  /** Pool of the context's schema, for requests. */
  readonly pool: Pool;
  readonly catalog: Catalog;
  readonly credential: CredentialFinder;
  /** Call it before refusing an unknown credential or another unknown thing that the shop states. */
  readonly news: News;
  /** Reads into memory what the read models have. Rejects with StoreUnavailable. */
  refresh(): Promise<void>;
};

/** The contexts that publish the shop's facts. */
export const SHOP_TOPICS: readonly Context[] = ['reference'];

/**
 * Opens the shop's facts. `awaited` names the read models, besides the credentials, for which `news` waits; without a bus
 * (in a command) it does not wait.
 */
export async function openShop(options: {
  pool: Pool;
  schema: string;
  listener: Listener;
  bus: Pick<EventBus, 'ends' | 'backlog'> | undefined;
  awaited: readonly string[];
}): Promise<Shop> {
  const { pool, bus, awaited } = options;
  const news: News = bus
    ? newsOf(bus, { topics: SHOP_TOPICS, readModels: [credentialsModel.name, ...awaited] })
    : () => Promise.resolve(false);
  const catalog = await openCatalog(options);
  return { pool, catalog, credential: credentialFinder({ pool, news }), news, refresh: () => catalog.refresh() };
}
