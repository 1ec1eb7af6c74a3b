import { sales, type BatchEvent } from '@gatehouse/events/sales';
import { batch, type Batch } from '@gatehouse/domain/batch';
import type { EventStore } from '@gatehouse/eventing/event-store';
import { streams, type Streams } from '@gatehouse/eventing/streams';

export type BatchStreams = Streams<Batch, BatchEvent>;

/** Batches whose states a process keeps in memory: each holds what its tickets use, some megabytes for ten thousand. */
const REMEMBERED = 20;

/** The deciders of batches, over the context's store. */
export const batchStreams = (store: EventStore): BatchStreams =>
  streams(store, batch, { catalog: sales, remember: REMEMBERED });
