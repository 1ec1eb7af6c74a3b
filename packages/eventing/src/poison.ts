import type { Envelope } from '@gatehouse/events/envelope';
import type { Pool } from 'pg';
import { reasonOf, type EventFacts } from './feed-health';
import { isPassing } from './postgres';

export const factsOf = ({ id, type, version, stream, revision }: Envelope): EventFacts => {
  return { id, type, version, stream, revision };
};

/** The event as text for status, health and log, without its data. */
export const eventName = (event: EventFacts): string =>
  event ? `${event.type} ${event.id} (revision ${event.revision} of ${event.stream})` : 'a message that is no event';

/** Why an event cannot be applied, without personal data: an SQLSTATE, or the kind of the error. */
export function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : String(name);
}

/** An event that cannot be applied, however often it is tried. The events before it are applied, those after it are not. */
export class PoisonEvent extends Error {
  override name = 'PoisonEvent';
  constructor(
    readonly event: EventFacts,
    readonly position: string,
    override readonly cause: unknown,
  ) {
    super(`${eventName(event)}, position ${position}, cannot be applied: ${reasonOf(cause)}`);
  }
}

/**
 * Applies events in one call, and if that fails one by one, so that all events before a poison event are applied. Throws
 * PoisonEvent for that one; a transient error, such as a lost connection or a deadlock, is thrown as it is.
 */
export async function applyUpToPoison<E extends Envelope & { position: string }>(
  events: readonly E[],
  apply: (events: readonly E[]) => Promise<void>,
): Promise<void> {
  try {
    await apply(events);
  } catch (error) {
    if (isPassing(error) || events.length === 0) throw error;
    if (events.length === 1) throw new PoisonEvent(factsOf(events[0]!), events[0]!.position, error);
    for (const event of events) await applyUpToPoison([event], apply);
  }
}

/** Names a consumer's checkpoint. */
export type ConsumerPlace = { readonly name: string; readonly topic: string; readonly partition: number };

/**
 * Records for other processes where a consumer is stuck. A failure to record it is ignored, because the consumer's own
 * error matters more.
 */
export async function rememberStuck(
  pool: Pool,
  { name, topic, partition }: ConsumerPlace,
  at: { poison: PoisonEvent; checkpoint: string; next: string },
): Promise<void> {
  const { event, position, cause } = at.poison;
  await pool
    .query(
      `insert into stuck_events (name, topic, partition, position, checkpoint, next, event, error)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (name, topic, partition) do update
       set position = excluded.position, checkpoint = excluded.checkpoint, next = excluded.next, event = excluded.event,
           error = excluded.error,
           since = case when stuck_events.position = excluded.position then stuck_events.since else excluded.since end`,
      [
        name,
        topic,
        partition,
        position,
        at.checkpoint,
        at.next,
        JSON.stringify({ ...event, code: codeOf(cause) }),
        reasonOf(cause),
      ],
    )
    .catch(() => undefined);
}

/** Deletes that record when the consumer has made progress. */
export async function forgetStuck(pool: Pool, { name, topic, partition }: ConsumerPlace): Promise<void> {
  await pool
    .query('delete from stuck_events where name = $1 and topic = $2 and partition = $3', [name, topic, partition])
    .catch(() => undefined);
}

/** Events that are never applied by a consumer: ids of events, and positions of messages that are no events. */
export type Skipped = {
  has(event: Pick<Envelope, 'id'>): boolean;
  hasPlace(place: Omit<ConsumerPlace, 'name'> & { position: string }): boolean;
};

const placeKey = (topic: string, partition: number, position: string): string => `${topic} ${partition} ${position}`;

/** The events that an operator has skipped for a consumer, or for the read model of that name. */
export async function skippedBy(pool: Pick<Pool, 'query'>, name: string): Promise<Skipped> {
  const { rows } = await pool.query<{ id: string | null; topic: string; partition: number; position: string }>(
    `select event ->> 'id' as id, topic, partition, position from skipped_events where name = $1`,
    [name],
  );
  const ids = new Set(rows.flatMap((row) => row.id ?? []));
  const places = new Set(
    rows.flatMap((row) => (row.id === null ? placeKey(row.topic, row.partition, row.position) : [])),
  );
  return {
    has: ({ id }) => ids.has(id),
    hasPlace: ({ topic, partition, position }) => places.has(placeKey(topic, partition, position)),
  };
}
