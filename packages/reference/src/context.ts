import type { ContextStore } from '@gatehouse/eventing/event-store';
import type { Backends } from '@gatehouse/service/backends';
import { SERVES_NOTHING, type ContextDefinition, type Opened } from '@gatehouse/service/context';
import { openHistory } from '@gatehouse/service/feeds';
import type { Service } from '@gatehouse/service/run';
import type { Pool } from 'pg';

/** The context `reference`, the shop's facts. Importer and credentials are commands; a process only runs its relay. */
export const referenceContext: ContextDefinition<Opened> = {
  name: 'reference',
  readModels: [],
  servingConnections: 0,
  open: () => Promise.resolve(SERVES_NOTHING),
};

/** The service with the relay of the importer's events. It has no routes. */
export const referenceRelay: Service<Opened> = { name: 'reference', context: referenceContext, mount: () => ({}) };

/** For imports: one connection holds the lock, the others read and write in parallel. */
const CONNECTIONS = 4;

/** Opens history and connections of `reference`, for the importer and for credentials. Creates or updates the schema. */
export const openReference = (backends: Backends): Promise<{ store: ContextStore; pool: Pool }> =>
  openHistory(referenceContext, backends, CONNECTIONS);
