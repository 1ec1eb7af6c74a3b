import type { Pool } from 'pg';
import type { Position } from './event-store';
import type { EventFacts } from './feed-health';
import { eventName, type ConsumerPlace } from './poison';
import { inTransaction } from './postgres';
import { acceptGeneration, RELAY, type Reader } from './topic-generation';

export type ConsumerStatus = ConsumerPlace & {
  /** Up to where all is applied: a position of the history that it follows; on Kafka the offset from which on nothing is. */
  readonly position: string;
  /** The event at which it stands still, because it cannot be applied. */
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

/** A consumer that stands still. */
export type StuckConsumer = ConsumerPlace & { readonly stuck: StuckEvent };

/**
 * The checkpoints of this context's consumers in these topics: its own history, and what it follows of others; whichever process
 * runs them. `atMostMs`: asked no longer.
 */
export async function consumerStatus(
  pool: Pool,
  topics: readonly string[],
  atMostMs?: number,
): Promise<ConsumerStatus[]> {
  const { rows } = await pool.query<ConsumerStatus>({
    ...(atMostMs === undefined ? {} : { query_timeout: atMostMs }),
    // A row holds as long as the checkpoint is the one that it was written at (sql/004-poison.sql).
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

/** Those of them that stand at a poison event. */
export const stuckConsumers = (consumers: readonly ConsumerStatus[]): StuckConsumer[] =>
  consumers.flatMap(({ stuck, ...place }) => (stuck ? [{ ...place, stuck }] : []));

/** The event in words, without what it says. */
export function stuckAt({ event }: StuckEvent): string {
  return eventName(event.id === undefined ? null : (event as NonNullable<EventFacts>));
}

/**
 * Sets a consumer back to the beginning of a topic, as it is now (`start`: the position before the first event); a running
 * consumer notices. False: it has never read it.
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
 * Moves a consumer past the event at which it stands still, and records that: the event is never applied, also not by a rebuild or
 * by a consumer that is reset. Answers the event's position, null when it does not stand still there.
 */
export function skipStuckEvent(
  pool: Pool,
  { name, topic, partition, reason }: ConsumerPlace & { reason: string },
): Promise<string | null> {
  return inTransaction(pool, async (tx) => {
    // The consumer's own transaction takes this row first, too.
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
 * Records that the consumers and the read model of this name are to pass over an event, before they stand still there: for a
 * rebuild that ends at an event which the live read model could apply. False: it is skipped already.
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
