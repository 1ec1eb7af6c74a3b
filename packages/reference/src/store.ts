import type { ContextStore } from '@gatehouse/eventing/event-store';

/** What importer and credentials need of the store of `reference`. */
export type ReferenceStore = Omit<ContextStore, 'context' | 'idle'>;
