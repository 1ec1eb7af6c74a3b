import type { Envelope } from '@gatehouse/events/envelope';
import { inventory, type PlacesRefused, type PlacesTaken } from '@gatehouse/events/inventory';
import { batchStream } from '@gatehouse/events/sales';
import { failBatch, issueTickets, nextChunk, type Batch, type Chunk, type Progress } from '@gatehouse/domain/batch';
import { sideBySide } from '@gatehouse/eventing/bounded';
import type { Known, Outcome } from '@gatehouse/eventing/streams';
import type { BatchStreams } from './batch-streams';
import type { Codes } from './codes';

/** Batches that are made side by side: a small one must not wait for all tickets of a large one. */
const AT_ONCE = 8;

/**
 * The subscriber of sales to inventory: makes the tickets of a batch whose places were taken, and ends one whose places were
 * refused (contract §9.3, §9.4). What it does next follows from the batch's own stream, so that it goes on where another was
 * killed, and does nothing when an event is delivered again.
 */
export function ticketsSubscriber({
  batches,
  codes,
}: {
  readonly batches: BatchStreams;
  readonly codes: Codes;
}): (delivered: readonly Envelope[]) => Promise<void> {
  /**
   * Issues what the batch has not yet. The events get random ids, since an attempt at the same time would issue other tickets:
   * the store must not take one of the two for a repeat of the other.
   */
  async function issue({ event: { data }, source: { actor, trace } }: Caused<PlacesTaken>): Promise<void> {
    const stream = batchStream(data.batch);
    let known: Known<Batch> = await batches.read(stream);
    const { state } = known;
    let next: Chunk | null = nextChunk(state);
    if (state.status !== 'open' || !next) return;
    const { organizer, amount, testmode } = state.request;
    const first = state.firstPosition ?? (await codes.positions(amount));
    while (next) {
      const tickets = await codes.tickets(next.count, { organizer, testmode });
      const issuing = issueTickets(next.from, tickets, first);
      const after: Outcome<Batch, Progress> = await batches.transact(stream, issuing, { actor, trace, known });
      known = after;
      next = after.result.next;
    }
  }

  async function fail({ event: { data }, source: { actor, trace } }: Caused<PlacesRefused>): Promise<void> {
    await batches.transact(batchStream(data.batch), failBatch(data.message), { actor, trace });
  }

  async function follow({ event, source }: Caused<PlacesTaken | PlacesRefused>): Promise<void> {
    if (event.type === 'PlacesTaken') await issue({ event, source });
    if (event.type === 'PlacesRefused') await fail({ event, source });
  }

  const followAll = sideBySide(follow, { parallel: AT_ONCE, key: ({ event }) => event.data.batch });
  return (delivered) =>
    followAll(
      delivered.flatMap((source) => {
        const event = inventory.read(source);
        return event?.type === 'PlacesTaken' || event?.type === 'PlacesRefused' ? [{ event, source }] : [];
      }),
    );
}

/** An event as this release reads it, and as it was stored. */
type Caused<E> = { readonly event: E; readonly source: Envelope };
