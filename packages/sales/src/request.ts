import { randomUUID } from 'node:crypto';
import { batchStream, type BatchRequested } from '@gatehouse/events/sales';
import { requestBatch } from '@gatehouse/domain/batch';
import type { Instant } from '@gatehouse/domain/instant';
import { available } from '@gatehouse/eventing/postgres';
import { uuidV5 } from '@gatehouse/eventing/uuid';
import type { Pool } from 'pg';
import type { BatchStreams } from './batch-streams';
import type { Where } from './batches/find';

/** What a valid request says of a batch; the rest is given to it here. */
export type WantedBatch = Omit<BatchRequested['data'], 'organizer' | 'event' | 'batch' | 'datetime' | 'id'>;

/** Who asks for a batch, and the request that carries it. */
export type By = {
  /** As `kind:id`. */
  readonly actor: string;
  readonly trace: string | null;
  /** The namespace of its idempotency key: a UUID that is the same when it runs again. */
  readonly request?: string;
  /** Whether it may have run before; absent: it may. */
  readonly again?: boolean;
};

/**
 * Requests a batch (contract §9.3). Answers the UUID of the job by which its creation is followed: with an idempotency key
 * always the same, and then a repeat requests nothing. Rejects with StoreUnavailable or StoreOverloaded.
 */
export type RequestBatch = (where: Where, wanted: WantedBatch, by: By) => Promise<string>;

export const batchRequests =
  ({ pool, batches }: { readonly pool: Pool; readonly batches: BatchStreams }): RequestBatch =>
  async ({ organizer, event }, wanted, { actor, trace, request }) => {
    const job = request === undefined ? randomUUID() : uuidV5(request, 'batch');
    const { rows } = await available(
      pool.query<{ id: number; now: Instant }>({
        name: 'new_batch',
        text: "select nextval('batch_ids')::integer as id, now()",
      }),
    );
    const { id, now } = rows[0]!;
    const asked = requestBatch({ ...wanted, organizer, event, batch: job, id, datetime: now });
    // A repeat finds its batch in the stream. Its event would not be the same, so its id does not derive from the request's.
    await batches.transact(batchStream(job), asked, { actor, trace });
    return job;
  };
