import type { ContextStore } from '@gatehouse/eventing/event-store';

/** The part of reference's store that importer and credentials use. */
export type ReferenceStore = Omit<ContextStore, 'context' | 'idle'>;
