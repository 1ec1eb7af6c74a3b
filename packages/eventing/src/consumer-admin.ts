import type { Pool } from 'pg';
import type { Position } from './event-store';
import type { EventFacts } from './feed-health';
import { eventName, type ConsumerPlace } from './poison';
import { inTransaction } from './postgres';
import { acceptGeneration, RELAY, type Reader } from './topic-generation';

export type ConsumerStatus = ConsumerPlace & {
  /** Everything before this position is applied; on Kafka it is the offset of the next event. */
  readonly position: string;
  /** The poison event at which it is stuck, if any. */
  readonly stuck: StuckEvent | null;
};

export type StuckEvent = {
  /** `event` without `id`: a message that is no event. `code`: an SQLSTATE, or the kind of the error. */
  readonly event: Partial<NonNullable<EventFacts>> & { readonly code: string };
  /** On Kafka its offset. */
  readonly position: string;
  readonly error: string;
  readonly since: string;
};

/** A consumer that is stuck at a poison event. */
export type StuckConsumer = ConsumerPlace & { readonly stuck: StuckEvent };

/**
 * The checkpoints of this context's consumers in these topics (its own and those of other contexts), whichever process runs
 * them. `atMostMs` limits the query's time.
 */
export async function consumerStatus(
  pool: Pool,
  topics: readonly string[],
  atMostMs?: number,
): Promise<ConsumerStatus[]> {
  const { rows } = await pool.query<ConsumerStatus>({
    ...(atMostMs === undefined ? {} : { query_timeout: atMostMs }),
    // A row is valid as long as the checkpoint is still the one that it names (sql/004-poison.sql).
    text: `select c.name, c.topic, c.partition, c.position,
                  case when s.name is not null then
                    json_build_object('event', s.event, 'position', s.position, 'error', s.error,
                                      'since', to_char(s.since at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
                  end as stuck
           from checkpoints c
           left join stuck_events s on s.name = c.name and s.topic = c.topic and s.partition = c.partition
             and s.checkpoint = c.position
           where c.topic = any($1::text[]) and c.name <> $2 order by c.name, c.topic, c.partition`,
    values: [topics, RELAY],
  });
  return rows;
}

/** The consumers that are stuck at a poison event. */
export const stuckConsumers = (consumers: readonly ConsumerStatus[]): StuckConsumer[] =>
  consumers.flatMap(({ stuck, ...place }) => (stuck ? [{ ...place, stuck }] : []));

/** The event's type and id as text, without its data. */
export function stuckAt({ event }: StuckEvent): string {
  return eventName(event.id === undefined ? null : (event as NonNullable<EventFacts>));
}

/**
 * Sets a consumer back to the beginning of a topic as it is now (`start`: the position before the first event); a running
 * consumer notices. Returns false if the consumer has never read the topic.
 */
export function resetConsumer(pool: Pool, reader: Reader, start: Position = '0'): Promise<boolean> {
  return inTransaction(pool, async (tx) => {
    await acceptGeneration(tx, reader);
    const { rowCount } = await tx.query('update checkpoints set position = $3 where name = $1 and topic = $2', [
      reader.name,
      reader.topic,
      start,
    ]);
    await tx.query('delete from stuck_events where name = $1 and topic = $2', [reader.name, reader.topic]);
    return (rowCount ?? 0) > 0;
  });
}

/**
 * Moves a consumer past the event at which it is stuck and records the event as skipped: it is never applied again, not
 * even by a rebuild or a reset consumer. Returns the event's position, or null if the consumer is not stuck there.
 */
export function skipStuckEvent(
  pool: Pool,
  { name, topic, partition, reason }: ConsumerPlace & { reason: string },
): Promise<string | null> {
  return inTransaction(pool, async (tx) => {
    // Same lock order as in the consumer's own transaction, which takes this row first.
    const place = [name, topic, partition];
    const { rows } = await tx.query<{ position: string }>(
      'select position from checkpoints where name = $1 and topic = $2 and partition = $3 for update',
      place,
    );
    const [checkpoint] = rows;
    if (!checkpoint) return null;
    const stuck = await tx.query<{ position: string; next: string }>(
      `with gone as (
         delete from stuck_events
         where name = $1 and topic = $2 and partition = $3 and checkpoint = $4
         returning *
       )
       insert into skipped_events (name, topic, partition, position, event, error, reason)
       select name, topic, partition, position, event, error, $5 from gone
       returning position, (select next from gone) as next`,
      [...place, checkpoint.position, reason],
    );
    const [event] = stuck.rows;
    if (!event) return null;
    await tx.query('update checkpoints set position = $4 where name = $1 and topic = $2 and partition = $3', [
      ...place,
      event.next,
    ]);
    return event.position;
  });
}

/**
 * Records an event as skipped for the consumers and the read model of this name before they are stuck at it: for a rebuild
 * that ends at an event which the live read model could apply. Returns false if it is skipped already.
 */
export async function skipEvent(
  pool: Pool,
  { name, topic, id, reason }: Reader & { id: string; reason: string },
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `insert into skipped_events (name, topic, partition, position, event, error, reason)
     select $1, $2, 0, '', json_build_object('id', $3::text), '', $4
     where not exists (select 1 from skipped_events where name = $1 and event ->> 'id' = $3)`,
    [name, topic, id, reason],
  );
  return (rowCount ?? 0) > 0;
}
