import type { Context } from '@gatehouse/events/contexts';
import type { EventBus } from '@gatehouse/eventing/event-bus';
import type { Listener } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import { openCatalog, type Catalog } from './catalog';
import { credentialFinder, credentialsModel, type CredentialFinder } from './credentials';
import { referenceNews, type News } from './news';

/** What a context knows of the shop, from read models in its own schema: what is sold and asked, and who may do what. */
export type Shop = {
  /** Of the context's schema, for requests. */
  readonly pool: Pool;
  readonly catalog: Catalog;
  readonly credential: CredentialFinder;
  /** Asked before an unknown credential, or another thing that the shop states, is refused. */
  readonly news: News;
};

/** The contexts whose events tell it. */
export const SHOP_TOPICS: readonly Context[] = ['reference'];

/**
 * Opens what a context knows of the shop. `awaited` names the read models besides the credentials that an unknown thing may still
 * be on its way to; without a bus (in a command) nothing is waited for.
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
    ? referenceNews(bus, { topics: SHOP_TOPICS, readModels: [credentialsModel.name, ...awaited] })
    : () => Promise.resolve(false);
  return { pool, catalog: await openCatalog(options), credential: credentialFinder({ pool, news }), news };
}
